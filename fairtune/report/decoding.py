"""What the user sees while a dataset is decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import TaskID

from fairtune.datasets import Progress as Decoded
from fairtune.datasets import Report
from fairtune.report.progress import progress


@contextmanager
def progress_bars(console: Console) -> Iterator[Report]:
    """A bar for each part of a dataset while it is decoded, on a terminal; nothing for one that is decoded already."""
    with progress(console, "samples") as bars:
        tasks: dict[str, TaskID] = {}

        def report(decoded: Decoded) -> None:
            if decoded.part not in tasks:
                what = "comparing files" if decoded.part == "files" else f"decoding {decoded.part}"
                tasks[decoded.part] = bars.add_task(what, total=decoded.total)
            bars.update(tasks[decoded.part], completed=decoded.done)

        yield report
