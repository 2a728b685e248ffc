"""Several searches on the same data, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from fairtune.errors import FairtuneError
from fairtune.files import write_atomically
from fairtune.report.comparison import draw_growth, told
from fairtune.report.told import print_told, write_told
from fairtune.study.comparison import Comparison, Search, compare_searches
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy


def compare_runs(folders: Sequence[Path], console: Console, out: Path | None = None) -> Comparison:
    """Compare searches and print what is found; no test split is opened for it.

    Args:
        folders: of the runs, two or more.
        console: where to print.
        out: a folder for ``comparison.json``, ``comparison.md`` and ``hypervolume.png``; it is made.

    Raises:
        InvalidInput: a folder holds no search, or the searches cannot be compared, and why.
        FairtuneError: the folder cannot be written.
    """
    loaded = [RunFolder(folder).load() for folder in folders]
    found = compare_searches([Search(spec, place, SearchStudy(database_of(place), spec)) for spec, place in loaded])
    said = told(found)
    print_told(console, said)
    if out is not None:
        try:
            out.mkdir(parents=True, exist_ok=True)
            written = write_told(out, found, said, "comparison")
            write_atomically(out / "hypervolume.png", lambda path: draw_growth(found).savefig(path, format="png"))
        except OSError as error:
            raise FairtuneError(f"--out {out} cannot be written: {error.strerror}") from error
        console.print(f"written  {', '.join(map(str, [*written, out / 'hypervolume.png']))}", soft_wrap=True)
    return found
