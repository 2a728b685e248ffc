"""What a pipeline would take, before anything is trained: trainings, time and cost, and what is there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from fairtune.api.plan import make_plan
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
from fairtune.report.plan import Plan
from fairtune.report.progress import format_duration
from fairtune.report.text_table import TextTable
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.resolve import resolve, resolve_place, specify
from fairtune.search.budget import most_retrainings
from fairtune.spec import PlugIn, SearchSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy, trials_to_run
from fairtune.training.data import make_dataset

_SAME_PACE = ("dataset", "model", "method", "train_fraction", "batch_size", "micro_batch", "precision", "epochs", "gpus_per_trial")


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
    """Print what a pipeline would take; nothing is trained but the few steps that are timed.

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
    found = plan_without_data(pipeline, size, typed)
    expected = _expect(found, where, console)
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


def plan_without_data(pipeline: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> list[Described]:
    """Every search as far as it is known, its data being here or not.

    Raises:
        InvalidInput: every fault that can be told so.
    """
    faults = Faults()
    beside = faults.attempt(partial(figures, pipeline, typed))
    found, of_searches = [], FaultsOfSearches()
    wanted = requests(pipeline, size, typed, faults)
    for named, request in wanted:
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


def _expect(found: Sequence[Described], where: Where, console: Console) -> list[Expected]:
    plans: dict[tuple[object, ...], Plan | str] = {}
    known: list[object] = []
    expected = []
    for number, one in enumerate(found, 1):
        key = tuple(getattr(one.request, name) for name in (*_SAME_PACE, "trials", "final_seeds"))
        if key not in plans:
            console.print(f"looking at {one.named.label}, {number} of {len(found)}", style="dim", soft_wrap=True)
            plans[key] = _plan(one.request, where, console)
        plan, spec = plans[key], one.spec
        baseline = None if spec is None else spec.baseline()
        state = _state(one)
        trained = baseline is not None and (baseline in known or _trained(one))
        known.append(baseline)
        again = most_retrainings(one.request.select, one.request.final_seeds)
        hours, price = (None, None) if isinstance(plan, str) else _hours(plan, state, trained=trained)
        why = plan if isinstance(plan, str) else ""
        trials = one.request.trials if spec is None else trials_to_run(spec)
        expected.append(Expected(one.named, trials, again, not trained, state, hours, price, why))
    return expected


def _plan(request: Request, where: Where, console: Console) -> Plan | str:
    """The plan of a search, or why there is none."""
    try:
        return make_plan(request, where, console)
    except InvalidInput as error:
        return error.faults[0]
    except FairtuneError as error:
        return str(error)


def _hours(plan: Plan, state: str, *, trained: bool) -> tuple[float, float | None]:
    if state == _COMPLETE:
        return 0.0, None if plan.price is None else 0.0
    hours = plan.hours - (plan.baseline.seconds(1) / 3600 if trained else 0.0)
    return hours, plan.price


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


def _trained(one: Described) -> bool:
    """Whether its plain model is found."""
    if one.spec is None or one.missing:
        return False
    spec = one.spec.baseline()
    return RunFolder.of(resolve_place(one.request)).job(JobKey("baseline"), spec).read_trained() is not None


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
