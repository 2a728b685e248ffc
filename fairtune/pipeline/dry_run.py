"""What a pipeline would take, before anything is trained: trainings, time and cost, and what is there already."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from rich.console import Console

from fairtune.api.measured import Measured
from fairtune.api.plan import Duration, duration
from fairtune.api.where import Where
from fairtune.datasets import Info
from fairtune.errors import DataError, FairtuneError, InvalidInput
from fairtune.names import counted
from fairtune.pipeline.expanding import Named, SizeName
from fairtune.pipeline.planning import FaultsOfSearches, called, requests
from fairtune.pipeline.published import Beside
from fairtune.pipeline.reading import PipelineFile, load
from fairtune.pipeline.rows import standing
from fairtune.pipeline.run import figures, finished, overruled
from fairtune.report.progress import format_duration
from fairtune.report.text_table import TextTable
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.resolve import resolve, resolve_place, specify
from fairtune.search.budget import most_retrainings
from fairtune.spec import PlugIn, SearchSpec, TrialSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy, trials_to_run
from fairtune.study.teacher import teacher_beside
from fairtune.training.data import make_dataset

T = TypeVar("T")
_TIMED_S = 0.3
"""Seconds of steps that are timed of each kind of training: what one is off by, others make up for in the sum."""
_EVERY_S = 2.0
_QUIET = Console(quiet=True)


class Expected(NamedTuple):
    """One search as it is expected to go.

    Attributes:
        named: what it is called.
        trials: settings to try.
        retrainings: that confirm, at most.
        baseline: whether its plain model has to be trained: no search before has it, and it is not found.
        state: what is there of it.
        hours: that it takes; None where it is not known, and ``why`` says so.
        price: in the currency of the price given.
    """

    named: Named
    trials: int
    retrainings: int
    baseline: bool
    state: str
    hours: float | None
    price: float | None
    why: str


def dry_run(file: Path, console: Console, size: SizeName, typed: Mapping[str, object], where: Where) -> list[Expected]:
    """Print what a pipeline would take; nothing is trained but the few steps that are timed, once of each kind of training.

    Args:
        file: the pipeline, or the name of one that comes with fairtune.
        console: where to print.
        size: which of the file's settings.
        typed: options of the command line.
        where: the machine.

    Raises:
        InvalidInput: every fault of the file and of every search that can be told without the data; a card that is not known.
    """
    if not where.is_here:
        where.cards()
    pipeline = load(file)
    found = plan_without_data(pipeline, size, typed, console)
    with Measured.open(_TIMED_S) as measured:
        expected = _expect(found, where, console, measured)
    _print(pipeline, called(pipeline, size, typed), expected, console)
    return expected


class Described(NamedTuple):
    """A search as far as it is known.

    Attributes:
        named: what it is called.
        request: what it is made from.
        spec: what is searched; None where only its data tell, and they are not here.
        missing: what is said of data that are not here; empty where they are.
    """

    named: Named
    request: Request
    spec: SearchSpec | None
    missing: str


def plan_without_data(
    pipeline: PipelineFile, size: SizeName, typed: Mapping[str, object], console: Console = _QUIET
) -> list[Described]:
    """Every search as far as it is known, its data being here or not; ``console`` is told how far this is.

    Raises:
        InvalidInput: every fault that can be told so.
    """
    faults = Faults()
    beside = faults.attempt(partial(figures, pipeline, typed))
    found, of_searches = [], FaultsOfSearches()
    wanted = requests(pipeline, size, typed, faults)
    for named, request in _told(wanted, "checking", console):
        own = Faults()
        found.append(_described(named, request, own))
        of_searches.add(named, own.found)
    faults.found += of_searches.told(len(wanted))
    if beside is not None and not overruled(typed):
        faults.found += _beside(beside, found)
    faults.raise_if_any()
    return found


def _beside(beside: Beside, found: Iterable[Described]) -> list[str]:
    """What is wrong with tables beside the searches; nothing is said while it may be the missing data that they are of."""
    searches = list(found)
    known = [(one.named, one.spec) for one in searches if one.spec is not None]
    return beside.check(standing(known)) if known and len(known) == len(searches) else []


def _described(named: Named, request: Request, faults: Faults) -> Described:
    root, missing = Path(resolve_place(request).data), list[str]()

    def describe(plugin: PlugIn) -> Info:
        dataset = make_dataset(plugin)
        try:
            return dataset.describe(root)
        except DataError as error:
            if (known := dataset.published()) is not None:
                return known.info
            missing.append(str(error))
            raise

    spec = specify(request, faults, describe)
    faults.found = [fault for fault in faults.found if fault not in missing]
    if spec is not None and not missing:
        try:
            make_dataset(spec.dataset).check(root)
        except DataError as error:
            missing.append(str(error))
    if spec is not None and not missing:
        resolved = faults.attempt(partial(resolve, request))
        spec = None if resolved is None else resolved[0]
    return Described(named, request, spec, "; ".join(missing))


def _expect(found: Sequence[Described], where: Where, console: Console, measured: Measured) -> list[Expected]:
    known: list[TrialSpec] = []
    expected = []
    for named, one in _told([(one.named, one) for one in found], "timing" if where.is_here else "counting", console):
        took, spec = _duration(one, where, console, measured), one.spec
        new = [] if spec is None else [spec.baseline(), *filter(None, [teacher_beside(spec)])]
        there = [plain for plain in new if plain in known or _trained(one, plain)]
        known += new
        state = _state(one)
        again = most_retrainings(one.request.select, one.request.final_seeds)
        hours, price = (None, None) if isinstance(took, str) else _left(took, state, where, [plain in there for plain in new])
        why = took if isinstance(took, str) else ""
        trials = one.request.trials if spec is None else trials_to_run(spec)
        trained = bool(new) and new[0] in there
        expected.append(Expected(named, trials, again, not trained, state, hours, price, why))
    return expected


def _duration(one: Described, where: Where, console: Console, measured: Measured) -> Duration | str:
    """How long a search takes, or why that is not known."""
    try:
        return duration(one.request, where, console, measured)
    except InvalidInput as error:
        return error.faults[0]
    except FairtuneError as error:
        return str(error)


def _told(searches: Sequence[tuple[Named, T]], doing: str, console: Console) -> Iterator[tuple[Named, T]]:
    """Go through searches, saying which one it is of the first and of another every few seconds."""
    said = -math.inf
    for number, (named, one) in enumerate(searches, 1):
        if time.monotonic() - said >= _EVERY_S:
            said = time.monotonic()
            console.print(f"{doing} {named.label}, {number} of {len(searches)}", style="dim", soft_wrap=True)
        yield named, one


def _left(took: Duration, state: str, where: Where, there: Sequence[bool]) -> tuple[float, float | None]:
    """Hours and price of a search without the plain model and the teacher, in this order, that are there by then."""
    if state == _COMPLETE:
        return 0.0, None if took.price is None else 0.0
    shared = sum(seconds for seconds, found in zip((took.baseline_s, took.teacher_s), there, strict=False) if found) / 3600
    price = None if took.price is None or where.price is None else took.price - where.price * shared
    return took.hours - shared, price


_COMPLETE = "complete"


def _state(one: Described) -> str:
    place = resolve_place(one.request)
    folder = RunFolder.of(place)
    if not folder.holds_search:
        return "new"
    if finished(folder) is not None:
        return _COMPLETE
    spec, place = folder.load()
    return f"{counted(SearchStudy(database_of(place), spec).asked, 'trial')} begun"


def _trained(one: Described, plain: TrialSpec) -> bool:
    """Whether its plain model, or its teacher, is found."""
    if one.missing:
        return False
    return RunFolder.of(resolve_place(one.request)).job(JobKey("baseline"), plain).read_trained() is not None


def _print(pipeline: PipelineFile, name: str, expected: Sequence[Expected], console: Console) -> None:
    rows = [
        [
            one.named.label,
            str(one.trials),
            str(one.retrainings),
            "yes" if one.baseline else "shared",
            one.state,
            "?" if one.hours is None else format_duration(one.hours * 3600),
            *([] if all(other.price is None for other in expected) else ["?" if one.price is None else f"{one.price:,.2f}"]),
        ]
        for one in expected
    ]
    titles = ["search", "trials", "retrainings", "plain model", "found", "time"]
    titles += [] if all(one.price is None for one in expected) else ["cost"]
    console.print(f"{name}: {pipeline.content.title}", style="bold")
    console.print(TextTable("", titles, rows).on_terminal())
    for line in _totals(expected):
        console.print(line, soft_wrap=True)


def _totals(expected: Sequence[Expected]) -> list[str]:
    left = [one for one in expected if one.state != _COMPLETE]
    trainings = sum(one.trials + one.retrainings + one.baseline for one in left)
    said = [f"searches: {len(expected)}, of which {len(expected) - len(left)} are complete; at most {trainings} trainings are left"]
    hours = [one.hours for one in left if one.hours is not None]
    if hours:
        unknown = len(left) - len(hours)
        more = f", and {unknown} searches whose time is not known" if unknown else ""
        said.append(f"time:     about {format_duration(sum(hours) * 3600)}{more}")
    prices = [one.price for one in left if one.price is not None]
    if prices:
        said.append(f"cost:     about {sum(prices):,.2f} at the price given")
    return [*said, *(f"not known: {reason}" for reason in dict.fromkeys(one.why for one in left if one.why))]
