"""What a training step of each model costs, beside the same net in a plain loop of torch, and what an epoch takes.

    python benchmarks/models.py [--models simple_convnet,cnn] [--rounds 12]

One thread, random images of the size that the model's papers train on, ten classes, two groups. The plain loop is what anyone
would write: float32, images channel by channel in memory and ready as floats, cross-entropy, ``zero_grad``, ``backward``, Adam.
Fairtune's step gathers and flips its batch and takes the precision that ``auto`` chooses; its float32 is timed besides. Processor
time, in turn within one process; ratios are taken round by round, then their median. The last columns tell how many GFLOP a step's
layers are by torch's own count, and how long 60,000 images would take at fairtune's rate on this one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import cycle

import torch
import torch.nn.functional as F
from _timing import machine, median_ms, race, ratio
from _training import CPU, make_training, random_images
from rich.console import Console
from rich.table import Table
from torch.utils.flop_counter import FlopCounterMode

from fairtune.models import Net
from fairtune.records import Split
from fairtune.seeding import torch_stream
from fairtune.spec import Precision
from fairtune.training.device import resolve_precision

CLASSES, GROUPS, EPOCH = 10, 2, 60_000
MODELS = {
    "simple_convnet": (28, 100),
    "lenet": (28, 128),
    "mlp3": (28, 100),
    "cnn": (32, 128),
    "slimcnn": (148, 32),
    "resnet18": (64, 32),
}
"""Side of the images and batch size, by model."""

Step = Callable[[], object]


def make_net(model: str, side: int) -> Net:
    with torch_stream(CPU, 0, "init"):
        return Net.load(model).build((3, side, side), CLASSES)


def our_step(model: str, side: int, batch: int, split: Split, precision: Precision) -> Step:
    training = make_training("scratch", make_net(model, side), split, precision=precision, batch_size=batch)
    batches = cycle(torch.from_numpy(training.batch_order()))
    drawn = (torch.rand(batch) < 0.5,)
    return lambda: training.step(next(batches), drawn)


def plain_step(net: Net, x: torch.Tensor, y: torch.Tensor) -> Step:
    optimizer = torch.optim.Adam(net.train().parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(net(x).logits, y).backward()
        optimizer.step()

    return step


def gflop(step: Step) -> float:
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    return counter.get_total_flops() / 1e9


def row(model: str, rounds: int, precision: Precision) -> list[str]:
    """One line of the table."""
    side, batch = MODELS[model]
    split = random_images(4 * batch, side, num_classes=CLASSES, num_groups=GROUPS)
    x, y = torch.rand(batch, 3, side, side), torch.from_numpy(split.y[:batch])
    plain = plain_step(make_net(model, side), x, y)
    steps = {
        "ours": our_step(model, side, batch, split, precision),
        "ours, fp32": our_step(model, side, batch, split, "fp32"),
        "plain": plain,
    }
    work = gflop(plain)
    taken = race(steps, rounds=rounds, warm_up=3)
    ours = median_ms(taken["ours"])
    return [
        model,
        f"{batch} x {side}²",
        f"{ours:.0f}",
        f"{median_ms(taken['plain']):.0f}",
        f"{ratio(taken['ours'], taken['plain']):.2f}",
        f"{ratio(taken['ours, fp32'], taken['plain']):.2f}",
        f"{work:.1f}",
        f"{ours / 1e3 * EPOCH / batch / 60:.1f}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS), help="which, with commas between them")
    parser.add_argument("--rounds", type=int, default=12, help="rounds that count")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(soft_wrap=True)
    precision = resolve_precision("auto", CPU)
    console.print(f"{machine()}; precision auto = {precision}")
    columns = ["model", "batch", "step, ms", "plain loop, ms", "/ plain", "fp32 / plain", "GFLOP", "60,000 images, min"]
    table = Table(*columns, title="a plain training step", title_justify="left", box=None)
    for model in arguments.models.split(","):
        table.add_row(*row(model, arguments.rounds, precision))
    console.print(table)


if __name__ == "__main__":
    main()
