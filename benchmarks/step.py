"""How long one training step takes, against the papers' way, the plain step and the processor's limit.

    python benchmarks/step.py [--data FOLDER] [--rounds 40]

One thread; the papers' CIFAR-10 net, 32x32 images, batches of 128, ten classes, two groups. Images are random unless --data names
the folder that holds ``cifar-10-batches-py``; the times do not depend on it. All variants run in turn within one process;
ratios are taken round by round, then their median. Fairtune's steps gather and flip their batch; the papers' are handed theirs
ready, and once more with its assembly image by image.

Expect MFD with a cached teacher to cost at most 1.10 plain steps, and the papers' MFD step 3.8 to 4.1 of fairtune's on a
processor with AVX512-BF16, more with AMX. A fifth of the papers' time is the operating system's: glibc gives their float32
activations back after every step and fetches them anew. ``MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=1073741824``
before the command makes it keep them, and leaves a ratio of about 3.2. What bounds the step is printed below the table: the
multiplications of its convolutions, which no change of the program avoids, at the best rate that a matrix product reaches here.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from _papers import PapersCNN, PapersStep, papers_batch
from _timing import Seconds, machine, median_ms, peak_gflops, race, ratio
from _training import CPU, make_training, random_images
from rich.console import Console
from rich.table import Table

from fairtune.datasets import Dataset, open_splits
from fairtune.models.cnn import CNN
from fairtune.records import Split
from fairtune.seeding import torch_stream
from fairtune.spec import Precision
from fairtune.training.device import resolve_precision

SHAPE, CLASSES, GROUPS, BATCH, SAMPLES = (3, 32, 32), 10, 2, 128, 2048
CONVOLUTIONS = ((3, 32, 32), (32, 32, 32), (32, 64, 16), (64, 64, 16), (64, 128, 8), (128, 128, 8))  # channels in, out, side


def some_images(data: Path | None) -> Split:
    """Random images, or the first ones of CIFAR-10S."""
    if data is None:
        return random_images(SAMPLES, SHAPE[1], num_classes=CLASSES, num_groups=GROUPS)
    dataset = Dataset.load("cifar10s")()
    return open_splits(dataset, data)["train"].take(np.arange(SAMPLES))


def make_net(seed: int, kind: type[CNN] = CNN) -> CNN:
    with torch_stream(CPU, seed, "init"):
        return kind(SHAPE, CLASSES)


def steps(method: str, precision: Precision, split: Split, cache: Path | None = None) -> Callable[[], object]:
    """Fairtune's step on one batch after another; the teacher is live without a ``cache``."""
    folder = None if cache is None else cache / precision
    net, teacher = make_net(0), make_net(1)
    training = make_training(method, net, split, teacher=teacher, precision=precision, batch_size=BATCH, cache=folder)
    batches = cycle(torch.from_numpy(training.batch_order()))
    drawn = (torch.rand(BATCH) < 0.5,)
    return lambda: training.step(next(batches), drawn)


def papers_steps(split: Split, *, distil: bool, assemble: bool) -> Callable[[], object]:
    """The papers' step, on a batch that is ready or assembled first."""
    step = PapersStep(make_net(0, PapersCNN), make_net(1, PapersCNN) if distil else None)
    images = split.pool[split.rows[:BATCH]]
    ready, y, a = papers_batch(images), torch.from_numpy(split.y[:BATCH]), torch.from_numpy(split.a[:BATCH])
    return lambda: step(papers_batch(images) if assemble else ready, y, a)


def convolutions(dtype: torch.dtype) -> tuple[Callable[[], object], float]:
    """All convolutions of a step alone, forward and backward, and how many GFLOP they are."""
    layers, gflop = [], 0.0
    for channels, out, side in CONVOLUTIONS:
        x, grad = (_images(n, side, dtype) for n in (channels, out))
        weight = torch.randn(out, channels, 3, 3, dtype=dtype).contiguous(memory_format=torch.channels_last)
        layers.append((x, weight, torch.randn(out, dtype=dtype), grad))
        gflop += 2 * BATCH * side**2 * channels * out * 9 * (2 if channels == 3 else 3) / 1e9

    def run() -> None:
        for x, weight, bias, grad in layers:
            torch.conv2d(x, weight, bias, padding=1)
            wanted, ones = [x.shape[1] > 3, True, True], [1, 1]
            torch.ops.aten.convolution_backward(grad, x, weight, [len(bias)], ones, ones, ones, False, [0, 0], 1, wanted)

    return run, gflop


def _images(channels: int, side: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.randn(BATCH, channels, side, side, dtype=dtype).contiguous(memory_format=torch.channels_last)


def report(taken: dict[str, Seconds], gflop: float, peak: float, console: Console) -> None:
    """Print the times, what they were measured for, and what bounds them."""
    table = Table("step", "ms", "/ plain", "papers' MFD / it", title="one training step", title_justify="left")
    for name, seconds in taken.items():
        over_plain, gain = ratio(seconds, taken["plain"]), ratio(taken["papers' MFD"], seconds)
        table.add_row(name, f"{median_ms(seconds):.1f}", f"{over_plain:.2f}", f"{gain:.2f}")
    console.print(table)
    overhead, gain = ratio(taken["MFD"], taken["plain"]), ratio(taken["papers' MFD"], taken["MFD"])
    whole = ratio(taken["papers' MFD, batch assembled"], taken["MFD"])
    console.print(f"MFD / plain: {overhead:.2f} (target at most 1.10)")
    console.print(f"papers' MFD / MFD: {gain:.2f} (target at least 4); with the assembly of their batches {whole:.2f}")
    alone, plain = median_ms(taken["convolutions alone"]), median_ms(taken["plain"])
    console.print(
        f"best matrix product: {peak:.0f} GFLOP/s, at which the step's {gflop:.1f} GFLOP of convolutions take "
        f"{gflop / peak * 1e3:.0f} ms; the library's convolutions reach {gflop / alone * 1e3:.0f} GFLOP/s, {alone:.0f} ms, "
        f"{alone / plain:.0%} of the plain step; all else takes {plain - alone:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds cifar-10-batches-py; random images without it")
    parser.add_argument("--rounds", type=int, default=40, help="rounds that count")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(soft_wrap=True)
    precision = resolve_precision("auto", CPU)
    console.print(f"{machine()}; precision auto = {precision}")
    split = some_images(arguments.data)
    alone, gflop = convolutions(torch.bfloat16 if precision == "bf16" else torch.float32)
    with tempfile.TemporaryDirectory() as scratch:
        cache = Path(scratch)
        variants = {
            "plain": steps("scratch", precision, split),
            "MFD": steps("mfd", precision, split, cache),
            "HKD": steps("hkd", precision, split, cache),
            "MFD, live teacher": steps("mfd", precision, split),
            "plain, fp32": steps("scratch", "fp32", split),
            "MFD, fp32": steps("mfd", "fp32", split, cache),
            "papers' plain": papers_steps(split, distil=False, assemble=False),
            "papers' MFD": papers_steps(split, distil=True, assemble=False),
            "papers' MFD, batch assembled": papers_steps(split, distil=True, assemble=True),
            "convolutions alone": alone,
        }
        taken = race(variants, rounds=arguments.rounds, warm_up=20)
    report(taken, gflop, peak_gflops(torch.bfloat16 if precision == "bf16" else torch.float32), console)


if __name__ == "__main__":
    main()
