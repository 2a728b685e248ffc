"""Methods compared over data sets, for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from fairtune.metrics import SCORES, UNDEFINED, Difference, label
from fairtune.report.attainment import tell_attainment
from fairtune.report.confirmed import format_floor, lacking
from fairtune.report.formats import COVERED, format_mean, format_score
from fairtune.report.spent import SPENT, SPENT_ON, format_spent
from fairtune.report.text_table import TextTable
from fairtune.report.told import Told
from fairtune.study.benchmark import REFERENCES, Against, Benchmark, Block, Overall, Ranked
from fairtune.thresholds import WAYS

T = TypeVar("T", bound=Against | Overall)

_CERTAIN = 0.05


def told(found: Benchmark) -> Told:
    """What beats what, and how surely; then the tables."""
    sentences = [*_beaten(found), *(_ranks(one) for one in found.ranked if one.score == found.score), *_remarks(found)]
    sentences += [f"fronts on validation, {data}: {tell_attainment(one)}" for data, of in found.attainments.items() for one in of]
    tables = [_mean_ranks(found)] if found.ranked else []
    tables += [_overall(found)] if found.overall else []
    for block in found.blocks:
        tables += [_entrants(block, found)] if block.entrants else []
        tables += [_against(block, found)] if block.against else []
        tables += [_rules(block, found)] if any(one.method for one in block.rules) else []
    return Told("Methods compared", sentences, tables)


def _beaten(found: Benchmark) -> Iterator[str]:
    """For each reference, who beats it on which data with certainty, and what the data sets together say."""
    for reference in REFERENCES:
        held = [(block, [one for one in block.against if one.reference == reference]) for block in found.blocks]
        said = [f"on {_called(block, found)} {_winners(own, found.score)}" for block, own in held if own]
        if not said:
            continue
        over = [one for one in found.overall if one.reference == reference]
        yield f"{_named(reference)} is beaten in {label(found.score)} on test {'; '.join(said)}{_over_data(over)}"


def _winners(held: list[Against], score: str) -> str:
    sure = [one for one in held if one.adjusted < _CERTAIN]
    better = [one.name for one in sure if _is_better(one.difference.mean, score)]
    worse = len(sure) - len(better)
    lose = f", and {worse} are worse with that certainty" if worse else ""
    single = sum(one.difference.seeds == 1 for one in held)
    untold = f", and {single} on one seed alone, which does not tell, two would" if single else ""
    return f"by {', '.join(better) if better else 'none'} of {len(held)} (p < 0.05, Holm){lose}{untold}"


def _over_data(over: list[Overall]) -> str:
    if not over:
        return ""
    sure = [one.name for one in over if one.adjusted < _CERTAIN and one.better > one.worse]
    sets = len(over[0].differences)
    least = 2 / 2**sets
    why = f", where {sets} data sets cannot give less than p = {least:.2g}" if least >= _CERTAIN and not sure else ""
    return f"; over the data sets by {', '.join(sure) if sure else 'none'} (signed ranks, Holm){why}"


def _is_better(difference: float, score: str) -> bool:
    return difference < 0 if SCORES[score].better == "lower" else difference > 0


def _named(reference: str) -> str:
    if reference in WAYS:
        return f"moving the baseline's thresholds by {reference} ({WAYS[reference].said})"
    return {"baseline": "the plain baseline", "scratch": "tuned scratch"}.get(reference, f"tuned {reference}")


def _ranks(one: Ranked) -> str:
    order = sorted(zip(one.ranking.mean, one.names, strict=True))
    best = ", ".join(f"{name} {mean:.2f}" for mean, name in order[:5])
    p = one.ranking.p_value
    finds = f"ranks differ that are {one.ranking.critical:.2f} apart, by Nemenyi" if p < _CERTAIN else "so none is shown to differ"
    only = "" if one.unit == "data sets" else "; seeds are no independent data: it holds for these data sets and settings alone"
    return (
        f"mean ranks of {len(order)} in {label(one.score)} over {one.ranking.blocks} {one.unit}: {best}; Friedman p = {p:.2g}, "
        f"{finds}{only}"
    )


def _remarks(found: Benchmark) -> Iterator[str]:
    without = [(one.why_none, f"{one.methods} on {_called(block, found)}") for block in found.blocks for one in block.searches]
    for why in dict.fromkeys(why for why, _ in without if why):
        methods = ", ".join(name for its, name in without if its == why)
        yield f"{why}: {methods}; such a method hands over the baseline and is scored as that"
    alike = [f"{one.name} on {_called(block, found)}" for block in found.blocks for one in block.entrants if one.collapsed]
    if alike:
        yield f"some net calls every test sample the same: {', '.join(alike)}; such a method is scored as the baseline"
    short = [
        f"{one.methods} on {_called(block, found)}: {said}"
        for block in found.blocks
        for one in block.searches
        if (one.methods not in {entered.name for entered in block.entrants} or one.chosen is not None) and (said := lacking(one))
    ]
    if short:
        yield "; ".join(short)
    if uneven := [_called(block, found) for block in found.blocks if len({one.seeds for one in block.entrants if one.seeds}) > 1]:
        yield f"not all are confirmed on the same seeds on {', '.join(uneven)}: differences are of those that both have"
    if fewer := list(_not_shared(found)):
        yield f"ranks are of the seeds that all have who are ranked: {', '.join(fewer)}"
    if found.partial:
        yield f"not confirmed on every data set, and so not ranked: {', '.join(found.partial)}"
    if kin := list(_of_one_set(found)):
        yield f"{'; '.join(kin)} share samples: what is said over data sets takes them for independent, and is too sure"
    folds = {(block.data, block.seed, one.folds) for block in found.blocks for one in block.searches}
    if len(folds) > len(found.blocks):
        yield "searches of one data set differ in their validation folds: their fronts and hypervolumes are not of the same samples"
    budgets = {(block.data, one.trials) for block in found.blocks for one in block.searches}
    if len({data for data, _ in budgets}) < len(budgets):
        yield "searches of one data set differ in how many settings they tried: the tables say how many"


def _of_one_set(found: Benchmark) -> Iterator[str]:
    """Data that are the same set with other options, each group in a text."""
    forms: dict[str, dict[str, None]] = {}
    for block in found.blocks:
        forms.setdefault(block.dataset, {})[block.data] = None
    yield from (" and ".join(group) for group in forms.values() if len(group) > 1)


def _not_shared(found: Benchmark) -> Iterator[str]:
    """Where ranks leave seeds out that some of the ranked have."""
    for block in found.blocks:
        most = max((len(one.seeds) for one in block.entrants if one.name not in found.partial), default=0)
        if len(block.shared_seeds) < most:
            yield f"{len(block.shared_seeds)} of {most} on {_called(block, found)}"


def _called(block: Block, found: Benchmark) -> str:
    alike = [other for other in found.blocks if other.data == block.data]
    return block.data if len(alike) == 1 else f"{block.data}, seed {block.seed}"


def _mean_ranks(found: Benchmark) -> TextTable:
    ranks = {(one.score, one.unit): dict(zip(one.names, one.ranking.mean, strict=True)) for one in found.ranked}
    first = next(iter(ranks.values()))
    names = sorted(first, key=lambda name: first[name])
    rows = [[name, *(f"{of[name]:.2f}" if name in of else "-" for of in ranks.values())] for name in names]
    titles = ("method", *(f"{label(score)}, {unit}" for score, unit in ranks))
    critical = ", ".join(f"{label(one.score)} over {one.unit} {one.ranking.critical:.2f}" for one in found.ranked)
    note = f"1 is best; apart by Nemenyi at 5 % if ranks differ by: {critical}; seeds of one data set are no independent data"
    return TextTable("mean ranks", titles, rows, note)


def _overall(found: Benchmark) -> TextTable:
    note = (
        f"data sets of {len(found.data)} on which the mean {label(found.score)} is better and worse than the reference's; p of "
        "exact signed ranks, and after Holm's correction"
    )
    return _by_reference("over the data sets", found.overall, _wins, note)


def _by_reference(title: str, pairs: Sequence[T], told: Callable[[T], str], note: str) -> TextTable:
    """A row for each method and a column for each of what it has to beat."""
    references = [name for name in REFERENCES if any(one.reference == name for one in pairs)]
    cells = {(one.name, one.reference): told(one) for one in pairs}
    names = dict.fromkeys(one.name for one in pairs)
    rows = [[name, *(cells.get((name, reference), "-") for reference in references)] for name in names]
    return TextTable(title, ("method", *references), rows, note)


def _wins(one: Overall) -> str:
    return f"{one.better} better, {one.worse} worse; p {one.p_value:.2g} ({one.adjusted:.2g})"


def _entrants(block: Block, found: Benchmark) -> TextTable:
    searches = {one.name: one for one in block.searches}
    rows = []
    for one in block.entrants:
        search = searches[one.run] if one.kind == "method" else None
        rows.append(
            [
                one.name,
                "-" if search is None else f"#{one.trial}" if one.trial is not None else "none",
                f"{len(one.seeds)}",
                *(format_mean(one.test.get(name, UNDEFINED)) for name in found.scores),
                one.worst_group,
                *(["-"] * 3 if search is None else [str(len(search.front)), format_score(search.hypervolume), str(search.trials)]),
                *format_spent(one.cost),
            ]
        )
    scores = (f"{label(name)} (test)" for name in found.scores)
    titles = ("method", "chosen", "seeds", *scores, "worst group", "on the joint front", "hypervolume", "trials", *SPENT)
    note = f"floor {format_floor(block.floor, block.searches)}; fronts of validation, hypervolumes {COVERED} there; {SPENT_ON}"
    return TextTable(f"{_called(block, found)}: choices", titles, rows, note)


def _against(block: Block, found: Benchmark) -> TextTable:
    note = (
        f"{label(found.score)} of the method less the reference's, 95 % interval, p after Holm's correction over the methods; the "
        "same seeds and, but for moved thresholds, the same test samples"
    )
    return _by_reference(f"{_called(block, found)}: against what has to be beaten", block.against, _differs, note)


def _differs(one: Against) -> str:
    return f"{one.difference.mean:+.4f}{_span(one.difference)}; {_sure(one)}"


def _sure(one: Against) -> str:
    return "one seed" if one.difference.seeds == 1 else f"p {one.adjusted:.2g}"


def _span(found: Difference) -> str:
    return f" ({found.low:+.3f} to {found.high:+.3f})" if math.isfinite(found.low) else ""


def _rules(block: Block, found: Benchmark) -> TextTable:
    shown = tuple(dict.fromkeys(("accuracy", found.score)))
    rows = [
        [
            one.rule,
            one.method or "none",
            "-" if one.trial is None else f"#{one.trial} of {one.run}",
            *(
                ["one class for all"] * len(shown)
                if one.collapsed
                else (format_mean(one.test.get(name, UNDEFINED)) for name in shown)
            ),
        ]
        for one in block.rules
    ]
    titles = ("rule", "method", "trial", *(f"{label(name)} (test)" for name in shown))
    note = "of all methods' trials together; scores where the choice was confirmed; fairtune audit RUN confirms the others"
    return TextTable(f"{_called(block, found)}: what each rule would have chosen", titles, rows, note)
