"""Searches side by side: on the same data, or methods over several data sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from fairtune.errors import FairtuneError
from fairtune.report import benchmark, comparison
from fairtune.report.attainment import search_charts
from fairtune.report.figures import write_chart
from fairtune.report.ranks import benchmark_charts
from fairtune.report.rendering import write_picture
from fairtune.report.told import print_told, write_told
from fairtune.study.benchmark import Benchmark, compare_methods
from fairtune.study.comparison import Comparison, Search, compare_searches
from fairtune.study.data_sets import by_data
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.study import SearchStudy


def compare_runs(folders: Sequence[Path], console: Console, out: Path | None = None) -> Comparison | Benchmark:
    """Compare searches and print what is found; no test split is opened for it.

    Searches on one data set are set side by side, every pair of them. Searches on several, each method once on each, are compared
    by method: on every data set against plain training, balanced batches and moved thresholds, and by ranks over them. Runs of one
    data set need names of their own; those of several may have the same. Where no two are on the same data, they are refused, but
    for those of one method over several data sets or splits.

    Args:
        folders: of the runs, two or more.
        console: where to print.
        out: a folder for what is found, as JSON, Markdown and figures; it is made.

    Raises:
        InvalidInput: a folder holds no search, or the searches cannot be compared, and why.
        FairtuneError: the folder cannot be written.
    """
    loaded = [RunFolder(folder).load() for folder in folders]
    searches = [Search(spec, place, SearchStudy(database_of(place), spec)) for spec, place in loaded]
    if len(by_data(searches)) > 1:
        return _methods(searches, console, out)
    found = compare_searches(searches)
    said = comparison.told(found)
    print_told(console, said)
    if out is not None:
        with _writing(out):
            written = write_told(out, found, said, "comparison")
            write_picture(comparison.draw_growth(found), out / "hypervolume.png")
        console.print(f"written  {', '.join(map(str, [*written, out / 'hypervolume.png']))}", soft_wrap=True)
    return found


def _methods(searches: Sequence[Search], console: Console, out: Path | None) -> Benchmark:
    found = compare_methods(searches)
    said = benchmark.told(found)
    print_told(console, said)
    if out is not None:
        with _writing(out):
            written = [*write_told(out, found, said, "comparison")]
            for chart in (*benchmark_charts(found), *search_charts(found)):
                written += write_chart(chart, out)
        console.print(f"written  {', '.join(map(str, written))}", soft_wrap=True)
    return found


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        out.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise FairtuneError(f"--out {out} cannot be written: {error.strerror}") from error
