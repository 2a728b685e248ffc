"""A dataset before any search: decoded with a progress bar."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from fairtune.datasets import (
    Dataset,
    OnBadImage,
    check_test_part,
    open_splits,
    prepare,
    remarks_on,
    skipped,
)
from fairtune.errors import InvalidInput
from fairtune.report.decoding import progress_bars
from fairtune.request.options import DataRequest
from fairtune.request.resolve import resolve_dataset
from fairtune.sizes import MIB


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
    tell_remarks(dataset, root, console)
    open_splits(dataset, root)
    check_test_part(dataset, root)
    size = sum(path.stat().st_size for path in folder.iterdir())
    console.print(f"{request.dataset} is ready: {size / MIB:,.0f} MiB in {folder}", soft_wrap=True)
    return folder


def tell_remarks(dataset: Dataset, root: Path, console: Console) -> None:
    """Print what a user should know of the files and images."""
    for remark in remarks_on(dataset, root):
        console.print(remark, style="yellow", soft_wrap=True)


def _policy(given: str) -> OnBadImage:
    match given:
        case "error" | "skip":
            return given
        case _:
            raise InvalidInput(f"--on-bad-image {given}: choose error or skip")


def _first(left_out: dict[str, str], shown: int = 10) -> list[str]:
    lines = [f"{name}: {reason}" for name, reason in left_out.items()]
    return lines[:shown] + ([f"and {len(lines) - shown:,} more"] if len(lines) > shown else [])
