"""Methods compared over data sets: which differ, which beat plain training, balanced batches and moved thresholds, and how surely.

What is independent of what decides what a test may say. The seeds of one data set are retrainings of one tuned setting, scored on
the same test samples: they say how sure a difference is **on these data**, never that it holds on others. So a data set is one
block: its ranks and differences are of means over its seeds, and over the splits that several searches may have cut of it. Beside
that stand the same ranks with every seed as a block; what they find is conditional on these data sets and tuned settings.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, Difference, Interval, Number, Ranking, holm, rank, signed_ranks
from fairtune.records import Floats
from fairtune.rules import Rule, View, objectives_of
from fairtune.study.applied import seen_by
from fairtune.study.attainment import Attainment, of_searches
from fairtune.study.choice import BASELINE
from fairtune.study.comparison import Compared, Search, SideBySide, above, check_alike, side_by_side
from fairtune.study.data_sets import by_data, data_name, nothing_shared
from fairtune.study.entrants import Entrant, Kind, entrants
from fairtune.study.retrained import collapsed_seeds, complete, retrainings_of
from fairtune.study.spent import Spent
from fairtune.study.summary import Summary
from fairtune.study.verdict import advice, none_in_brief, rule_of, settings_p
from fairtune.thresholds import WAYS

REFERENCES = (BASELINE, "scratch", "ss", *WAYS)
"""What every method has to beat, as far as it is there."""
Unit = Literal["data sets", "seeds"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Entered(_Part):
    """One that competed on a data set; see :class:`fairtune.study.entrants.Entrant`.

    Attributes:
        name, kind, run, trial, chosen, collapsed, cost: as there.
        seeds: on which it was scored.
        test: scores on the test split, over its seeds.
        worst_group: name of the group with the lowest accuracy.
    """

    name: str
    kind: Kind
    run: str
    trial: int | None
    chosen: bool
    collapsed: bool
    seeds: tuple[int, ...]
    test: dict[str, Interval]
    worst_group: str
    cost: Spent


class Against(_Part):
    """A method against what it has to beat, on one data set: the same seeds and, where answers were kept, the same test samples.

    Attributes:
        name, reference: of both.
        difference: the method's score less the reference's.
        adjusted: its p-value among all methods that were held against this reference on this data set (Holm); NaN on one
            seed alone.
    """

    name: str
    reference: str
    difference: Difference
    adjusted: Number


class Ruled(_Part):
    """What a rule would have chosen of the trials of all methods together.

    Attributes:
        rule: its name.
        method, run, trial: of the choice; None where nothing is feasible, or the rule cannot be applied to these data.
        test: its scores on the test split; empty where it was not confirmed.
        collapsed: whether some net of it gives all test samples one class.
    """

    rule: str
    method: str | None = None
    run: str | None = None
    trial: int | None = None
    test: dict[str, Interval] = Field(default_factory=dict)
    collapsed: bool = False


class Block(_Part):
    """One data set, cut by one seed.

    Attributes:
        dataset: its name alone.
        data: what it is called: the dataset and those of its options that are not the usual ones.
        seed: of the searches, which cuts the splits.
        floor: the highest of theirs.
        corner: where their hypervolumes are measured from.
        searches: each with its front and its volume.
        entrants: what competed.
        against: what has to be beaten.
        rules: what each rule would have chosen.
        shared_seeds: of all that are ranked, on which their ranks are.
    """

    dataset: str
    data: str
    seed: int
    floor: float
    corner: dict[str, Number]
    searches: tuple[Compared, ...]
    entrants: tuple[Entered, ...]
    against: tuple[Against, ...]
    rules: tuple[Ruled, ...]
    shared_seeds: tuple[int, ...]


class Ranked(_Part):
    """All that competed everywhere, ranked in a score; ``unit`` is what a block is."""

    score: str
    unit: Unit
    names: tuple[str, ...]
    ranking: Ranking


class Overall(_Part):
    """A method against what it has to beat, over independent data sets.

    Attributes:
        name, reference: of both.
        differences: of the means, the method's less the reference's, by data set.
        better, worse: data sets on which the mean is.
        p_value: that differences lie about 0, by exact signed ranks.
        adjusted: among all methods that were held against this reference (Holm).
    """

    name: str
    reference: str
    differences: dict[str, Number]
    better: int
    worse: int
    p_value: Number
    adjusted: Number


class Benchmark(_Part):
    """Searches of several methods on one data set or more.

    Attributes:
        score: in which methods are compared.
        scores: in which they are ranked too.
        blocks: the data sets, in the order of the searches.
        ranked: by score and by what a block is; none where fewer than two blocks or methods are.
        overall: over data sets; none for one.
        partial: those that did not compete on all data sets, or whose choice was not confirmed on all, and so are not ranked.
        attainments: by data set, of each method that was searched several times on it, with other seeds.
    """

    schema_: Literal["fairtune-benchmark/1"] = Field(default="fairtune-benchmark/1", alias="schema")
    score: str
    scores: tuple[str, ...]
    blocks: tuple[Block, ...]
    ranked: tuple[Ranked, ...]
    overall: tuple[Overall, ...]
    partial: tuple[str, ...]
    attainments: dict[str, tuple[Attainment, ...]] = Field(default_factory=dict)

    @property
    def data(self) -> tuple[str, ...]:
        """The independent data sets."""
        return tuple(dict.fromkeys(block.data for block in self.blocks))


class _Of(NamedTuple):
    """One block before it is told."""

    data: str
    seed: int
    searches: Sequence[Search]
    found: SideBySide
    entrants: dict[str, Entrant]


def compare_methods(searches: Sequence[Search]) -> Benchmark:
    """Compare methods by their searches.

    Raises:
        InvalidInput: searches of one data set cannot be set side by side, rules differ, no two searches are on the same
            data, or nothing was confirmed.
    """
    rules = {search.spec.select for search in searches}
    if len(rules) > 1:
        raise InvalidInput(f"the searches choose by different rules, {', '.join(sorted(rules))}: compare those of one --select")
    apart = nothing_shared(searches)
    try:
        parts = [_of(own) for own in by_data(searches)]
    except InvalidInput as error:
        raise InvalidInput([*apart, *error.faults]) from error
    if faults := [*apart, *_nothing_confirmed(parts)]:
        raise InvalidInput(faults)
    score = parts[0].found.score
    scores = tuple(dict.fromkeys((score, "accuracy", "worst_group_accuracy")))
    seen = dict.fromkeys(name for part in parts for name in (*part.entrants, *(own.spec.methods for own in part.searches)))
    everywhere = [name for name in seen if all(name in part.entrants for part in parts)]
    return Benchmark(
        score=score,
        scores=scores,
        blocks=tuple(_block(part, everywhere, scores) for part in parts),
        ranked=tuple(_ranked(parts, everywhere, scores)),
        overall=tuple(_overall(parts, everywhere, score)),
        partial=tuple(name for name in seen if name not in everywhere),
        attainments=_attainments(parts),
    )


def _attainments(parts: Sequence[_Of]) -> dict[str, tuple[Attainment, ...]]:
    by_name: dict[str, list[Summary]] = {}
    for part in parts:
        by_name.setdefault(part.data, []).extend(part.found.summaries)
    found = {data: tuple(of_searches(summaries)) for data, summaries in by_name.items()}
    return {data: surfaces for data, surfaces in found.items() if surfaces}


def _nothing_confirmed(parts: Sequence[_Of]) -> list[str]:
    """Why there is nothing to compare, for each search; empty if some search has confirmed something."""
    if any(part.entrants for part in parts):
        return []
    return [f"{summary.name} on {part.data}: {_unconfirmed(summary)}" for part in parts for summary in part.found.summaries]


def _unconfirmed(summary: Summary) -> str:
    if not summary.complete:
        return "nothing is confirmed yet; go on with fairtune resume, then compare it"
    if summary.chosen is None:
        return f"{none_in_brief(rule_of(summary), summary)}, so that nothing is confirmed; {advice(summary)}"
    return "no retraining of its choice was completed, so that nothing is confirmed"


def _of(searches: Sequence[Search]) -> _Of:
    if len(searches) > 1:
        check_alike(searches)
    found = side_by_side(searches)
    competing = entrants(searches, found)
    return _Of(data_name(searches[0].spec), searches[0].spec.seed, searches, found, {one.name: one for one in competing})


def _block(part: _Of, everywhere: Sequence[str], scores: Sequence[str]) -> Block:
    groups = part.searches[0].spec.groups
    return Block(
        dataset=part.searches[0].spec.dataset.name,
        data=part.data,
        seed=part.seed,
        floor=part.found.floor,
        corner=part.found.corner,
        searches=part.found.compared,
        entrants=tuple(
            Entered(
                name=one.name,
                kind=one.kind,
                run=one.run,
                trial=one.trial,
                chosen=one.chosen,
                collapsed=one.collapsed,
                seeds=tuple(one.nets),
                test={name: one.interval(name) for name in scores},
                worst_group=groups[one.worst_group()] if groups else str(one.worst_group()),
                cost=one.cost,
            )
            for one in part.entrants.values()
        ),
        against=tuple(_against(part, scores[0])),
        rules=tuple(_rules(part, scores)),
        shared_seeds=tuple(_seeds(part, everywhere)),
    )


def _against(part: _Of, score: str) -> Iterator[Against]:
    for reference in REFERENCES:
        if reference not in part.entrants:
            continue
        held = [(name, one.less(part.entrants[reference], score)) for name, one in _methods(part) if name != reference]
        found = [(name, differ) for name, differ in held if differ is not None]
        for (name, differ), adjusted in zip(found, holm([settings_p(differ) for _, differ in found]), strict=True):
            yield Against(name=name, reference=reference, difference=differ, adjusted=adjusted)


def _methods(part: _Of) -> list[tuple[str, Entrant]]:
    return [(name, one) for name, one in part.entrants.items() if one.kind == "method"]


def _rules(part: _Of, scores: Sequence[str]) -> Iterator[Ruled]:
    """What each rule chooses of all trials together, that of the searches first."""
    told: dict[int, Ruled] = {}
    for rule in dict.fromkeys((part.searches[0].spec.select, *plugins.names("rule"))):
        built, places = _seen_by(rule, part)
        joint = [view._replace(number=number) for number, (_, view) in enumerate(places)]
        known = all(math.isfinite(view.val.get(name, math.nan)) for name in objectives_of(rule) for view in joint)
        chosen = built.choose(joint) if known and joint else None
        if chosen is None:
            yield Ruled(rule=rule)
            continue
        if chosen.number not in told:
            at, view = places[chosen.number]
            told[chosen.number] = _ruled(part.searches[at], view.number, scores)
        yield told[chosen.number].model_copy(update={"rule": rule})


def _seen_by(select: str, part: _Of) -> tuple[Rule, list[tuple[int, View]]]:
    """A rule, and the trials of all searches as it sees them, each with the place of its search."""
    seen = [seen_by(select, search.study) for search in part.searches]
    floored = (above(part.found.floor, one.study, views) for one, (_, views) in zip(part.searches, seen, strict=True))
    return seen[0][0], [(at, view) for at, views in enumerate(floored) for view in views]


def _ruled(search: Search, number: int, scores: Sequence[str]) -> Ruled:
    """A trial of a search, with its scores on the test split where it was confirmed."""
    record = search.study.records()[number]
    setting = record.result.id if record.result else ""
    nets = complete(retrainings_of(search.spec, search.study).get(setting, {}))
    confirmed = Entrant(record.method, "method", search.place.name, number, True, False, nets, Spent())
    test = {name: confirmed.interval(name) for name in scores} if nets else {}
    alike = bool(collapsed_seeds(nets))
    return Ruled(rule="", method=record.method, run=search.place.name, trial=number, test=test, collapsed=alike)


def _ranked(parts: Sequence[_Of], names: Sequence[str], scores: Sequence[str]) -> Iterator[Ranked]:
    for score in scores if names else ():
        units: dict[Unit, Floats] = {"data sets": _of_data(parts, names, score), "seeds": _of_seeds(parts, names, score)}
        for unit, values in units.items():
            scored = np.flatnonzero(np.isfinite(values).all(axis=0)).tolist()
            if len(values) < 2 or len(scored) < 2:
                continue
            kept = tuple(names[place] for place in scored)
            costs = values[:, scored] * (1 if SCORES[score].better == "lower" else -1)
            yield Ranked(score=score, unit=unit, names=kept, ranking=rank(costs))


def _of_data(parts: Sequence[_Of], names: Sequence[str], score: str) -> Floats:
    """Mean scores ``(data sets, names)``, over the seeds of each split and then over the splits."""
    by_name: dict[str, list[list[float]]] = {}
    for part in parts:
        seeds = _seeds(part, names)
        by_name.setdefault(part.data, []).append([part.entrants[name].mean(score, seeds) if seeds else math.nan for name in names])
    return np.array([list(map(statistics.fmean, zip(*rows, strict=True))) for rows in by_name.values()]).reshape(-1, len(names))


def _of_seeds(parts: Sequence[_Of], names: Sequence[str], score: str) -> Floats:
    """Scores ``(blocks and their seeds, names)``."""
    rows = [[part.entrants[name].value(score, seed) for name in names] for part in parts for seed in _seeds(part, names)]
    return np.array(rows).reshape(-1, len(names))


def _seeds(part: _Of, names: Sequence[str]) -> list[int]:
    """On which all of them were scored."""
    return sorted(set.intersection(*(set(part.entrants[name].nets) for name in names))) if names else []


def _overall(parts: Sequence[_Of], names: Sequence[str], score: str) -> Iterator[Overall]:
    """Every method against what it has to beat, over the data sets; none where there is one only."""
    data = list(dict.fromkeys(part.data for part in parts))
    if len(data) < 2 or not names:
        return
    means = dict(zip(names, _of_data(parts, names, score).T, strict=True))
    methods = [name for name in names if parts[0].entrants[name].kind == "method"]
    sign = -1 if SCORES[score].better == "lower" else 1
    for reference in (name for name in REFERENCES if name in means):
        held = [name for name in methods if name != reference]
        apart = {name: means[name] - means[reference] for name in held}
        p_values = [signed_ranks(apart[name].tolist()) for name in held]
        for name, p_value, adjusted in zip(held, p_values, holm(p_values), strict=True):
            yield Overall(
                name=name,
                reference=reference,
                differences=dict(zip(data, map(float, apart[name]), strict=True)),
                better=int((sign * apart[name] > 0).sum()),
                worse=int((sign * apart[name] < 0).sum()),
                p_value=p_value,
                adjusted=adjusted,
            )
