"""A dataset as pictures: how many samples each group and class has, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from fairtune.datasets import Info
from fairtune.records import Bytes, Floats, Ints, Split
from fairtune.report.figure import INK, MUTED

_MAX_ROWS = 40


def draw_cells(counts: Mapping[str, Ints], info: Info) -> Figure:
    """A heat map of each split: classes down, groups across, the number of samples in each cell.

    Args:
        counts: samples per cell of each split, ``(A, K)``.
        info: names of classes and groups.
    """
    columns, rows = len(info.groups), len(info.classes)
    width = max(2.6, 0.55 * columns + 1.6)
    figure = Figure(figsize=(width * len(counts) + 1.0, max(2.4, 0.32 * rows + 1.3)), layout="constrained", dpi=130)
    for position, (axes, (split, cells)) in enumerate(
        zip(np.atleast_1d(figure.subplots(1, len(counts))), counts.items(), strict=True)
    ):
        _heat_map(axes, cells.T)
        axes.set_title(f"{split}: {cells.sum():,}", loc="left", color=INK, fontsize=10)
        _name(axes, info, names_classes=position == 0)
    return figure


def _heat_map(axes: Axes, cells: Ints) -> None:
    largest = max(int(cells.max()), 1)
    axes.imshow(cells, cmap="Blues", norm=PowerNorm(0.5, 0, 1.7 * largest), aspect="auto")
    for (row, column), number in np.ndenumerate(cells):
        axes.text(
            column, row, f"{number:,}", ha="center", va="center", fontsize=8, color="white" if 1.6 * number > largest else INK
        )


def _name(axes: Axes, info: Info, *, names_classes: bool) -> None:
    turned = max(map(len, info.groups)) > 9
    axes.set_xticks(
        range(len(info.groups)), info.groups, rotation=35 if turned else 0, ha="right" if turned else "center", fontsize=8
    )
    axes.set_yticks(range(len(info.classes)), info.classes if names_classes else [""] * len(info.classes), fontsize=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def draw_samples(split: Split, info: Info) -> Figure:
    """A contact sheet: the first images of each cell, classes down, groups across.

    Args:
        split: of images; the labels and groups of those drawn.
        info: names of classes and groups.
    """
    shown = [y for y in range(len(info.classes)) if (split.y == y).any()][:_MAX_ROWS]
    columns = len(info.groups)
    per_cell = min(8, max(2, 16 // columns))
    figure = Figure(figsize=(1.2 + 0.5 * columns * per_cell, 0.5 + 0.58 * len(shown)), layout="constrained", dpi=130)
    grid = figure.subplots(len(shown), columns, squeeze=False)
    for row, y in enumerate(shown):
        for a in range(columns):
            _strip(grid[row, a], split, np.flatnonzero((split.y == y) & (split.a == a))[:per_cell], per_cell)
            if row == 0:
                grid[row, a].set_title(info.groups[a], fontsize=9, color=INK)
        grid[row, 0].set_ylabel(info.classes[y], rotation=0, ha="right", va="center", fontsize=9, color=INK)
    return figure


def draw_row(images: Sequence[Bytes], across: int = 12) -> Figure:
    """Some images ``(H, W, C)``, so many in a row."""
    rows = -(-len(images) // across)
    figure = Figure(figsize=(10.5, 0.9 * rows + 0.1), layout="constrained", dpi=130)
    for axes, image in zip(figure.subplots(rows, across, squeeze=False).ravel(), [*images, *[None] * across], strict=False):
        axes.set_axis_off()
        if image is not None:
            axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    return figure


def draw_brightness(values: Mapping[tuple[int, int], Floats], info: Info) -> Figure:
    """How bright the images of each cell are, groups side by side within each class.

    Args:
        values: mean gray level of each image, by class and group ``(y, a)``.
        info: names of classes and groups.
    """
    groups = len(info.groups)
    figure = Figure(figsize=(min(14, 1.5 + 0.42 * len(info.classes) * groups), 3.2), layout="constrained", dpi=130)
    axes = figure.subplots()
    for a in range(groups):
        shown = [(y * (groups + 1) + a, values[y, a]) for y in range(len(info.classes)) if len(values[y, a])]
        if not shown:
            continue
        colour = f"C{a % 10}"
        places, cells = zip(*shown, strict=True)
        boxes = axes.boxplot(cells, positions=places, widths=0.8, sym=".", patch_artist=True, manage_ticks=False)
        for box in boxes["boxes"]:
            box.set(facecolor=colour, alpha=0.6, edgecolor=INK)
        axes.plot([], [], "s", color=colour, alpha=0.6, label=info.groups[a])
    axes.set_xticks([y * (groups + 1) + (groups - 1) / 2 for y in range(len(info.classes))], info.classes, fontsize=8)
    axes.set_ylabel("mean gray level", fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _strip(axes: Axes, split: Split, members: Ints, per_cell: int) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    height, width, channels = split.pool.shape[1:]
    gap = max(1, width // 16)
    strip = np.full((height, per_cell * (width + gap) - gap, channels), 255, dtype=np.uint8)
    for position, member in enumerate(members):
        strip[:, position * (width + gap) : position * (width + gap) + width] = split.pool[split.rows[member]]
    axes.imshow(strip.squeeze(), cmap="gray", vmin=0, vmax=255, interpolation="nearest" if width < 48 else "antialiased")
    if not len(members):
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes, color=MUTED, fontsize=8)
