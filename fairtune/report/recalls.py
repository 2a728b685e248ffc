"""How often the baseline and the choice are right in each cell, side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import CellScore, cell_scores
from fairtune.records import GroupCounts
from fairtune.report.chart import Axis, Chart, Mark, Points
from fairtune.report.material import Material

_ROWS = 24
"""Cells drawn: more are not read."""
_NOBODY = CellScore(y=0, a=0, samples=0, accuracy=math.nan, low=math.nan, high=math.nan)
"""Of a cell that no net was asked about."""


class Recall(NamedTuple):
    """One cell: ``samples`` of the split, and the share of them that each net gets right; NaN where nobody was asked.

    Attributes:
        y, a: label and group.
        samples: of the split.
        baseline, chosen: shares of correct predictions, over several retrainings their mean.
        baseline_ends, chosen_ends: 95 % intervals (Jeffreys) from the samples.
    """

    y: int
    a: int
    samples: int
    baseline: float
    chosen: float
    baseline_ends: tuple[float, float]
    chosen_ends: tuple[float, float]


def recalls(material: Material) -> tuple[str, list[Recall]]:
    """The cells of the test split where both were confirmed on it, else those of the validation split; class by class."""
    baseline, chosen = material.tested("baseline"), material.tested("chosen")
    if baseline and chosen:
        return "test", _cells(baseline, chosen)
    own = [] if material.baseline.val_counts is None else [material.baseline.val_counts]
    other = [] if material.chosen is None or material.chosen.val_counts is None else [material.chosen.val_counts]
    return "validation", _cells(own, other) if own else []


def _cells(baseline: Sequence[GroupCounts], chosen: Sequence[GroupCounts]) -> list[Recall]:
    own = cell_scores(*baseline)
    others = cell_scores(*chosen) if chosen else [_NOBODY] * len(own)
    return [
        Recall(one.y, one.a, one.samples, one.accuracy, other.accuracy, (one.low, one.high), (other.low, other.high))
        for one, other in zip(own, others, strict=True)
    ]


def recall_chart(material: Material) -> Chart | None:
    """A row for each cell: the baseline's accuracy and the choice's, with the samples that they rest on."""
    split, found = recalls(material)
    if not found:
        return None
    shown, named = _most_telling(found), material.summary.names
    names = tuple(f"{named.plain_label(cell.y)} · {named.plain_group(cell.a)} ({cell.samples:,})" for cell in shown)
    marks: list[Mark] = [
        _side(shown, names, "baseline"),
        *([] if all(math.isnan(cell.chosen) for cell in shown) else [_side(shown, names, "chosen")]),
    ]
    few = f" The {_ROWS} of {len(found)} cells that differ most are drawn." if len(shown) < len(found) else ""
    alt = f"Accuracy of baseline and choice in each cell of the {split} split.{few} {_worst(material, shown)}"
    title = f"accuracy in each cell, {split} split (samples)"
    return Chart("cells", title, Axis("accuracy, with 95 % intervals"), Axis(names=names), marks, alt, _table(material, found))


def _worst(material: Material, shown: Sequence[Recall]) -> str:
    """The baseline's worst cell, in a sentence."""
    worst = min(shown, key=lambda cell: cell.baseline if math.isfinite(cell.baseline) else math.inf)
    there = f", the choice there {worst.chosen:.3f}" if math.isfinite(worst.chosen) else ""
    return f"The baseline is worst in {material.summary.names.cell(worst.y, worst.a)}: {worst.baseline:.3f}{there}."


def _most_telling(found: Sequence[Recall]) -> list[Recall]:
    """At most so many, those in which both differ most, in their order."""
    ranked = sorted(found, key=lambda cell: -abs(cell.chosen - cell.baseline) if math.isfinite(cell.chosen) else cell.baseline)
    kept = set(ranked[:_ROWS])
    return [cell for cell in found if cell in kept]


def _side(shown: Sequence[Recall], names: Sequence[str], side: str) -> Points:
    is_chosen = side == "chosen"
    shares = [cell.chosen if is_chosen else cell.baseline for cell in shown]
    return Points(
        shares,
        [place + (0.17 if is_chosen else -0.17) for place in range(len(shown))],
        "chosen" if is_chosen else "ink",
        "circle" if is_chosen else "diamond",
        label=side,
        told=[f"{side}, {name}: {share:.3f}" for name, share in zip(names, shares, strict=True)],
        x_ends=[cell.chosen_ends if is_chosen else cell.baseline_ends for cell in shown],
    )


def _table(material: Material, found: Sequence[Recall]) -> pd.DataFrame:
    rows = [
        {
            "class": material.summary.names.plain_label(cell.y),
            "group": material.summary.names.plain_group(cell.a),
            "samples": cell.samples,
            "baseline": cell.baseline,
            "baseline_low": cell.baseline_ends[0],
            "baseline_high": cell.baseline_ends[1],
            "chosen": cell.chosen,
            "chosen_low": cell.chosen_ends[0],
            "chosen_high": cell.chosen_ends[1],
        }
        for cell in found
    ]
    return pd.DataFrame(rows)
