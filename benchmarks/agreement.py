"""Whether fairtune's fast step trains as the papers' does.

    python benchmarks/agreement.py [--data FOLDER] [--steps 300]

Both train the papers' net with MFD (weight 3, sigma 1) and Adam from the same initial weights, with the same trained teacher, on
the same balanced batches and flips, without dropout, whose masks cannot be made equal: on the embedded digits, or on CIFAR-10S
if --data names the folder that holds ``cifar-10-batches-py``.

float64: the largest relative difference of the loss over the first steps; expect 1e-12 or less, since the mathematics is the same.
float32, bfloat16: the largest relative difference between the loss curves, each smoothed by a running mean over 25 steps, and
that of the whole curves' means. Training amplifies rounding, so both are to be judged by the controls: the papers' way against
itself from initial weights that differ by float32's rounding (a random relative 1e-7).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _papers import PapersCNN, PapersStep
from _training import CPU, make_training
from rich.console import Console
from rich.table import Table
from torch import Tensor

from fairtune.batches import sampling
from fairtune.batches.augment import Augment, Drawn
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Dataset, Info, open_splits
from fairtune.methods import FIT
from fairtune.models.cnn import CNN
from fairtune.records import Floats, Ints, Split
from fairtune.seeding import generator, torch_stream
from fairtune.spec import Precision
from fairtune.training.loop import Training

BATCH, SAMPLES, TEACHER_STEPS, EXACT_STEPS, WINDOW, CONTROLS, ROUNDING = 120, 3000, 200, 20, 25, 4, 1e-7


class Setting:
    """What both sides share: the data, the order, the initial weights and the teacher."""

    def __init__(self, data: Path | None, steps: int) -> None:
        dataset = Dataset.load("digits" if data is None else "cifar10s")()
        split: Split = open_splits(dataset, data or Path())["train"]
        self.split = split.take(np.arange(min(len(split), SAMPLES)))
        self.info: Info = dataset.describe(data or Path())
        self.classes = len(self.info.classes)
        rng = generator(0, "order")
        cells = sampling.cell_positions(self.split)
        self.order: Ints = sampling.balanced(cells, BATCH, max(steps, TEACHER_STEPS), rng)
        self.augment = Augment(self.info.augment)
        self.drawn = self.augment.draw((self.split.pool.shape[1], self.split.pool.shape[2]), self.order.shape, rng)
        teacher = self.net(seed=1)
        training = make_training("scratch", teacher, self.split, precision="fp32", batch_size=BATCH, augment=self.augment)
        self.train(training, TEACHER_STEPS)
        self.teacher = teacher.state_dict()

    def net(self, kind: type[CNN] = CNN, dtype: torch.dtype = torch.float32, *, seed: int = 0) -> CNN:
        """A net before training, without dropout."""
        with torch_stream(CPU, seed, "init"):
            net = kind(self.info.shape, self.classes).to(dtype)
        net.dropout.p = 0.0
        return net

    def training(self, precision: Precision, cache: Path) -> Training:
        """MFD by fairtune."""
        teacher = self.net()
        teacher.load_state_dict(self.teacher)
        return make_training(
            "mfd",
            self.net(),
            self.split,
            teacher=teacher,
            precision=precision,
            batch_size=BATCH,
            cache=cache / precision,
            augment=self.augment,
            protocol="official",
        )

    def train(self, training: Training, steps: int) -> Floats:
        """Fairtune's loss at each step."""

        def one(index: Tensor, drawn: Drawn) -> Tensor:
            terms = training.step(index, drawn)
            return sum((value for name, value in terms.items() if name != FIT), torch.zeros(()))

        return self._curve(steps, one)

    def train_papers(self, dtype: torch.dtype, steps: int, control: int = 0) -> Floats:
        """The papers' loss at each step; a ``control`` above 0 draws how the initial weights are rounded."""
        teacher = self.net(PapersCNN, dtype)
        teacher.load_state_dict(self.teacher)
        net = self.net(PapersCNN, dtype)
        if control:
            with torch.no_grad(), torch_stream(CPU, control, "init"):
                for parameter in net.parameters():
                    parameter.mul_(1 + ROUNDING * torch.randn_like(parameter))
        step = PapersStep(net, teacher)
        data = DeviceSplit(self.split, CPU, dtype, self.augment)

        def one(index: Tensor, drawn: Drawn) -> Tensor:
            batch = data.batch(index, drawn)
            return step(batch.x.contiguous(), batch.y, batch.a)

        return self._curve(steps, one)

    def _curve(self, steps: int, step: Callable[[Tensor, Drawn], Tensor]) -> Floats:
        order = torch.from_numpy(self.order[:steps])
        return np.array([step(index, tuple(values[k] for values in self.drawn)).item() for k, index in enumerate(order)])


def largest(a: Floats, b: Floats) -> float:
    """Largest relative difference."""
    return float(np.abs(a / b - 1).max())


def smooth(curve: Floats) -> Floats:
    """Running mean."""
    return np.convolve(curve, np.full(WINDOW, 1 / WINDOW), mode="valid")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds cifar-10-batches-py; the embedded digits without it")
    parser.add_argument("--steps", type=int, default=300, help="length of the float32 and bfloat16 curves")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    setting = Setting(arguments.data, arguments.steps)
    with tempfile.TemporaryDirectory() as scratch:
        curves: dict[str, Floats] = {}
        lengths: dict[Precision, int] = {"float64": EXACT_STEPS, "fp32": arguments.steps, "bf16": arguments.steps}
        for precision, steps in lengths.items():
            curves[precision] = setting.train(setting.training(precision, Path(scratch)), steps)
    exact = largest(curves["float64"], setting.train_papers(torch.float64, EXACT_STEPS))
    papers = setting.train_papers(torch.float32, arguments.steps)
    controls = [setting.train_papers(torch.float32, arguments.steps, control) for control in range(1, CONTROLS + 1)]
    console = Console(soft_wrap=True, width=120)
    console.print(f"float64, first {EXACT_STEPS} steps: largest relative difference {exact:.1e}")
    table = Table("against the papers' way in float32", "first step", "largest, smoothed", "mean", "loss from", "to")
    rows = {"fairtune, float32": curves["fp32"], "fairtune, bfloat16": curves["bf16"]}
    for name, curve in (rows | {f"control {number}": curve for number, curve in enumerate(controls, 1)}).items():
        numbers = (largest(curve[:1], papers[:1]), largest(smooth(curve), smooth(papers)), abs(curve.mean() / papers.mean() - 1))
        table.add_row(name, *(f"{n:.1e}" for n in numbers), f"{smooth(curve)[0]:.3f}", f"{smooth(curve)[-1]:.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
