"""What is written for people beside a model that is handed over: its card, and a script that uses it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import jinja2

from fairtune.datasets import Dataset, Reading
from fairtune.errors import InvalidInput
from fairtune.metrics import HEADLINES, SCORES, UNDEFINED, CellScore, GroupScore, Interval, cell_scores, group_scores, label
from fairtune.models import NO_WEIGHTS
from fairtune.names import Names
from fairtune.report.formats import describe_intervals, format_mean, format_params, format_score
from fairtune.rules import Rule, objectives_of
from fairtune.spec import Moved
from fairtune.study.ensemble import ScoredEnsemble
from fairtune.study.fitted import Fitted
from fairtune.study.handed import HandedNet
from fairtune.study.summary import Summary


class _Row(NamedTuple):
    """A score in the card: of the net, over all retrainings of its setting, and of the baseline's."""

    label: str
    better: str
    own: Interval
    over_seeds: Interval
    baseline: Interval


class _Change(NamedTuple):
    """A score of the net before and after its thresholds were moved."""

    label: str
    better: str
    val: tuple[float, float]
    test: tuple[float, float]


def render_card(
    summary: Summary,
    nets: Sequence[HandedNet],
    names: Names,
    shape: tuple[int, ...],
    reading: Reading | None,
    *,
    differs: float,
    with_onnx: bool,
    fitted: Fitted | None = None,
    scored: ScoredEnsemble | None = None,
) -> str:
    """The model card, in Markdown.

    Args:
        summary: the outcome of the search.
        nets: what is handed over: one, or all whose mean it is.
        names: of its classes and groups.
        shape: of what the net sees.
        reading: how it takes images; None where it takes vectors.
        differs: by how much the exported program's probabilities differ from the net's.
        with_onnx: whether there is an ONNX file.
        fitted: what moves its thresholds; None where they are left alone.
        scored: what the mean scored on the test split; None for one net, and where nobody knows.
    """
    net, several = nets[0], len(nets) > 1
    spec, counts = net.result.spec, net.result.test_counts
    if several:
        counts = None if scored is None else scored.counts
    own: Mapping[str, Interval] = _own(summary, scored) if several else {} if summary.handed is None else summary.handed.test
    tested = None if fitted is None else fitted.tested(net.result)
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            summary=summary,
            spec=spec,
            net=net,
            nets=nets,
            several=several,
            scored=scored,
            names=names,
            reading=reading,
            shape=shape,
            channels=shape[0],
            differs=differs,
            with_onnx=with_onnx,
            facts=_facts(spec.dataset.name),
            rule=Rule.load(summary.spec.select).description().partition("\n")[0].replace("``", "`"),
            options={name: value for name, value in spec.model.options.items() if (name, value) != ("weights", NO_WEIGHTS)},
            built_with={name: value for name, value in spec.model.options.items() if name != "weights"},
            rows=list(_rows(summary, own)),
            own_cells=() if counts is None else cell_scores(counts),
            groups=() if counts is None else group_scores(counts),
            intervals=describe_intervals([*own]),
            fitted=fitted,
            tested=tested,
            no_fairer=None if fitted is None else fitted.no_fairer(net.result),
            changes=[] if fitted is None else list(_changes(summary, fitted, net.result.test, tested)),
            cells=() if tested is None else cell_scores(tested.test_counts),
        )
    )


def render_script(reading: Reading | None, *, by_group: bool) -> str:
    """A script that predicts with the exported program, which may have to be told the group, without fairtune."""
    return _environment().get_template("predict.py.j2").render(reading=reading, by_group=by_group)


def _own(summary: Summary, scored: ScoredEnsemble | None) -> Mapping[str, Interval]:
    """The test scores of a mean of nets; undefined where nobody knows them."""
    return dict.fromkeys(summary.confirmed["chosen"].test, UNDEFINED) if scored is None else scored.intervals


def _rows(summary: Summary, own_scores: Mapping[str, Interval]) -> Iterator[_Row]:
    confirmed = {role: found.test for role, found in summary.confirmed.items()}
    for name, own in own_scores.items():
        others = (confirmed.get(role, {}).get(name, UNDEFINED) for role in ("chosen", "baseline"))
        yield _Row(label(name), SCORES[name].better, own, *others)


def _changes(summary: Summary, fitted: Fitted, before: Mapping[str, float] | None, tested: Moved | None) -> Iterator[_Change]:
    without, moved = fitted.val
    for name in dict.fromkeys((*HEADLINES, *objectives_of(summary.spec.select))):
        if name in moved:
            test = (math.nan, math.nan) if tested is None else ((before or {}).get(name, math.nan), tested.test[name])
            yield _Change(label(name), SCORES[name].better, (without[name], moved[name]), test)


def _facts(dataset: str) -> dict[str, str]:
    """Licence and citation of the data, as far as the dataset is known here."""
    try:
        return Dataset.load(dataset).facts()
    except InvalidInput:
        return {}


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fairtune", "report"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "mean": format_mean,
        "score": format_score,
        "params": format_params,
        "label": label,
        "span": _span,
        "cell": _cell,
    }
    return environment


def _span(found: Interval | GroupScore | CellScore) -> str:
    """An interval, a dash where it is not defined."""
    return f"{found.low:.3f} to {found.high:.3f}" if found.low <= found.high else "-"


def _cell(text: object) -> str:
    """A text within a table of Markdown."""
    return " ".join(str(text).split()).replace("|", "\\|")
