"""Every figure of a page as files: PNG and SVG by matplotlib, and its numbers as CSV."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairtune.files import write_atomically
from fairtune.report.attainment import seed_charts
from fairtune.report.chart import Chart
from fairtune.report.curves import curve_charts
from fairtune.report.figure import draw
from fairtune.report.front import front_charts
from fairtune.report.importance import importance_charts
from fairtune.report.material import Material
from fairtune.report.parallel import parallel_charts
from fairtune.report.recalls import recall_chart
from fairtune.report.rendering import write_picture
from fairtune.report.slices import slice_charts
from fairtune.report.volume import volume_chart


def all_charts(material: Material) -> dict[str, list[Chart]]:
    """The figures by section of the page; a section may have none."""
    summary = material.summary
    cells, volume = recall_chart(material), volume_chart(summary)
    return {
        "front": front_charts(summary),
        "seeds": seed_charts(summary),
        "cells": [] if cells is None else [cells],
        "curves": curve_charts(material),
        "parallel": parallel_charts(summary),
        "importance": importance_charts(material),
        "slices": slice_charts(summary),
        "hypervolume": [] if volume is None else [volume],
    }


def write_figures(material: Material, folder: Path) -> list[Path]:
    """Write each figure as ``NAME.png``, ``NAME.svg`` and ``NAME.csv``; those that another choice had are removed.

    Returns:
        The files.

    Raises:
        OSError, NoRoom: they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = [file for charts in all_charts(material).values() for chart in charts for file in write_chart(chart, folder)]
    for file in set(folder.iterdir()) - set(written):
        file.unlink()
    return written


def write_chart(chart: Chart, folder: Path) -> Sequence[Path]:
    """Write one figure as ``NAME.csv``, ``NAME.png`` and ``NAME.svg``.

    Raises:
        OSError, NoRoom: they cannot be written.
    """
    table, png, svg = (folder / f"{chart.name}.{kind}" for kind in ("csv", "png", "svg"))
    write_atomically(table, partial(chart.table.to_csv, index=False))
    figure = draw([chart])
    write_picture(figure, png)
    figure.set_layout_engine("none")  # it stays as it was laid out for the first file
    write_picture(figure, svg)
    return table, png, svg
