"""What one training step of every method costs, against the plain step, and how much memory its loss takes on large maps.

    python benchmarks/methods.py [--rounds 30]

Time: the papers' CIFAR-10 net, random 32x32 images, batches of 128, ten classes, two groups, default hyperparameters, the
teacher's outputs cached. All methods step in turn within one process; ratios to the plain step are taken round by round, then
their median. ``OMP_NUM_THREADS`` before the command sets the number of threads. magnitude trains nothing: its step is one forward
pass. Printed below the table is where the time of the two slow methods goes, from the differences between their variants.

Memory: the peak of a loss and its gradient beyond what they are given, in float32 on the features of a ResNet18 at 176 pixels,
128 x 512 x 6 x 6. NST as its authors' code computes it takes 4.8 GB there.
"""

from __future__ import annotations

import argparse
import itertools
import os
import tempfile
from collections.abc import Callable, Mapping
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import torch
from _timing import Seconds, machine, median_ms, race, ratio
from _training import CPU, make_training, random_images
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from fairtune.methods import Context, Progress, compose
from fairtune.models.cnn import CNN
from fairtune.plugins import names
from fairtune.records import Batch, Outputs, Split
from fairtune.seeding import generator, torch_stream
from fairtune.space import Value
from fairtune.spec import Precision
from fairtune.training.device import resolve_precision
from fairtune.training.loop import Training

SHAPE, CLASSES, GROUPS, BATCH, SAMPLES = (3, 32, 32), 10, 2, 128, 2048
MAPS = (512, 6, 6)
AIMS = {"hkd": 1.15, "at": 1.15, "fitnet, stage 1": 1.15, "fitnet, stage 2": 1.15, "mfd": 1.10, "ad": 1.25, "nst": 1.5}
AIMS |= dict.fromkeys(("dp_l2", "dp_mi", "eo_l2", "eo_mi", "iou", "iou_paired"), 1.05)
FEW, MANY = 1, 20
STAGED = ("fitnet", "fscl", "jtt")


class Variant(NamedTuple):
    """A method, its hyperparameters that are not at their default, and the epoch of 50 that is timed."""

    method: str
    values: Mapping[str, Value] = {}
    epoch: int = 49


def variants() -> dict[str, Variant]:
    """The plain step and every method's; several of those whose cost depends on more than the method."""
    every = {name: Variant(name) for name in names("method") if name not in ("scratch", "mi", *STAGED)}
    every |= {f"{name}, stage {stage}": Variant(name, epoch=epoch) for name in STAGED for stage, epoch in ((1, 0), (2, 49))}
    for steps, reuse in itertools.product((FEW, MANY), (False, True)):
        every[mi_name(steps, reuse)] = Variant("mi", {"mi.inner_steps": steps, "mi.reuse_features": reuse})
    return {"plain": Variant("scratch"), **dict(sorted(every.items()))}


def mi_name(steps: int, reuse: bool) -> str:
    return f"mi, {steps} inner step{'s' * (steps > 1)}{', features reused' * reuse}"


def make_net(seed: int) -> CNN:
    with torch_stream(CPU, seed, "init"):
        return CNN(SHAPE, CLASSES)


def ready(variant: Variant, precision: Precision, split: Split, cache: Path) -> Training:
    """A training in the middle of an epoch."""
    training = make_training(
        variant.method,
        make_net(0),
        split,
        teacher=make_net(1),
        precision=precision,
        batch_size=BATCH,
        cache=cache,
        values=variant.values,
    )
    training.epoch = variant.epoch
    training.net.train(training.method.trains_net)
    training._order = torch.from_numpy(training.batch_order())
    training._drawn, training._second = (training.train.draw((training.steps, BATCH), generator(0, "order", n)) for n in range(2))
    if variant.method in STAGED:
        training.method.begin_epoch(training, Progress(training.epoch, training.spec.epochs))
    return training


def steps(training: Training) -> Callable[[], object]:
    """The step on one batch after another."""
    numbers = cycle(range(training.steps))
    return lambda: training.step_of(next(numbers))


def epoch_end(training: Training) -> Callable[[], object]:
    """What the method does after the last step of an epoch."""
    progress = Progress(training.epoch, training.spec.epochs)
    return lambda: training.method.end_epoch(training, {}, progress)


def time_table(taken: Mapping[str, Seconds]) -> Table:
    table = Table("method", "ms", "/ plain", "aim", "", title="one training step", title_justify="left")
    for name, seconds in taken.items():
        over_plain, aim = ratio(seconds, taken["plain"]), AIMS.get(name)
        verdict = "" if aim is None else "met" if over_plain <= aim else "missed"
        table.add_row(name, f"{median_ms(seconds):.1f}", f"{over_plain:.2f}", "" if aim is None else f"{aim:.2f}", verdict)
    return table


def where_the_time_goes(taken: Mapping[str, Seconds], end_of_epoch: Seconds, batches: int) -> list[str]:
    """The parts of the steps of mi and ffw, as shares of the plain step."""
    plain = median_ms(taken["plain"])
    of = {name: median_ms(seconds) / plain for name, seconds in taken.items()}
    few, many, few_reused, many_reused = (of[mi_name(steps, reuse)] for reuse in (False, True) for steps in (FEW, MANY))
    inner, fit = (many - few) / (MANY - FEW), (many_reused - few_reused) / (MANY - FEW)
    end = median_ms(end_of_epoch) / plain / batches
    return [
        f"mi: each inner step takes {inner:.2f} plain steps, {inner - fit:.2f} of them to embed its batch and {fit:.2f} to train "
        f"the estimator; the net's step on the bound takes {few - inner - 1:.2f}",
        f"ffw: a gate on every weight takes {of['ffw'] - of['ffw_structured']:.2f} plain steps more than one on every channel; the "
        f"end of an epoch (embeddings, private head, scores) takes {end:.2f} per step of {batches}",
    ]


def large_outputs(seed: int) -> Outputs:
    rng = torch.Generator().manual_seed(seed)
    maps = torch.randn(BATCH, *MAPS, generator=rng).relu()
    return Outputs(torch.randn(BATCH, CLASSES, generator=rng), maps, maps, maps.mean((2, 3)))


def peak_of_loss(method: str, values: Mapping[str, Value]) -> int | None:
    """Bytes at the peak of a method's terms and their gradient beyond what is there before; None without terms."""
    composite = compose(method, values)
    for component in composite.parts.values():
        component.combined = True  # no stage of its own
    cells = torch.full((GROUPS, CLASSES), SAMPLES).numpy()
    composite.start(
        Context(
            CLASSES,
            GROUPS,
            MAPS,
            CPU,
            "fixed",
            embedding_size=MAPS[0],
            cells=cells,
            shares=cells / cells.sum(),
            net=make_net(0),
        )
    )
    student, kept = large_outputs(0), composite.from_teacher(large_outputs(1))
    for part in student:
        assert part is not None
        part.requires_grad_()
    y, a = torch.arange(BATCH) % CLASSES, torch.arange(BATCH) % GROUPS

    def run() -> list[Tensor]:
        terms = list(composite.loss(student, kept, Batch(student.logits, y, a, y), Progress(49, 50)).values())
        if terms:
            torch.stack(terms).sum().backward()
        return terms

    terms = run()
    for part in student:
        assert part is not None
        part.grad = None
    return peak_bytes(run) if terms else None


def peak_bytes(call: Callable[[], object]) -> int:
    """Bytes that torch holds at most during a call beyond those it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        call()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    changes: list[tuple[int, int]] = sorted((event.start_ns(), event.nbytes()) for event in events if event.name() == "[memory]")
    return max(itertools.accumulate(change for _, change in changes))


def memory_table() -> Table:
    title = f"peak of the loss on features of {BATCH} x {' x '.join(map(str, MAPS))}"
    table = Table("method", "MB", "/ features", title=title, title_justify="left")
    features = large_outputs(0).features.nbytes
    for method in names("method"):
        peak = peak_of_loss(method, {"mi.updates": "penalty"} if method == "mi" else {})
        if peak is not None:
            table.add_row(method, f"{peak / 2**20:.1f}", f"{peak / features:.2f}")
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30, help="rounds that count")
    arguments = parser.parse_args()
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # torch's profiler writes to stderr
    console = Console(soft_wrap=True)
    precision = resolve_precision("auto", CPU)
    console.print(f"{machine()}; precision auto = {precision}")
    split = random_images(SAMPLES, SHAPE[1], num_classes=CLASSES, num_groups=GROUPS)
    with tempfile.TemporaryDirectory() as scratch:
        trainings = {name: ready(variant, precision, split, Path(scratch)) for name, variant in variants().items()}
        taken = race({name: steps(training) for name, training in trainings.items()}, rounds=arguments.rounds, warm_up=10)
        end_of_epoch = race({"ffw": epoch_end(trainings["ffw"])}, rounds=3, warm_up=1)["ffw"]
    console.print(time_table(taken))
    for line in where_the_time_goes(taken, end_of_epoch, trainings["ffw"].steps):
        console.print(line)
    console.print(memory_table())


if __name__ == "__main__":
    main()
