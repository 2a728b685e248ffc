"""What came of a search, in the sentence that stands first wherever its outcome is told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fairtune.metrics import SCORES, Difference, label, ranked, reaches, shortfall
from fairtune.names import counted
from fairtune.rules import Rule, View
from fairtune.study.choice import BASELINE, CHOSEN
from fairtune.study.folders import RunFolder
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
        none = none_complete(summary)
        return f"the search has not ended{'' if none is None else f', and {none}'}: this is how it stands"
    sealed = "" if summary.test_opened else ", and the test split stays sealed"
    views = [View(one.number, one.params, one.val or {}, bool(one.feasible)) for one in summary.trials if one.state == "complete"]
    return f"nothing is chosen{sealed}: {none_feasible(rule_of(summary), views, summary)}"


def none_feasible(rule: Rule, views: Sequence[View], summary: Summary) -> str:
    """Why a rule chooses none of the trials of a search, and which came closest, without a full stop.

    Args:
        rule: which chooses none.
        views: the complete trials as it sees them.
        summary: of the search.
    """
    said = none_in_brief(rule, summary)
    missing = {view.number: _missing(view, summary) for view in views if not summary.trials[view.number].collapsed}
    if not missing:
        return said
    closest = sorted(missing, key=lambda number: missing[number])
    missed = ", ".join(_missed(summary.trials[number], missing[number], summary) for number in closest[:_CLOSEST])
    floor = f"accuracy {summary.mean_floor:.4f} ({summary.spec.accuracy_floor})"
    if not _goes_by_bound(rule):
        return f"{said}; closest to {floor}: {missed}"
    measured = sum(reaches(view.val["accuracy"], _floor(summary.trials[view.number], summary)) for view in views)
    nor = f"though {measured} of {len(views)} did as measured" if measured else "nor did any as measured"
    return f"{said}, {nor}; closest to {floor} by the lower bound: {missed}"


def none_in_brief(rule: Rule, summary: Summary) -> str:
    """Why a rule chooses none of the trials of a search, without a full stop."""
    if (said := none_complete(summary)) is not None:
        return said
    constant = [trial for trial in summary.trials if trial.collapsed and reaches(trial.score("accuracy"), _floor(trial, summary))]
    but = f" but {counted(len(constant), 'trial')} whose net gives all validation samples one class" if constant else ""
    surely = "" if rule.certainty is None else f" with probability {rule.certainty.value:g} (rule.{rule.certainty.option})"
    return f"no trial{' surely' if _goes_by_bound(rule) and not surely else ''} reached the floor{surely}{but}"


def none_complete(summary: Summary) -> str | None:
    """What became of the trials where none was run to its end, without a full stop; None where one was."""
    ended = [trial.state for trial in summary.trials if trial.state != "running"]
    if "complete" in ended:
        return None
    if not ended:
        return "no trial was run to its end" if summary.trials else "no trial was run"
    states = ", ".join(f"{ended.count(state)} {state}" for state in dict.fromkeys(ended))
    return f"of {counted(len(ended), 'trial')} none was run to its end ({states})"


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


def advice(summary: Summary, rule: Rule | None = None) -> str:
    """What may help where nothing is chosen, by the rule of the search or another; nothing that cannot."""
    more = "more --epochs" if len(summary.trials) >= search_size(summary.spec.spaces) else "more --trials or --epochs"
    complete = [trial for trial in summary.trials if trial.state == "complete"]
    if complete and all(trial.collapsed for trial in complete):
        return "its nets have learnt nothing: give it more --epochs, or another learning rate with --set lr=..."
    if complete:
        certainty = (rule or rule_of(summary)).certainty
        lower = "--accuracy-floor" if certainty is None else f"--accuracy-floor or rule.{certainty.option}"
        return f"lower {lower}, widen the search with --set, or give it {more}"
    folder = RunFolder.of(summary.place)
    if not summary.complete and len(summary.trials) < summary.spec.trials:
        return f"go on with fairtune resume {folder.path}"
    if any(trial.error for trial in summary.trials):
        return f"{folder.table} has the error of each: mend what they name, or search with other settings"
    if summary.ended_by is not None:
        return f"fairtune resume {folder.path} with more {_option(summary.ended_by)} goes on"
    return f"give it {more}"


def rule_of(summary: Summary) -> Rule:
    """The rule of the search, with its options."""
    return Rule.load(summary.spec.select).build(**summary.spec.rule_options)


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


def _goes_by_bound(rule: Rule) -> bool:
    """Whether it is a bound of accuracy that has to reach the floor."""
    return SCORES["accuracy"].bound in rule.bounds


def _missed(trial: Trial, missing: float, summary: Summary) -> str:
    own = _floor(trial, summary)
    floor = "it" if math.isclose(own, summary.mean_floor) else f"{own:.4f}, that of its folds,"
    return f"trial {trial.number} misses {floor} by {missing:.4f}"


def _missing(view: View, summary: Summary) -> float:
    """By how much accuracy, as a rule holds it against the floor, misses that of the trial's own folds."""
    return shortfall(ranked(view.val).get("accuracy", math.nan), _floor(summary.trials[view.number], summary))


def _floor(trial: Trial, summary: Summary) -> float:
    return summary.floor if trial.floor is None else trial.floor
