"""Running a pipeline: its searches in a row, and the report after each."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

import pandas as pd
from pydantic import ValidationError
from rich.console import Console

from fairtune.api.search import run as run_search
from fairtune.errors import FairtuneError, Interrupted, InvalidInput, NoBaseline, NoFeasibleTrial, NoRoom, NoServer, NoWriting
from fairtune.files import write_text
from fairtune.locks import Lock
from fairtune.pipeline.expanding import SizeName
from fairtune.pipeline.material import Material, gather
from fairtune.pipeline.planning import Planned, called, plan_all
from fairtune.pipeline.published import Beside
from fairtune.pipeline.reading import PipelineFile, load
from fairtune.pipeline.rows import Failed, Outcome, standing
from fairtune.pipeline.writing import in_markdown, print_report, write_report
from fairtune.request.faults import Faults
from fairtune.room import MARGIN, is_full, refusal
from fairtune.search.cluster import check_cluster, lasting
from fairtune.study.folders import RunFolder, in_folder
from fairtune.study.summary import Summary
from fairtune.tracking.pipelines import PipelineMirror

NOTHING: Mapping[str, object] = MappingProxyType({})
_OF_ALL = (Interrupted, NoRoom, NoServer, NoWriting)
"""What a search ends with that no other could go on with either."""
_log = logging.getLogger(__name__)


def run(
    file: Path,
    console: Console,
    size: SizeName = "full",
    typed: Mapping[str, object] = NOTHING,
    markdown: Path | None = None,
) -> pd.DataFrame:
    """Run every search of a pipeline, or go on with those that an earlier call finished in part, and report.

    The report, ``RUNS/NAME/report.html`` with ``report.md``, ``report.csv`` and ``report.tex``, is written after every search.

    Args:
        file: the pipeline, or the name of one that comes with fairtune.
        console: where to print.
        size: which of the file's settings.
        typed: options of the command line that overrule the file's, ``data`` and ``runs`` among them, and ``name``: the folder's.
        markdown: a file that is to have the report as Markdown too.

    Returns:
        The table: a row per search, and one per plain model before the first search that has it, with scores on the test split as
        mean and std over the final seeds beside the published ones; NaN where there is none.

    Raises:
        InvalidInput: every fault of every search, before the first starts; the Ray cluster does not answer.
        Interrupted, NoRoom, NoWriting, NoServer: the user stopped it, the disk takes nothing, or the studies' database is silent.
        FairtuneError: searches failed, for whatever reason of their own; the others have ended, and the report is written all the
            same. A search that failed is tried again, from what is kept of it, when this is called again.
    """
    pipeline = load(file)
    searches, beside = check(pipeline, size, typed)
    name = called(pipeline, size, typed)
    folder = Path(searches[0].place.runs) / name
    with Lock(folder / ".lock", f"the pipeline {name}").or_refuse("wait until it has ended, or stop it there"), lasting():
        material = _run_all(pipeline, name, size, typed, searches, beside, console)
    if markdown is not None:
        write_text(markdown, in_markdown(material))
    print_report(material, folder, console)
    if material.failed:
        failed = ", ".join(one.planned.named.label for one in material.failed)
        raise FairtuneError(f"{len(material.failed)} of {len(searches)} searches failed: {failed}; the report says why")
    return material.table


def _run_all(
    pipeline: PipelineFile,
    name: str,
    size: SizeName,
    typed: Mapping[str, object],
    searches: Sequence[Planned],
    beside: Beside,
    console: Console,
) -> Material:
    """Run the searches, with the report after each, which is that of all in the end."""
    mirror = PipelineMirror(name, pipeline.content.title)
    ended: list[Outcome | Failed] = []
    untrainable: dict[tuple[str, str], str] = {}
    material = None
    for number, planned in enumerate(searches):
        console.print(f"{name}: search {number + 1} of {len(searches)}, {planned.named.label}", style="bold")
        ended.append(_ended(planned, console, untrainable))
        mirror.take_up(planned.spec, planned.place)
        material = gather(pipeline, name, size, typed, ended, beside, searches[number + 1 :])
        written = write_report(material, Path(planned.place.runs) / name)
    assert material is not None
    mirror.finish(written)
    return material


def check(pipeline: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> tuple[list[Planned], Beside]:
    """Every search as it may start, and the figures to set beside them.

    Raises:
        InvalidInput: every fault.
    """
    faults = Faults()
    beside = faults.attempt(partial(figures, pipeline, typed))
    searches = plan_all(pipeline, size, typed, faults)
    if beside is not None and not overruled(typed):
        faults.found += beside.check(standing((planned.named, planned.spec) for planned in searches))
    faults.raise_if_any()
    assert beside is not None
    return searches, beside


def figures(pipeline: PipelineFile, typed: Mapping[str, object]) -> Beside:
    """The published figures of a pipeline; none where it runs on other data.

    Raises:
        InvalidInput: a table cannot be read, or has no row of a name.
    """
    published = () if typed.get("dataset") else pipeline.content.report.published
    return Beside(published, pipeline.path.parent)


def overruled(typed: Mapping[str, object]) -> bool:
    """Whether what is typed may leave rows of a file without the published line that they have otherwise."""
    return any(typed.get(name) for name in ("leave_out", "set", "model", "epochs", "batch_size", "train_fraction"))


def _ended(planned: Planned, console: Console, untrainable: dict[tuple[str, str], str]) -> Outcome | Failed:
    """What a search found, or why it found nothing: whatever ends one search keeps no other from running.

    Args:
        planned: the search.
        console: where to print.
        untrainable: by the ids of baseline and teacher which of these an earlier search could not train and why; added to. They are
            not tried again for each search.

    Raises:
        InvalidInput: the Ray cluster does not answer.
        Interrupted, NoRoom, NoWriting, NoServer: as :func:`run`.
    """
    done, shared = RunFolder.of(planned.place), (planned.spec.baseline().id, planned.spec.teacher().id)
    summary = finished(done)
    if summary is None and shared in untrainable:
        return _failed(planned, untrainable[shared], console)
    if summary is None:
        check_cluster(planned.place)
    try:
        return Outcome.of(planned, summary or _searched(planned, console))
    except _OF_ALL:
        raise
    except Exception as error:  # of a study's library, of the system, of a plug-in's
        if is_full(error):
            raise NoRoom(done.path, MARGIN) from error
        if not isinstance(error, FairtuneError) and (unable := refusal(done.path)) is not None:
            raise NoWriting(done.path, unable) from error
        reason = _told(error)
        if not isinstance(error, FairtuneError):
            _log.exception(f"{planned.named.label}: {reason}")
        if isinstance(error, NoBaseline):
            untrainable[shared] = f"{reason} (tried in {planned.named.label})"
        return _failed(planned, reason, console)


def _failed(planned: Planned, reason: str, console: Console) -> Failed:
    console.print(f"{planned.named.label} failed: {reason}", style="red", soft_wrap=True)
    return Failed(planned, reason)


def _searched(planned: Planned, console: Console) -> Summary:
    try:
        return run_search(planned.spec, planned.place, console, planned.request)
    except NoFeasibleTrial as error:
        console.print(str(error))
    summary = finished(RunFolder.of(planned.place))
    assert summary is not None
    return summary


def _told(error: Exception) -> str:
    """An error in one line."""
    said = "; ".join(error.faults) if isinstance(error, InvalidInput) else str(error)
    named = said if isinstance(error, FairtuneError) else f"{type(error).__name__}: {said}"
    return " ".join(named.split())


def finished(done: RunFolder) -> Summary | None:
    """The summary of a search that is complete; one that cannot be read is written anew from the study."""
    try:
        summary = Summary.model_validate_json(done.summary.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    here = in_folder(summary.place, done.path)
    return summary.model_copy(update={"place": here}) if summary.complete else None
