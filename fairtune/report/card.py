"""What is written for people beside a model that is handed over: its card, and a script that uses it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import jinja2

from fairtune.datasets import Dataset, Reading
from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, UNDEFINED, GroupScore, Interval, group_scores, label
from fairtune.models import NO_WEIGHTS
from fairtune.names import Names
from fairtune.report.formats import describe_intervals, format_mean, format_params, format_score
from fairtune.rules import Rule
from fairtune.study.handed import HandedNet
from fairtune.study.summary import Summary


class _Row(NamedTuple):
    """A score in the card: of the net, over all retrainings of its setting, and of the baseline's."""

    label: str
    better: str
    own: Interval
    over_seeds: Interval
    baseline: Interval


def render_card(
    summary: Summary,
    net: HandedNet,
    names: Names,
    shape: tuple[int, ...],
    reading: Reading | None,
    *,
    differs: float,
    with_onnx: bool,
) -> str:
    """The model card, in Markdown.

    Args:
        summary: the outcome of the search.
        net: what is handed over.
        names: of its classes and groups.
        shape: of what the net sees.
        reading: how it takes images; None where it takes vectors.
        differs: by how much the exported program's probabilities differ from the net's.
        with_onnx: whether there is an ONNX file.
    """
    spec, counts = net.result.spec, net.result.test_counts
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            summary=summary,
            spec=spec,
            net=net,
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
            rows=list(_rows(summary)),
            groups=() if counts is None else group_scores(counts),
            intervals=describe_intervals([*(summary.handed.test if summary.handed else ())]),
        )
    )


def render_script(reading: Reading | None) -> str:
    """A script that predicts with the exported program, without fairtune."""
    return _environment().get_template("predict.py.j2").render(reading=reading)


def _rows(summary: Summary) -> Iterator[_Row]:
    if summary.handed is None:
        return
    confirmed = {role: found.test for role, found in summary.confirmed.items()}
    for name, own in summary.handed.test.items():
        others = (confirmed.get(role, {}).get(name, UNDEFINED) for role in ("chosen", "baseline"))
        yield _Row(label(name), SCORES[name].better, own, *others)


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
    environment.filters |= {"mean": format_mean, "score": format_score, "params": format_params, "span": _span, "cell": _cell}
    return environment


def _span(found: Interval | GroupScore) -> str:
    """An interval, a dash where it is not defined."""
    return f"{found.low:.3f} to {found.high:.3f}" if found.low <= found.high else "-"


def _cell(text: object) -> str:
    """A text within a table of Markdown."""
    return " ".join(str(text).split()).replace("|", "\\|")
