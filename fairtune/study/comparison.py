"""Several searches on the same data, side by side."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, Difference, Interval, Number, holm, rank, ranked, reaches
from fairtune.rules import View, corner, covered, front
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.choice import CHOSEN
from fairtune.study.retrained import retrainings_of
from fairtune.study.spent import Spent, spent
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, difference, summarise
from fairtune.study.verdict import improves, none_in_brief, rule_of, settings_p

_SAME: dict[str, str] = {
    "dataset": "the data",
    "train_fraction": "--train-fraction",
    "seed": "--seed, which cuts the splits",
    "select": "--select",
    "rule_options": "--set rule.",
}
"""What searches must agree on to be compared, and what it is called."""


class Search(NamedTuple):
    """A search to be compared; its summary where it is at hand."""

    spec: SearchSpec
    place: Place
    study: SearchStudy
    summary: Summary | None = None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Compared(_Part):
    """One search.

    Attributes:
        name: of the run.
        methods: that it searched.
        chosen: number of its choice; None if no trial is feasible.
        why_none: why the search, once it has ended, chose none; empty where it chose one.
        test: scores of the choice on the test split; none where nothing was chosen.
        seeds: on which it was retrained.
        failed_seeds: on which its retraining failed.
        collapsed_seeds: on which its net gives all test samples one class; then it is in no difference and no rank.
        asked_seeds: how many were to confirm it.
        complete: whether the search has ended.
        folds: validation folds that its trials go through.
        front: its trials on the joint front.
        hypervolume: what its feasible trials cover on validation, from the joint corner.
        growth: seconds of its trials, and what those that had ended by then covered, at each trial that added to it.
        trials: how many it has.
        cost: what it took to find and confirm its choice.
        baseline: what the plain model took beside that.
    """

    name: str
    methods: str
    chosen: int | None
    why_none: str
    test: dict[str, Interval]
    seeds: tuple[int, ...]
    failed_seeds: tuple[int, ...]
    collapsed_seeds: tuple[int, ...]
    asked_seeds: int
    complete: bool
    folds: int
    front: tuple[int, ...]
    hypervolume: Number
    growth: tuple[tuple[float, Number], ...]
    trials: int
    cost: Spent
    baseline: Spent


class Pair(_Part):
    """The choices of two searches, on the seeds and test samples that both share.

    Attributes:
        one, other: names of the runs.
        difference: the one's score less the other's.
        adjusted: its p-value among all pairs (S. Holm, Scandinavian Journal of Statistics 1979); NaN on one seed alone.
    """

    one: str
    other: str
    difference: Difference
    adjusted: Number


class Ranks(_Part):
    """Three or more searches ranked on every seed: what is found holds for these data (see :func:`fairtune.metrics.rank`).

    Attributes:
        mean: rank of each search, 1 being the best.
        p_value: of Friedman's test that none differs, from ranks dealt anew.
        critical: by how much mean ranks must differ to be told apart, by Nemenyi's test at 5 %.
        seeds: on which all were scored.
    """

    mean: dict[str, float]
    p_value: Number
    critical: Number
    seeds: int


class Comparison(_Part):
    """Several searches side by side.

    Attributes:
        score: in which choices are compared.
        floor: the highest of the searches' floors, above which the joint front is.
        corner: where the volumes are measured from.
        searches: in the order given.
        pairs: of those that chose something.
        ranks: of those; None for fewer than three, or fewer than two seeds.
    """

    schema_: Literal["fairtune-comparison/1"] = Field(default="fairtune-comparison/1", alias="schema")
    score: str
    floor: float
    corner: dict[str, Number]
    searches: tuple[Compared, ...]
    pairs: tuple[Pair, ...]
    ranks: Ranks | None


class SideBySide(NamedTuple):
    """Searches on the same data.

    Attributes:
        summaries: of each.
        score: in which their choices are compared.
        floor: the highest of theirs.
        corner: where volumes are measured from.
        compared: what is told of each.
        retrained: what came of the retrainings of each one's choice, by seed; none where nothing was chosen.
    """

    summaries: tuple[Summary, ...]
    score: str
    floor: float
    corner: dict[str, float]
    compared: tuple[Compared, ...]
    retrained: tuple[dict[int, TrialResult], ...]


def compare_searches(searches: Sequence[Search]) -> Comparison:
    """Set searches side by side.

    Raises:
        InvalidInput: there are fewer than two, two have one name, they differ in data, splits or rule, or one has no baseline.
    """
    check_alike(searches)
    found = side_by_side(searches)
    both = zip(found.compared, found.retrained, strict=True)
    named = {one.name: results for one, results in both if results and not one.collapsed_seeds}
    return Comparison(
        score=found.score,
        floor=found.floor,
        corner=found.corner,
        searches=found.compared,
        pairs=tuple(_pairs(found.score, named)),
        ranks=_ranks(found.score, named),
    )


def side_by_side(searches: Sequence[Search]) -> SideBySide:
    """What is told of each of some searches that agree on data, splits and rule.

    Raises:
        InvalidInput: one has no baseline.
    """
    summaries = [search.summary or summarise(search.spec, search.place, search.study) for search in searches]
    score, objectives = improves(summaries[0].spec.select), summaries[0].objectives
    floor = max(summary.floor for summary in summaries)
    lowest = min(floor + (summary.mean_floor - summary.floor) for summary in summaries)
    worst = corner(_weakest([summary.baseline.val for summary in summaries], objectives), lowest, objectives)
    views = [above(floor, search.study, search.study.views()) for search in searches]
    joint = _joint_front(views, objectives)
    retrained = [_choice_of(search, summary) for search, summary in zip(searches, summaries, strict=True)]
    costs = [spent(search.spec, search.place, search.study) for search in searches]
    compared = tuple(
        Compared(
            name=summary.name,
            methods=summary.spec.methods,
            chosen=None if summary.chosen is None else summary.chosen.number,
            why_none=none_in_brief(rule_of(summary), summary) if summary.complete and summary.chosen is None else "",
            test=summary.confirmed[CHOSEN].test if results else {},
            seeds=tuple(results),
            failed_seeds=tuple(summary.confirmed[CHOSEN].failed_seeds) if CHOSEN in summary.confirmed else (),
            collapsed_seeds=tuple(summary.confirmed[CHOSEN].collapsed) if results else (),
            asked_seeds=summary.spec.final_seeds,
            complete=summary.complete,
            folds=summary.spec.validation_folds,
            front=tuple(numbers),
            hypervolume=covered(of_search, objectives, worst),
            growth=tuple(_growth(summary, of_search, objectives, worst)),
            trials=len(summary.trials),
            cost=took.own,
            baseline=took.baseline,
        )
        for summary, results, numbers, of_search, took in zip(summaries, retrained, joint, views, costs, strict=True)
    )
    return SideBySide(tuple(summaries), score, floor, worst, compared, tuple(retrained))


def check_alike(searches: Sequence[Search]) -> None:
    """Check that searches can be set side by side.

    Raises:
        InvalidInput: there are fewer than two, two have one name, or they differ in data, splits or rule.
    """
    names = [search.place.name for search in searches]
    if len({(search.place.runs, search.place.name) for search in searches}) < max(2, len(searches)):
        raise InvalidInput(f"give two runs or more, each once: {', '.join(names) or 'there is none'}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInput(f"runs are told apart by their names, and several are called {', '.join(twice)}: leave one out")
    first, *others = searches
    faults = []
    for other in others:
        apart = [called for name, called in _SAME.items() if getattr(first.spec, name) != getattr(other.spec, name)]
        if apart:
            both = f"{other.place.name} and {first.place.name}"
            faults.append(
                f"{both} differ in {', '.join(apart)}: their scores are not of the same samples or not of the same kind; compare "
                "searches of one dataset, its options, seed and rule"
            )
    if faults:
        raise InvalidInput(faults)


def _weakest(baselines: Sequence[Mapping[str, float]], objectives: Sequence[str]) -> dict[str, float]:
    """The worst baseline score in each objective, so that every search's gain counts."""
    return {name: max((val.get(name, math.nan) for val in baselines), key=SCORES[name].cost) for name in objectives}


def above(floor: float, study: SearchStudy, views: Sequence[View]) -> list[View]:
    """The trials of a search, feasible by another floor: as much higher on every validation fold as it is on the first."""

    def floor_of(view: View) -> float:
        own = study.floor_of(study.record(view.number))
        return own if study.baseline is None or floor == study.baseline.floor else floor + (own - study.baseline.floor)

    def feasible(view: View) -> bool:
        return not study.record(view.number).collapsed and reaches(ranked(view.val)["accuracy"], floor_of(view))

    return [view._replace(feasible=feasible(view)) for view in views]


def _joint_front(views: Sequence[Sequence[View]], objectives: Sequence[str]) -> list[list[int]]:
    """The trials of each search that no trial of any search dominates."""
    numbered = [(place, view) for place, of_search in enumerate(views) for view in of_search]
    kept = {view.number for view in front([view._replace(number=at) for at, (_, view) in enumerate(numbered)], objectives)}
    return [[view.number for at, (of, view) in enumerate(numbered) if of == place and at in kept] for place in range(len(views))]


def _growth(
    summary: Summary, views: Sequence[View], objectives: Sequence[str], worst: Mapping[str, float]
) -> list[tuple[float, float]]:
    """What is covered as the trials end, in the order in which they were asked for."""
    seconds = {trial.number: trial.search_s for trial in summary.trials}
    steps: list[tuple[float, float]] = []
    for count in range(1, len(views) + 1):
        volume = covered(views[:count], objectives, worst)
        if not steps or volume > steps[-1][1]:
            steps.append((seconds[views[count - 1].number], volume))
    return steps


def _choice_of(search: Search, summary: Summary) -> dict[int, TrialResult]:
    """The retrainings of what a search chose; none if it chose nothing or has not confirmed it."""
    if summary.chosen is None:
        return {}
    found = retrainings_of(search.spec, search.study).get(summary.trials[summary.chosen.number].id or "", {})
    return {seed: result for seed, result in found.items() if result.state == "complete"}


def _pairs(score: str, named: Mapping[str, Mapping[int, TrialResult]]) -> list[Pair]:
    found = [(*pair, difference(score, named[pair[0]], named[pair[1]])) for pair in combinations(named, 2)]
    shared = [(one, other, differ) for one, other, differ in found if differ is not None]
    adjusted = holm([settings_p(differ) for _, _, differ in shared])
    return [
        Pair(one=one, other=other, difference=differ, adjusted=p) for (one, other, differ), p in zip(shared, adjusted, strict=True)
    ]


def _ranks(score: str, named: Mapping[str, Mapping[int, TrialResult]]) -> Ranks | None:
    seeds = sorted(set.intersection(*map(set, named.values()))) if named else []
    costs = np.array([[SCORES[score].cost((of[seed].test or {}).get(score, math.nan)) for of in named.values()] for seed in seeds])
    if len(named) < 3 or len(seeds) < 2 or not np.isfinite(costs).all():
        return None
    found = rank(costs)
    return Ranks(mean=dict(zip(named, found.mean, strict=True)), p_value=found.p_value, critical=found.critical, seeds=found.blocks)
