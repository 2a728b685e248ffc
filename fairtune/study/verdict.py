"""What came of a search, in the sentence that stands first wherever its outcome is told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fairtune.metrics import SCORES, Difference, label, ranked, shortfall
from fairtune.names import counted
from fairtune.rules import Rule
from fairtune.study.choice import BASELINE, CHOSEN
from fairtune.study.study import search_size

if TYPE_CHECKING:
    from fairtune.study.summary import Confirmed, Summary, Trial

_BUDGETS = ("time_budget_s", "epoch_budget", "gpu_budget_s")
"""What may leave no room for a retraining."""
_CLOSEST = 3
_FEWEST_SEEDS = 2
"""That say anything of another retraining of a setting."""


def improves(select: str) -> str:
    """The score in which a choice of the rule has to be better than the baseline."""
    return Rule.load(select).improves or Rule.load(select).objectives[-1]


def settings_p(found: Difference) -> float:
    """That two settings differ as surely as their nets do; NaN where seeds do not tell, as on one alone."""
    return found.p_value if found.seeds >= _FEWEST_SEEDS else math.nan


def gained(summary: Summary) -> bool | None:
    """Whether the choice is better than the baseline, with 95 % confidence.

    None where nothing was compared, or on one seed alone: two nets may differ surely, and their settings not at all. Nothing is
    gained by what gives all samples one class, be it on one seed, or surely loses more accuracy than the floor lets it.
    """
    name = improves(summary.spec.select)
    if _collapsed_choice(summary) is not None:
        return False
    if (found := summary.against_baseline.get(name)) is None or math.isnan(settings_p(found)):
        return None
    if _too_costly(summary) is not None:
        return False
    return found.low > 0 if SCORES[name].better == "higher" else found.high < 0


def outcome(summary: Summary) -> str:
    """The sentence, without a full stop."""
    if summary.chosen is not None:
        return _against_baseline(summary)
    if not summary.complete:
        none = "" if any(trial.state != "running" for trial in summary.trials) else ", and none of its trials was run to its end"
        return f"the search has not ended{none}: this is how it stands"
    below = (trial for trial in summary.trials if trial.feasible is False)
    closest = sorted(below, key=lambda trial: _missing(trial, summary))
    missed = ", ".join(_missed(trial, summary) for trial in closest[:_CLOSEST])
    sealed = "" if summary.test_opened else ", and the test split stays sealed"
    said = f"no trial reached the floor: none is chosen{sealed}"
    return f"{said}; closest to accuracy {summary.mean_floor:.4f} ({summary.spec.accuracy_floor}): {missed}" if missed else said


def cut_short(summary: Summary) -> list[str]:
    """Which limit left trials untried, and how to go on, if one did."""
    if summary.ended_by is None:
        return []
    tried = sum(trial.taken_from is None for trial in summary.trials)
    said = f"{_option(summary.ended_by)} ended the trials: {tried} of {summary.spec.trials} were tried"
    return [f"{said}; fairtune resume with more of it goes on"]


def half_confirmed(summary: Summary) -> list[str]:
    """Which confirmed settings lack retrainings for which a limit had no room, and how to go on, if some do."""
    limits = [_option(name) for name in _BUDGETS if getattr(summary.spec, name) is not None]
    wanted = summary.spec.final_seeds
    ended = [(one, len(one.seeds) + len(one.failed_seeds)) for _, one in summary.confirmed_settings()]
    short = [f"{_called(one)} {number} of {wanted}" for one, number in ended if number < wanted]
    if not (summary.complete and limits and short):
        return []
    said = f"{' or '.join(limits)} had no room for all retrainings: {', '.join(short)}"
    return [f"{said}; fairtune resume with more of it goes on"]


def uneven_folds(summary: Summary) -> list[str]:
    """That trials are compared which were scored on more validation folds than others, if so."""
    folds = [trial.folds for trial in summary.trials if trial.state == "complete"]
    most = max(folds, default=1)
    if (fewer := sum(number < most for number in folds)) == 0:
        return []
    compared = f"of {counted(len(folds), 'complete trial')} {fewer} had fewer validation folds than the {most} of others"
    raced = summary.spec.seeds_per_trial == "auto"
    instead = f"; --seeds-per-trial {summary.spec.validation_folds} scores all on the same" if raced else ""
    return [f"{compared}: scores are taken as they are, and a fold that is harder counts as a worse setting{instead}"]


def collapsed(summary: Summary) -> list[str]:
    """Which confirmed settings but the choice, of which the outcome tells, give all test samples one class."""
    told = [
        f"{_called(one)} {_gives_one_class(one, summary)}"
        for roles, one in summary.confirmed_settings()
        if one.collapsed and CHOSEN not in roles
    ]
    return [f"{said}: such a net treats all groups alike, and is of no use" for said in told]


def advice(summary: Summary) -> str:
    """What may help where no trial reached the floor; nothing that cannot."""
    more = "more --epochs" if len(summary.trials) >= search_size(summary.spec.spaces) else "more --trials or --epochs"
    return f"lower --accuracy-floor, widen the search with --set, or give it {more}"


def _against_baseline(summary: Summary) -> str:
    assert summary.chosen is not None
    name = improves(summary.spec.select)
    better = "fairer" if SCORES[name].gap else f"better in {label(name)}"
    trial = f"trial {summary.chosen.number}"
    chosen, baseline = (_value(scored.score(name)) for scored in (summary.chosen, summary.baseline))
    held = f"{trial} has {label(name)} {chosen} on validation, the baseline {baseline}"
    if (one := _collapsed_choice(summary)) is not None:
        return f"nothing found that is {better} than the baseline: {trial} {_gives_one_class(one, summary)}; {held}"
    found = summary.against_baseline.get(name)
    if found is None:
        lacking = "confirmed, but the baseline is not" if CHOSEN in summary.confirmed else "not confirmed"
        return f"{trial} is chosen and {lacking}{'' if summary.complete else ' yet'}: {held}"
    if 0 < found.seeds < _FEWEST_SEEDS:
        return f"one seed does not tell whether {trial} is {better} than the baseline, two would: {held}; {_differ(found)}"
    if summary.gained:
        return f"{trial} is {better} than the baseline: {held}; {_differ(found)}"
    if (cost := _too_costly(summary)) is not None:
        lost = f", and in accuracy by {cost.mean:+.4f} (95 % interval {cost.low:+.3f} to {cost.high:+.3f})" * (cost is not found)
        said = f"nothing found that is {better} than the baseline at this floor: {held}; {_differ(found)}{lost}"
        return f"{said}, more than the floor allows"
    return f"nothing found that is {better} than the baseline at this floor: {held}; {_differ(found)}"


def _too_costly(summary: Summary) -> Difference | None:
    """The difference in accuracy on the test split, where it is surely below what the floor allows on validation."""
    cost = summary.against_baseline.get("accuracy")
    if cost is None or math.isnan(settings_p(cost)):
        return None
    floor = summary.spec.accuracy_floor
    told = summary.confirmed[BASELINE].score("accuracy").mean if BASELINE in summary.confirmed else math.nan
    allowed = floor.value - told if floor.kind == "number" else summary.mean_floor - summary.baseline.score("accuracy")
    return cost if cost.high < min(0.0, allowed) else None


def _collapsed_choice(summary: Summary) -> Confirmed | None:
    """What confirmed the choice, if some retraining of it gives all test samples one class."""
    one = summary.confirmed.get(CHOSEN)
    return one if one is not None and one.collapsed else None


def _option(limit: str) -> str:
    return f"--{limit.removesuffix('_s').replace('_', '-')}"


def _called(one: Confirmed) -> str:
    return "the baseline" if one.number is None else f"trial {one.number}"


def _gives_one_class(one: Confirmed, summary: Summary) -> str:
    given = " or ".join(summary.names.label(index) for index in sorted(set(one.collapsed.values())))
    return f"calls every test sample {given} in {len(one.collapsed)} of {counted(len(one.seeds), 'retraining')}"


def _differ(found: Difference) -> str:
    if found.seeds == 0:
        return "their difference on test is not defined"
    differ = f"on test they differ by {found.mean:+.4f}"
    if math.isnan(found.p_value):
        seeds = "on a single seed" if found.seeds == 1 else f"the same on all {found.seeds} seeds"
        return f"{differ}, {seeds}, which is no interval"
    pairs = "" if found.paired == "samples" else ", of paired seeds alone"
    nets = ", of these two nets" if found.seeds < _FEWEST_SEEDS else ""
    return f"{differ} (95 % interval {found.low:+.3f} to {found.high:+.3f}, p = {found.p_value:.2g}{pairs}{nets})"


def _value(score: float) -> str:
    return f"{score:.4f}" if math.isfinite(score) else "-"


def _missed(trial: Trial, summary: Summary) -> str:
    own = _floor(trial, summary)
    floor = "it" if math.isclose(own, summary.mean_floor) else f"{own:.4f}, that of its folds,"
    return f"trial {trial.number} misses {floor} by {_missing(trial, summary):.4f}"


def _missing(trial: Trial, summary: Summary) -> float:
    """By how much accuracy, as the search holds it against the floor, misses that of the trial's own folds."""
    return shortfall(ranked(trial.val or {}).get("accuracy", math.nan), _floor(trial, summary))


def _floor(trial: Trial, summary: Summary) -> float:
    return summary.floor if trial.floor is None else trial.floor
