"""What a search will take, before anything is trained or rented."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
from rich.console import Console

from fairtune.api.arguments import read, takes
from fairtune.api.console import open_console
from fairtune.api.disk import disk_of
from fairtune.api.expected import abreast, data_of
from fairtune.api.fitting import checked_cost, trials_of
from fairtune.api.measured import Measured
from fairtune.api.memory import counted_gib, gib_with
from fairtune.api.where import Where
from fairtune.errors import InvalidInput
from fairtune.report.decoding import progress_bars
from fairtune.report.plan import DRIVER_GIB, LAUNCH_S, REPLAY_S, Plan, Training
from fairtune.request.options import Request
from fairtune.request.planned import resolve_plan
from fairtune.search.budget import most_retrainings
from fairtune.search.repeats import most_trainings
from fairtune.sizes import GIB
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.study.teacher import teacher_beside
from fairtune.training.cost import Shape, cost_of
from fairtune.training.data import Data
from fairtune.training.device import pick_device
from fairtune.training.pace import seconds_of_training


@takes(Request)
def plan(
    *,
    on: str | None = None,
    cluster: str | None = None,
    peak_tflops: float | None = None,
    memory_gib: float | None = None,
    price_per_hour: float | None = None,
    utilisation: float | None = None,
    **given: object,
) -> Plan:
    """Say what a search would take: operations, memory, time, cost and disk; nothing is trained.

    ``fairtune.plan(dataset="celeba", method="mfd,ad", trials=60, on="h100")`` needs no data where their sizes are published. Beside
    the arguments of a search, ``on`` is a card by name, ``cluster`` a file for Ray's cluster launcher, ``peak_tflops`` and
    ``memory_gib`` describe another card, ``price_per_hour`` is one GPU's, and ``utilisation`` the share of its peak that training
    reaches.

    Raises:
        InvalidInput: every fault of the arguments; a training that does not fit the card, with what would.
        DataError: the data are not there, and nothing is known of them without.
    """
    where = Where(on, None if cluster is None else Path(cluster), peak_tflops, memory_gib, price_per_hour, utilisation)
    with Measured.open() as measured:
        made = make_plan(read(Request, given), where, console := open_console(), measured)
    made.print(console)
    return made


def make_plan(request: Request, where: Where, console: Console, measured: Measured) -> Plan:
    """The plan of a search.

    Args:
        request: the search.
        where: it would run.
        console: where the decoding of data is shown.
        measured: what other plans have measured, and where this one keeps what it measures.

    Raises:
        InvalidInput, DataError: as :func:`plan`.
    """
    spec, place, shape, data = _resolved(request, where, console)
    if where.is_here:
        return _here(spec, place, shape, data, measured)
    return _rented(spec, place, shape, data, where, measured)


class Duration(NamedTuple):
    """How long a search takes.

    Attributes:
        hours: from beginning to end.
        baseline_s, teacher_s: seconds of these that are among them; 0 where there is no other teacher.
        price: of all its GPU hours; None where that is not known.
    """

    hours: float
    baseline_s: float
    teacher_s: float
    price: float | None


def duration(request: Request, where: Where, console: Console, measured: Measured) -> Duration:
    """How long a search takes that is known to be one that may start; as for :func:`make_plan`, whose other figures take longer."""
    spec, place, shape, data = _resolved(request, where, console, checked=True)
    if where.is_here:
        timed = _time(spec, place, data, measured)
        return Duration(timed.hours, timed.baseline, timed.teacher or 0.0, None)
    plan = _rented(spec, place, shape, data, where, measured)
    taught = 0.0 if plan.teacher is None else plan.teacher.seconds(1)
    return Duration(plan.hours, plan.baseline.seconds(1), taught, plan.price)


def _resolved(
    request: Request, where: Where, console: Console, *, checked: bool = False
) -> tuple[SearchSpec, Place, Shape, Data | None]:
    """The search as it would run there."""
    if not where.is_here:
        card, _ = where.cards()
        changes: dict[str, object] = {} if request.gpus_per_trial not in (None, 0, "auto") else {"gpus_per_trial": 1.0}
        if request.precision == "auto":
            changes["precision"] = "fp32" if card.bf16 is None else "bf16"
        request = request.model_copy(update=changes)
    with progress_bars(console) as report:
        return resolve_plan(request, report, checked=checked)


def _rented(spec: SearchSpec, place: Place, shape: Shape, data: Data | None, where: Where, measured: Measured) -> Plan:
    card, cards = where.cards()
    peak, share = card.peak(spec.precision), where.share(spec.precision)
    launch_s = REPLAY_S if place.compile in ("auto", "cudagraphs") else LAUNCH_S

    def training(trial: TrialSpec) -> Training:
        its = data_of(trial, spec, place, data)
        its_shape = shape if its is None else Shape.of(its)

        def count() -> Training:
            cost, gib = checked_cost(trial, its_shape, card)
            return Training(cost, gib, cost.flops / (peak * share), cost.operations * launch_s, int(card.gib / gib))

        return measured.once(trial, its_shape, ("count", card, share, launch_s), count)

    baseline, methods = training(spec.baseline()), {name: training(trial) for name, trial in trials_of(spec).items()}
    teacher = None if (own := teacher_beside(spec)) is None else training(own)
    shared = [one for one in (baseline, teacher) if one is not None]
    everything = [*shared, *methods.values()]
    useful = max(math.ceil(one.launch_s / one.busy_s) for one in everything)
    side = max(1, min([useful, *(one.abreast for one in everything)]))
    number, again = most_trainings(spec), most_retrainings(spec.select, spec.final_seeds)
    mean = statistics.fmean(one.seconds(side) for one in methods.values())
    before = sum(one.seconds(1) for one in shared)
    gpu_s = before + (number + again) * mean
    hours = (before + (math.ceil(number / cards) + math.ceil(again / cards)) * mean) / 3600
    price = None if where.price is None else where.price * gpu_s / 3600
    machine = f"{card.name} ({card.gib:g} GiB, {peak / 1e12:g} TFLOP/s in {spec.precision})"
    disk = _disk(spec, shape, everything, side * cards)
    return Plan(
        *(spec, machine, card, cards, baseline, teacher, methods, side, number, again),
        *(gpu_s / 3600, hours, price, disk, share, launch_s),
    )


class _Timed(NamedTuple):
    """What was timed here of a search.

    Attributes:
        baseline, teacher, methods: seconds of a training; None where the teacher is the baseline.
        side_by_side: trainings at a time.
        all_s: seconds of all trainings together.
        hours: from beginning to end.
    """

    baseline: float
    teacher: float | None
    methods: dict[str, float]
    side_by_side: int
    all_s: float
    hours: float


def _time(spec: SearchSpec, place: Place, data: Data | None, measured: Measured) -> _Timed:
    if data is None:
        raise InvalidInput(f"the files of {spec.dataset.name} are not here, so that no step can be timed: give --on CARD")
    device, threads = pick_device(place.gpus_per_trial), max(1, int(place.cpus_per_trial))

    def gib() -> float:
        its = data_of(spec.baseline(), spec, place, data)
        assert its is not None
        return counted_gib(spec, Shape.of(its), on_gpu=False)

    expected = measured.once(spec.baseline(), Shape.of(data), ("memory", device), gib) if device.type == "cpu" else 0.0
    side = abreast(place.model_copy(update={"expected_memory_gib": expected}))

    def seconds(trial: TrialSpec, beside: int = 0) -> float:
        its = data_of(trial, spec, place, data)
        assert its is not None

        def time() -> float:
            with measured.neighbours.training([trial], Path(place.data), number=beside, threads=threads):
                return seconds_of_training(trial, its, device, threads=threads, how=place.compile, timed_s=measured.timed_s)

        return measured.once(trial, Shape.of(its), ("time", device, threads, place.compile, beside), time)

    baseline, teacher = seconds(spec.baseline()), teacher_beside(spec)
    taught = None if teacher is None else seconds(teacher)
    beside = side - 1 if device.type == "cpu" else 0
    methods = {name: seconds(trial, beside) for name, trial in trials_of(spec).items()}
    before, mean = baseline + (taught or 0.0), statistics.fmean(methods.values())
    number, again = most_trainings(spec), most_retrainings(spec.select, spec.final_seeds)
    hours = (before + (math.ceil(number / side) + math.ceil(again / side)) * mean) / 3600
    return _Timed(baseline, taught, methods, side, before + (number + again) * mean, hours)


def _here(spec: SearchSpec, place: Place, shape: Shape, data: Data | None, measured: Measured) -> Plan:
    timed, device = _time(spec, place, data, measured), pick_device(place.gpus_per_trial)
    memory = psutil.virtual_memory().total if device.type == "cpu" else torch.cuda.get_device_properties(device).total_memory

    def training(trial: TrialSpec, seconds: float) -> Training:
        its = data_of(trial, spec, place, data)
        assert its is not None
        cost = cost_of(trial, Shape.of(its), device)
        gib = gib_with(cost.peak_bytes) if device.type == "cpu" else cost.peak_bytes / GIB + DRIVER_GIB
        return Training(cost, gib, seconds, 0.0, int(memory / GIB / gib))

    baseline, own = training(spec.baseline(), timed.baseline), teacher_beside(spec)
    teacher = None if own is None or timed.teacher is None else training(own, timed.teacher)
    methods = {name: training(trial, timed.methods[name]) for name, trial in trials_of(spec).items()}
    shared = [one for one in (baseline, teacher) if one is not None]
    gpu_hours = None if device.type == "cpu" else timed.all_s * place.gpus_per_trial / 3600
    disk = _disk(spec, shape, [*shared, *methods.values()], timed.side_by_side)
    name = "this machine's CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)
    number, again = most_trainings(spec), most_retrainings(spec.select, spec.final_seeds)
    return Plan(
        *(spec, name, None, 1, baseline, teacher, methods, timed.side_by_side, number, again),
        *(gpu_hours, timed.hours, None, disk, None, None),
    )


def _disk(spec: SearchSpec, shape: Shape, trainings: list[Training], running: int) -> dict[str, float]:
    """GiB by what they are for; the largest net counts."""
    state, weights = (max(getattr(one.cost, name) for one in trainings) for name in ("state_bytes", "weights_bytes"))
    found = {
        **disk_of(spec, weights, state, running),
        "decoded data": (shape.train + shape.validation) * shape.sample_bytes,
        "teacher's outputs": sum(one.cost.outputs_bytes for one in trainings),
    }
    return {name: size / GIB for name, size in found.items() if size}
