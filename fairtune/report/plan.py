"""What a search will take, as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from fairtune.names import counted
from fairtune.report.progress import format_duration
from fairtune.spec import SearchSpec
from fairtune.training.cards import Card
from fairtune.training.cost import Cost

LAUNCH_S, REPLAY_S = 1e-5, 2.5e-6
"""What is assumed to pass between the starts of two short operations: launched by the host, and replayed by the GPU."""
SLACK, DRIVER_GIB = 1.15, 0.6
"""What is assumed on top of the tensors on a GPU: working space and fragments, and what the driver takes of each process."""


class Training(NamedTuple):
    """What one training of a method takes.

    Attributes:
        cost: as counted.
        gib: of memory, the data that it keeps on a GPU included.
        busy_s: in which it computes.
        launch_s: in which the host launches that; 0 where steps were timed.
        abreast: how many fit side by side on one card, or on this machine.
    """

    cost: Cost
    gib: float
    busy_s: float
    launch_s: float
    abreast: int

    def seconds(self, side_by_side: int) -> float:
        """Of one, where so many share a card: launching overlaps, computing does not."""
        return max(self.busy_s, self.launch_s / side_by_side)


@dataclass(frozen=True)
class Plan:
    """What a search will take.

    Attributes:
        spec: the search.
        machine: in words.
        card: the GPU; None for this machine's CPU.
        cards: how many of it.
        baseline: its training.
        teacher: its training, where it is not the baseline.
        methods: a training of each method.
        side_by_side: trainings at a time on one card, or here.
        trials, retrainings: how many at most.
        gpu_hours: all trainings together; None without a GPU.
        hours: from beginning to end.
        price: of all the GPU hours, in the currency of one hour's; None where that is not known.
        disk_gib: of checkpoints, weights, decoded data and the teacher's outputs, at most.
        utilisation: share of the card's peak that times follow from; None where steps were timed.
        launch_s: what an operation takes at least; None where steps were timed.
    """

    spec: SearchSpec
    machine: str
    card: Card | None
    cards: int
    baseline: Training
    teacher: Training | None
    methods: dict[str, Training]
    side_by_side: int
    trials: int
    retrainings: int
    gpu_hours: float | None
    hours: float
    price: float | None
    disk_gib: dict[str, float]
    utilisation: float | None
    launch_s: float | None

    def print(self, console: Console) -> None:
        """The plan as people read it."""
        console.print(
            f"fairtune {self.spec.methods} on {self.spec.dataset.name} with {self.spec.model.name}, on {self.machine}", style="bold"
        )
        time = "time of one" if self.card is None else "time alone"
        columns = ("training", "GFLOP a step", "PFLOP in all", "memory, GiB", "fit side by side", time)
        table = Table(*columns, box=None, padding=(0, 2))
        taught = {} if self.teacher is None else {"teacher": self.teacher}
        for name, one in {"baseline": self.baseline, **taught, **self.methods}.items():
            counted = (one.cost.step_flops / 1e9, one.cost.flops / 1e15, one.gib)
            table.add_row(name, *(f"{value:,.3g}" for value in counted), str(one.abreast), format_duration(one.seconds(1)))
        console.print(table)
        for line in self.lines():
            console.print(line, soft_wrap=True)

    def lines(self) -> Iterator[str]:
        """What is said below the table."""
        first = "baseline" if self.teacher is None else "baseline, teacher"
        again = counted(self.retrainings, "retraining")
        count = f"{first}, {counted(self.trials, 'trial')} and at most {again} of {counted(self.spec.epochs, 'epoch')}"
        cards = f" on {self.cards} card{'s' * (self.cards > 1)}" if self.card is not None else ""
        each = " on each card" if self.card is not None else ""
        yield f"search: {count}, {self.side_by_side} at a time{each}: about {format_duration(self.hours * 3600)}{cards}"
        if self.gpu_hours is not None:
            cost = "--price-per-hour gives the cost" if self.price is None else f"about {self.price:,.2f} at the price given"
            yield f"        {self.gpu_hours:.3g} GPU hours; {cost}"
        if self.card is not None and self.side_by_side > 1:
            yield f"        give --gpus-per-trial {1 / self.side_by_side:.3g}, and have NVIDIA's MPS run (docs/gpu.md)"
        yield "disk:   " + ", ".join(f"{what} {gib:.2g} GiB" for what, gib in self.disk_gib.items())
        if self.utilisation is None or self.launch_s is None:
            beside = f", those of methods beside {counted(self.side_by_side - 1, 'other training')}" * (self.side_by_side > 1)
            yield f"times:  from steps timed here{beside}; starting the processes and what methods do at an epoch's end come on top"
        else:
            yield (
                f"times:  assumed are {self.utilisation:.0%} of the card's peak (--utilisation, as benchmarks/gpu.py measures it) "
                f"and {self.launch_s * 1e6:.3g} us from one operation to the next"
            )
            yield (
                f"memory: tensors as counted; assumed are {SLACK - 1:.0%} more for working space, {DRIVER_GIB} GiB for the driver, "
                "and that images stay on the card where they take at most half of what is free"
            )
