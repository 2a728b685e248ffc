"""All scores that there are, and their order: every definition that a file of this folder holds."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from fairtune.metrics._score import Score
from fairtune.metrics._weighting import Weighting
from fairtune.records import GroupCounts

_SOURCES = ("counts", "loop", "probe", "rule")


def _defined() -> Iterator[Score]:
    """Every score in the order of files, and within a file of its lines; one that a file borrows from another is the same."""
    here = Path(__file__)
    for file in sorted(here.parent.glob("*.py")):
        if file != here and file.stem != "__init__":
            module = importlib.import_module(f"{__package__}.{file.stem}")
            yield from (item for item in vars(module).values() if isinstance(item, Score))


def _by_name() -> dict[str, Score]:
    found = list(dict.fromkeys(_defined()))
    found.sort(key=lambda score: _SOURCES.index(score.source))
    by_name = {score.name: score for score in found}
    if len(by_name) < len(found):
        raise RuntimeError(f"two scores have one name: {', '.join(score.name for score in found)}")
    return by_name


SCORES: dict[str, Score] = _by_name()
"""By name, in the order of all tables: what group counts tell, then the loop, the probe, and rules, each by file and line."""

HEADLINES = tuple(score.name for score in SCORES.values() if score.shown == "tables")
"""The scores that every table of a report shows."""

BOUNDS = frozenset(score.bound for score in SCORES.values() if score.bound is not None)
"""What searches rank by in the place of a score under a rule that asks for it."""

ESTIMATES = BOUNDS | {score.estimate for score in SCORES.values() if score.estimate is not None}
"""What searches rank by in the place of a score: nothing that a net is said to have, so that it is not confirmed."""


def label(score: str) -> str:
    """A score's name for people."""
    return SCORES[score].label


def ranked(measured: Mapping[str, float]) -> dict[str, float]:
    """Scores as searches rank by them: in the place of each its bound, where the search's rule asks for it, else its estimate.

    Samplers, schedulers and rules see these; people read what was measured.

    Args:
        measured: by name, as recorded. Where the estimate is not among them the score stands, as in records of earlier versions.
    """
    return {name: next((measured[other] for other in stand_ins(name) if other in measured), measured[name]) for name in measured}


def stand_ins(name: str) -> tuple[str, ...]:
    """Names of what a score is ranked by in its place where that is known, the first one first."""
    found = (SCORES[name].bound, SCORES[name].estimate) if name in SCORES else ()
    return tuple(other for other in found if other is not None)


def scores(counts: GroupCounts, *, weighting: Weighting = "samples") -> dict[str, float]:
    """All scores of a split that are functions of its group counts; those of two classes only where there are two.

    Args:
        counts: the group counts of the split.
        weighting: how each score that mixes cells weighs them (see :func:`fairtune.metrics.accuracy`): ``cells`` where the test
            split is balanced over cells but the split scored here is not, so that both estimate the same quantity.
            ``sample_accuracy`` always counts every sample alike.
    """
    two = counts.hard.shape[1] == 2
    measured = (score for score in SCORES.values() if score.source == "counts" and (two or not score.two_classes))
    return {score.name: score.of(counts, weighting) for score in measured}
