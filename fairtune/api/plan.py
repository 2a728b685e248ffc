"""What a search will take, before anything is trained or rented."""

from __future__ import annotations

import math
import statistics
from pathlib import Path

import psutil
import torch
from rich.console import Console

from fairtune.api.arguments import read, takes
from fairtune.api.console import open_console
from fairtune.api.disk import disk_of
from fairtune.api.expected import abreast, data_of
from fairtune.api.fitting import GIB, checked_cost, trials_of
from fairtune.api.memory import gib_with
from fairtune.api.where import Where
from fairtune.errors import InvalidInput
from fairtune.report.decoding import progress_bars
from fairtune.report.plan import DRIVER_GIB, LAUNCH_S, REPLAY_S, Plan, Training
from fairtune.request.options import Request
from fairtune.request.planned import resolve_plan
from fairtune.search.budget import most_retrainings
from fairtune.search.repeats import most_trainings
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.study.teacher import teacher_beside
from fairtune.training.cards import Card
from fairtune.training.cost import Shape, cost_of
from fairtune.training.data import Data
from fairtune.training.device import pick_device
from fairtune.training.neighbours import neighbours
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
    made = make_plan(read(Request, given), where, console := open_console())
    made.print(console)
    return made


def make_plan(request: Request, where: Where, console: Console) -> Plan:
    """The plan of a search.

    Args:
        request: the search.
        where: it would run.
        console: where the decoding of data is shown.

    Raises:
        InvalidInput, DataError: as :func:`plan`.
    """
    card, cards = (None, 1) if where.is_here else where.cards()
    if card is not None:
        changes: dict[str, object] = {} if request.gpus_per_trial not in (None, 0, "auto") else {"gpus_per_trial": 1.0}
        if request.precision == "auto":
            changes["precision"] = "fp32" if card.bf16 is None else "bf16"
        request = request.model_copy(update=changes)
    with progress_bars(console) as report:
        spec, place, shape, data = resolve_plan(request, report)
    trials = trials_of(spec)
    if card is None:
        return _here(spec, place, shape, data, trials)
    return _rented(spec, place, shape, data, trials, card, cards, where)


def _rented(
    spec: SearchSpec,
    place: Place,
    shape: Shape,
    data: Data | None,
    trials: dict[str, TrialSpec],
    card: Card,
    cards: int,
    where: Where,
) -> Plan:
    peak, share = card.peak(spec.precision), where.share(spec.precision)
    launch_s = REPLAY_S if place.compile in ("auto", "cudagraphs") else LAUNCH_S

    def training(trial: TrialSpec) -> Training:
        its = data_of(trial, spec, place, data)
        cost, gib = checked_cost(trial, shape if its is None else Shape.of(its), card)
        return Training(cost, gib, cost.flops / (peak * share), cost.operations * launch_s, int(card.gib / gib))

    baseline, methods = training(spec.baseline()), {name: training(trial) for name, trial in trials.items()}
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


def _here(spec: SearchSpec, place: Place, shape: Shape, data: Data | None, trials: dict[str, TrialSpec]) -> Plan:
    if data is None:
        raise InvalidInput(f"the files of {spec.dataset.name} are not here, so that no step can be timed: give --on CARD")
    device, threads = pick_device(place.gpus_per_trial), max(1, int(place.cpus_per_trial))
    memory = psutil.virtual_memory().total if device.type == "cpu" else torch.cuda.get_device_properties(device).total_memory

    def training(trial: TrialSpec) -> Training:
        its = data_of(trial, spec, place, data)
        assert its is not None
        cost = cost_of(trial, Shape.of(its), device)
        gib = gib_with(cost.peak_bytes) if device.type == "cpu" else cost.peak_bytes / GIB + DRIVER_GIB
        seconds = seconds_of_training(trial, its, device, threads=threads, how=place.compile)
        return Training(cost, gib, seconds, 0.0, int(memory / GIB / gib))

    baseline, number, again = training(spec.baseline()), most_trainings(spec), most_retrainings(spec.select, spec.final_seeds)
    side = abreast(place.model_copy(update={"expected_memory_gib": baseline.gib if device.type == "cpu" else 0.0}))
    beside = side - 1 if device.type == "cpu" else 0
    teacher = None if (own := teacher_beside(spec)) is None else training(own)
    shared = [one for one in (baseline, teacher) if one is not None]
    before = sum(one.seconds(1) for one in shared)
    with neighbours(list(trials.values()), Path(place.data), number=beside, threads=threads):
        methods = {name: training(trial) for name, trial in trials.items()}
    mean = statistics.fmean(one.seconds(1) for one in methods.values())
    hours = (before + (math.ceil(number / side) + math.ceil(again / side)) * mean) / 3600
    gpu_hours = None if device.type == "cpu" else (before + (number + again) * mean) * place.gpus_per_trial / 3600
    disk = _disk(spec, shape, [*shared, *methods.values()], side)
    name = "this machine's CPU" if device.type == "cpu" else torch.cuda.get_device_name(device)
    return Plan(spec, name, None, 1, baseline, teacher, methods, side, number, again, gpu_hours, hours, None, disk, None, None)


def _disk(spec: SearchSpec, shape: Shape, trainings: list[Training], running: int) -> dict[str, float]:
    """GiB by what they are for; the largest net counts."""
    state, weights = (max(getattr(one.cost, name) for one in trainings) for name in ("state_bytes", "weights_bytes"))
    found = {
        **disk_of(spec, weights, state, running),
        "decoded data": (shape.train + shape.validation) * shape.sample_bytes,
        "teacher's outputs": sum(one.cost.outputs_bytes for one in trainings),
    }
    return {name: size / GIB for name, size in found.items() if size}
