"""How far the choices that are compared are confirmed, and what their floor is, in words."""

from __future__ import annotations

from collections.abc import Iterable

from fairtune.names import counted
from fairtune.report.formats import format_score
from fairtune.study.comparison import Compared


def confirmed_on(one: Compared) -> str:
    """On how many seeds, and of how many where that is not all."""
    return f"{len(one.seeds)}" if len(one.seeds) >= one.asked_seeds else f"{len(one.seeds)} of {one.asked_seeds}"


def lacking(one: Compared) -> str:
    """What the confirmation of a search's choice lacks, or that there is no choice; empty where it lacks nothing."""
    if one.chosen is None:
        return one.why_none or "it has not ended and has chosen nothing yet"
    if len(one.seeds) >= one.asked_seeds:
        return ""
    failed = f", {counted(len(one.failed_seeds), 'retraining')} failed" if one.failed_seeds else ""
    ended = "" if one.complete else ", and the search has not ended: fairtune resume goes on"
    if not one.seeds:
        return f"its choice #{one.chosen} is not confirmed and in no difference{failed}{ended}"
    return f"its choice #{one.chosen} is confirmed on {confirmed_on(one)} seeds{failed}{ended}"


def format_floor(floor: float, searches: Iterable[Compared]) -> str:
    """The floor of searches that are compared, and what it is of: the first fold where some have several."""
    split = "the first validation fold" if any(one.folds > 1 for one in searches) else "validation"
    return f"{format_score(floor)} on {split}"
