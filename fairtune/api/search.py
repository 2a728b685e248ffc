"""A search as the user meets it: header, search, report, mirror."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from fairtune import plugins
from fairtune.addresses import store
from fairtune.api.disk import want_of_room
from fairtune.api.expected import Expected, expect
from fairtune.api.origin import origin
from fairtune.api.waiting import with_patience
from fairtune.datasets import remarks_on
from fairtune.errors import InvalidInput, NoFeasibleTrial
from fairtune.files import write_atomically
from fairtune.locks import Lock
from fairtune.names import counted
from fairtune.plugins import Kind
from fairtune.report import write_all
from fairtune.report.decoding import progress_bars
from fairtune.report.outcome import print_outcome
from fairtune.report.terminal import SearchDisplay, print_header
from fairtune.report.write import report_files
from fairtune.request import checks
from fairtune.request.faults import Faults
from fairtune.request.options import Request, extended
from fairtune.request.resolve import resolve, resolve_moved
from fairtune.search.cluster import check_cluster
from fairtune.search.run import run_search, stopped
from fairtune.spec import Limits, Place, SearchSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.opening import Opening
from fairtune.study.origin import keep_origin
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary
from fairtune.study.verdict import advice
from fairtune.tracking.mirror import Tracker
from fairtune.training.data import Data, make_dataset, open_data
from fairtune.training.sharing import TURNS, compute_at_once


def search(request: Request, console: Console) -> Summary:
    """Run the search that a request describes, and report.

    Raises:
        InvalidInput: every fault of the request, before anything is trained.
        NoFeasibleTrial: no trial reached the floor; the report is written all the same.
        FairtuneError: it cannot go on, or the user stopped it.
    """
    with progress_bars(console) as report:
        spec, place = resolve(request, report)
    return run(spec, place, console, request)


def resume(
    folder: Path, console: Console, tracking_uri: str | None = None, more: Mapping[str, object] = MappingProxyType({})
) -> Summary:
    """Go on with a search that was stopped or killed, with other limits or on another machine, and report.

    Args:
        folder: of the run.
        console: where to print.
        tracking_uri: where MLflow's records are now; None for where they were, with the password from the environment.
        more: limits of the search by name, in place of those that it had; a search that was over goes on where they let it. Also
            the machine that it goes on with, or where its data are there, where these are others than before.

    Raises:
        InvalidInput: the folder holds no search, or it cannot run here.
        NoFeasibleTrial, FairtuneError: as :func:`search`.
    """
    spec, place = RunFolder(folder).load()
    spec = extended(spec, {name: more[name] for name in Limits.model_fields if name in more})
    place = resolve_moved(place, more)
    if (known := tracking_uri or place.tracking_uri) is not None:
        place = place.model_copy(update={"tracking_uri": store(known)})
    check_here(spec, place)
    if "trials" in more and spec.trials < (begun := SearchStudy(database_of(place), spec).own):
        raise InvalidInput(f"--trials {spec.trials}: the search has begun {counted(begun, 'trial')} already: give at least as many")
    file = RunFolder(folder).request
    request = Request.from_file(file, {**more, "joint": spec.joint}) if more and file.exists() else None
    return run(spec, place, console, request)


def check_here(spec: SearchSpec, place: Place) -> None:
    """Check that a search that was begun before can go on here.

    Raises:
        InvalidInput: every reason why it cannot.
    """
    faults = Faults()
    faults.found += checks.resources(place) + checks.compiling(place) + checks.runs_folder(place)
    faults.found += checks.tracking(place.tracking_uri) + checks.study(place) + checks.storage(place)
    faults.found += checks.writable(RunFolder.of(place).path, "copy the run to one that can be")
    for kind, name in plugins_of(spec):
        faults.attempt(partial(plugins.check_name, kind, name))
    faults.found += checks.budget(spec, place)
    faults.raise_if_any()


def plugins_of(spec: SearchSpec) -> Iterator[tuple[Kind, str]]:
    """Kind and name of every plug-in that a search uses."""
    yield from (("dataset", spec.dataset.name), ("model", spec.model.name), ("rule", spec.select))
    yield from (("sampler", spec.sampler), ("scheduler", spec.scheduler))
    for method in spec.spaces:
        yield from (("method", part) for part in plugins.parts(method))


def run(spec: SearchSpec, place: Place, console: Console, request: Request | None = None) -> Summary:
    """Run a search to its end, or go on with it, and report.

    Args:
        spec: the search.
        place: where it runs.
        console: where to print.
        request: what it is made from, kept as ``RUN/spec.yaml``; None to go on with a search that has it.

    Raises:
        NoFeasibleTrial: no trial reached the floor; the report is written all the same.
        FairtuneError: it cannot go on, or the user stopped it.
    """
    check_cluster(place)
    folder = RunFolder.of(place)
    with Lock(folder.lock, f"the run {folder.path}").or_refuse("wait until it has ended, or stop it there"):
        return _run(spec, place, console, request)


def _run(spec: SearchSpec, place: Place, console: Console, request: Request | None) -> Summary:
    data = open_data(spec.plain(), Path(place.data))
    splits = {"train": data.train, "validation": data.validation}
    cells = {name: split.cells for name, split in splits.items()}
    takes_turns = place.address is None and 0 < place.gpus_per_trial < 1 and not compute_at_once()
    remarks = [*remarks_on(make_dataset(spec.dataset), Path(place.data)), *data.remarks, *want_of_room(spec, place, data.info)]
    remarks += [TURNS] * takes_turns
    folder = RunFolder.of(place)
    expected, opened = _before(spec, place, data)
    place = place.model_copy(update={"expected_memory_gib": expected.memory_gib})
    print_header(console, spec, place, data.info, cells, remarks, expected.time, opened)
    try:
        summary = with_patience(place, console, partial(session, spec, place, console, request))
    except KeyboardInterrupt as signal:
        raise stopped(folder) from signal
    print_outcome(console, summary)
    if summary.chosen is None:
        raise NoFeasibleTrial(f"{summary.outcome}; {advice(summary)}")
    return summary


def _before(spec: SearchSpec, place: Place, data: Data) -> tuple[Expected, tuple[Opening, ...]]:
    """What a search is expected to take from here, and every opening of its test split so far."""
    study = SearchStudy(database_of(place), spec) if RunFolder.of(place).holds_search else None
    return expect(spec, place, data, study), () if study is None else study.openings


def session(spec: SearchSpec, place: Place, console: Console, request: Request | None = None, also: Sequence[int] = ()) -> Summary:
    """Search from what is kept to the end, and write the report; ``also`` as for :func:`fairtune.search.run.run_search`."""
    folder = RunFolder.of(place)
    folder.save(spec, place)
    if request is not None:
        write_atomically(folder.request, request.write)
    keep_origin(folder.origins, origin())
    study = SearchStudy(database_of(place), spec)
    with Tracker(spec, place, study) as tracker:
        with SearchDisplay(console, spec, study.records()) as display:
            place = run_search(spec, place, study, [display, tracker], also)
        summary = write_all(spec, place, study)
        tracker.finish(summary, report_files(folder), folder.chosen.path if summary.handed else None)
    return summary
