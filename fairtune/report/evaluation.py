"""A model's scores on a split, for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table

from fairtune.metrics import label
from fairtune.report.formats import format_score
from fairtune.thresholds import WAYS


def print_evaluation(
    console: Console,
    split: str,
    intervals: pd.DataFrame,
    by_cell: pd.DataFrame,
    remarks: Sequence[str],
    way: str | None = None,
    nets: int = 1,
) -> None:
    """Two tables, and what they do not say.

    Args:
        console: where to print.
        split: that was scored.
        intervals: a row for each score, by name: ``value``, ``low``, ``high``.
        by_cell: a row for each class and group: ``samples``, ``accuracy``.
        remarks: what the tables do not say.
        way: by which decisions were moved.
        nets: whose mean was scored.
    """
    moved = "" if way is None else f", {way}: {WAYS[way].said}"
    moved += f", mean of {nets} nets" if nets > 1 else ""
    scores = Table(title=f"scores ({split}{moved})", box=None, pad_edge=False, header_style="bold", title_justify="left")
    for title in ("score", "value", "95 % interval"):
        scores.add_column(title, no_wrap=True)
    for name, row in intervals.iterrows():
        span = f"{row.low:.3f} to {row.high:.3f}" if math.isfinite(row.low) else "-"
        scores.add_row(label(str(name)), format_score(row.value), span)
    cells = Table(title="cells", box=None, pad_edge=False, header_style="bold", title_justify="left")
    for title in ("class", "group", "samples", "accuracy"):
        cells.add_column(title)
    for _, row in by_cell.reset_index().iterrows():
        cells.add_row(str(row["class"]), str(row["group"]), f"{int(row.samples)}", format_score(row.accuracy))
    console.print(scores)
    console.print()
    console.print(cells)
    for remark in remarks:
        console.print(remark, style="yellow", soft_wrap=True)
    if split == "test":
        console.print("the test split was opened for this, which is noted where the model was trained", soft_wrap=True)
