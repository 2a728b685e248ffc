"""A dataset before any search: decoded with a progress bar, counted, and drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from fairtune.datasets import (
    Dataset,
    Info,
    OnBadImage,
    check_test_part,
    open_splits,
    open_test_labels,
    prepare,
    remarks_on,
    skipped,
)
from fairtune.errors import InvalidInput
from fairtune.records import Floats, Ints, Split
from fairtune.report.cells import draw_cells, draw_samples
from fairtune.report.decoding import progress_bars
from fairtune.request.options import DataRequest
from fairtune.request.resolve import resolve_dataset

_RELIABLE = 25
"""In a cell of fewer samples the standard error of a recall of one half is above 0.1."""
_NAMED = 8


def prepare_data(request: DataRequest, on_bad_image: str, console: Console) -> Path:
    """Check a dataset's files and decode them into the cache.

    Args:
        request: names the dataset, its settings and the folder of its files.
        on_bad_image: ``error`` or ``skip``.
        console: where to show progress.

    Returns:
        Folder of the decoded pools.

    Raises:
        InvalidInput, DataError: what is wrong with the request or the files.
    """
    policy = _policy(on_bad_image)
    dataset, root = resolve_dataset(request)
    dataset.describe(root)
    dataset.check(root)
    with progress_bars(console) as report:
        folder = prepare(dataset, root, on_bad_image=policy, report=report)
    if left_out := skipped(folder):
        console.print(f"left out as unreadable ({len(left_out):,}):", *_first(left_out), sep="\n  ", soft_wrap=True)
    _remark(dataset, root, console)
    open_splits(dataset, root)
    check_test_part(dataset, root)
    size = sum(path.stat().st_size for path in folder.iterdir())
    console.print(f"{request.dataset} is ready: {size / 2**20:,.0f} MiB in {folder}", soft_wrap=True)
    return folder


def inspect_data(request: DataRequest, folder: Path, console: Console) -> None:
    """Print how many samples each cell has and how skewed they are, and draw the counts and some samples.

    Of the test part only labels and groups are counted.

    Args:
        request: names the dataset, its settings and the folder of its files.
        folder: where ``cells.png`` and ``samples.png`` go.
        console: where to print.

    Raises:
        InvalidInput, DataError: what is wrong with the request or the files.
    """
    dataset, root = resolve_dataset(request)
    info = dataset.describe(root)
    with progress_bars(console) as report:
        prepare(dataset, root, report=report)
    check_test_part(dataset, root)
    splits = open_splits(dataset, root) | {"test": open_test_labels(dataset, root)}
    counts = {name: split.cells for name, split in splits.items()}
    _remark(dataset, root, console)
    for table in _count_tables(counts, info):
        console.print(table)
    console.print(_skew_table(counts))
    for name, cells in counts.items():
        _warn_of_small_cells(name, cells, info, console)
    for path in _draw(splits["train"], counts, info, folder):
        console.print(f"drawn: {path}", soft_wrap=True)


def skew(cells: Ints) -> tuple[float, float]:
    """Mutual information of class and group.

    Args:
        cells: samples per cell ``(A, K)``.

    Returns:
        In nats, and as a share of the smaller of their two entropies: 0 means independent, 1 that one determines the other.
    """
    joint = cells / cells.sum()
    by_group, by_class = joint.sum(axis=1), joint.sum(axis=0)
    information = max(0.0, _entropy(by_group) + _entropy(by_class) - _entropy(joint.ravel()))
    most = min(_entropy(by_group), _entropy(by_class))
    return information, information / most if most > 0 else 0.0


def _remark(dataset: Dataset, root: Path, console: Console) -> None:
    for remark in remarks_on(dataset, root):
        console.print(remark, style="yellow", soft_wrap=True)


def _policy(given: str) -> OnBadImage:
    match given:
        case "error" | "skip":
            return given
        case _:
            raise InvalidInput(f"--on-bad-image {given}: choose error or skip")


def _entropy(shares: Floats) -> float:
    present = shares[shares > 0]
    return float(-(present * np.log(present)).sum())


def _count_tables(counts: dict[str, Ints], info: Info) -> Iterator[Table]:
    """All splits side by side where they have room, else one table each."""
    if len(info.groups) <= 3:
        yield _count_table(counts, info)
    else:
        for name, cells in counts.items():
            yield _count_table({name: cells}, info)


def _count_table(counts: dict[str, Ints], info: Info) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("class")
    for split in counts:
        for group in info.groups:
            table.add_column(f"{split}\n{group}", justify="right")
    for y, name in enumerate(info.classes):
        table.add_row(name, *(f"{cells[a, y]:,}" for cells in counts.values() for a in range(len(info.groups))))
    totals = (f"{cells[a].sum():,}" for cells in counts.values() for a in range(len(info.groups)))
    table.add_row("all", *totals, style="bold")
    return table


def _skew_table(counts: dict[str, Ints]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("split", "samples", "smallest cell", "largest cell", "mutual information", "normalised"):
        table.add_column(title, justify="left" if title == "split" else "right")
    for name, cells in counts.items():
        nats, share = skew(cells)
        table.add_row(name, f"{cells.sum():,}", f"{cells.min():,}", f"{cells.max():,}", f"{nats:.4f} nats", f"{share:.3f}")
    return table


def _warn_of_small_cells(name: str, cells: Ints, info: Info, console: Console) -> None:
    small = [f"{info.names.cell(int(y), int(a))} has {cells[a, y]}" for a, y in np.argwhere(cells < _RELIABLE)]
    if small and name != "train":
        more = f" and {len(small) - _NAMED} more" if len(small) > _NAMED else ""
        console.print(
            f"{name}: {len(small)} of {cells.size} cells have fewer than {_RELIABLE} samples, too few for a reliable DEO: "
            f"{'; '.join(small[:_NAMED])}{more}",
            style="yellow",
            soft_wrap=True,
        )


def _first(left_out: dict[str, str], shown: int = 10) -> list[str]:
    lines = [f"{name}: {reason}" for name, reason in left_out.items()]
    return lines[:shown] + ([f"and {len(lines) - shown:,} more"] if len(lines) > shown else [])


def _draw(split: Split, counts: dict[str, Ints], info: Info, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [folder / "cells.png"]
    draw_cells(counts, info, drawn[0])
    if split.pool.ndim == 4:
        drawn.append(folder / "samples.png")
        draw_samples(split, info, drawn[1])
    return drawn
