"""How fast a CUDA GPU trains, how far that is from its peak, and what holds it back.

    python benchmarks/gpu.py [--steps 30]

The plain step and the MFD step with a cached teacher, for the papers' CIFAR-10 net (32x32 images) and a ResNet18 (176x176, the
papers' size for faces), batches of 128, random images that lie on the GPU, in float32 and bfloat16. Without a CUDA GPU it says
so and ends.

* images/s: from CUDA events around a run of steps, the median of five runs.
* of peak: floating point operations of the matrix products and convolutions, counted by torch, per second, against the best
  large matrix product in the same arithmetic. cuDNN may use TF32 for float32 convolutions; the peak then does, too.
* GPU busy: the share of the time in which a kernel runs, by torch's profiler, which slows the launching a little. Below about
  0.9 Python and the launching of kernels hold the GPU back: larger batches, several trials on one GPU (``--gpus-per-trial``) or
  CUDA graphs help, faster kernels do not.
* convolutions: their share of the time of all kernels. Where the GPU is busy and they have most of it, they bound the step; what
  they leave goes to kernels bound by memory (normalisation, ReLU, pooling, casts, Adam).

Expect the small net to be bound by launching, the ResNet18 by its convolutions, and MFD to cost little more than plain.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
from collections.abc import Callable, Iterable
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import torch
from _timing import peak_gflops
from _training import make_training, random_images
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18

from fairtune.models import Net
from fairtune.models.cnn import CNN
from fairtune.records import Outputs
from fairtune.spec import Precision

BATCH, SAMPLES, WARM_UP, RUNS, PROFILED = 128, 1024, 10, 5, 10
CONVOLUTIONS = {"aten::cudnn_convolution", "aten::_convolution", "aten::convolution_backward"}


class ResNet18(Net):
    """torchvision's ResNet18, tapped where the papers' code taps it: the last block's map, flattened."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__(shape)
        self.net = resnet18(weights=None, num_classes=num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features ``(B, 512 * h * w)``."""
        net = self.net
        x = net.maxpool(net.relu(net.bn1(net.conv1(x))))
        maps = net.layer4(net.layer3(net.layer2(net.layer1(x))))
        pooled = net.avgpool(maps).flatten(1)
        return Outputs(net.fc(pooled), maps.flatten(1), maps if want_maps else None, pooled)


class Workload(NamedTuple):
    """A net and what it is trained on."""

    name: str
    net: type[Net]
    side: int
    num_classes: int
    num_groups: int


WORKLOADS = (Workload("cnn, 32 px", CNN, 32, 10, 2), Workload("ResNet18, 176 px", ResNet18, 176, 3, 4))


def make_step(workload: Workload, method: str, precision: Precision, cache: Path) -> Callable[[], object]:
    """Fairtune's step on one batch after another, all of it on the GPU."""
    cuda = torch.device("cuda")
    split = random_images(SAMPLES, workload.side, num_classes=workload.num_classes, num_groups=workload.num_groups)
    net, teacher = (workload.net((3, workload.side, workload.side), workload.num_classes) for _ in range(2))
    training = make_training(method, net, split, teacher=teacher, precision=precision, batch_size=BATCH, cache=cache, device=cuda)
    batches = cycle(torch.from_numpy(training.batch_order()).to(cuda))
    drawn = (torch.rand(BATCH, device=cuda) < 0.5,)
    return lambda: training.step(next(batches), drawn)


def seconds_per_step(step: Callable[[], object], steps: int) -> float:
    """Median over the runs, once warm."""
    for _ in range(WARM_UP):
        step()
    found = []
    for _ in range(RUNS):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        for _ in range(steps):
            step()
        ended.record()
        torch.cuda.synchronize()
        found.append(began.elapsed_time(ended) / 1e3 / steps)
    return statistics.median(found)


def gflop_per_step(step: Callable[[], object]) -> float:
    """Operations of matrix products and convolutions, forward and backward, in 10^9."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / 1e9


def shares(step: Callable[[], object]) -> tuple[float, float]:
    """Share of the time in which a kernel runs, and share of the kernels' time that convolutions take."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
        for _ in range(PROFILED):
            step()
        torch.cuda.synchronize()
    events = recorded.events()
    kernels = [e for e in events if e.device_type == torch.autograd.DeviceType.CUDA and not e.is_user_annotation]
    if not kernels:
        return math.nan, math.nan
    busy = covered((e.time_range.start, e.time_range.end) for e in kernels)
    whole = max(e.time_range.end for e in events) - min(e.time_range.start for e in events)
    of_convolutions = sum(e.self_device_time_total for e in events if e.name in CONVOLUTIONS)
    return busy / whole, of_convolutions / busy


def covered(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of a union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def verdict(busy: float, convolutions: float) -> str:
    """What bounds a step."""
    if math.isnan(busy):
        return "? (the profiler sees no kernels)"
    if busy < 0.9:
        return "launching"
    return "convolutions" if convolutions > 0.6 else "memory"


def measure(workload: Workload, method: str, precision: Precision, peak: float, steps: int) -> tuple[str, ...]:
    """One row of the table; ``peak`` in GFLOP/s."""
    with tempfile.TemporaryDirectory() as cache:
        step = make_step(workload, method, precision, Path(cache))
        seconds = seconds_per_step(step, steps)
        of_peak = gflop_per_step(step) / seconds / peak
        busy, convolutions = shares(step)
    percent = (f"{share:.0%}" for share in (of_peak, busy, convolutions))
    return (
        workload.name,
        precision,
        method,
        f"{seconds * 1e3:.2f}",
        f"{BATCH / seconds:,.0f}",
        *percent,
        verdict(busy, convolutions),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30, help="steps per run, of which the median of five counts")
    steps = parser.parse_args().steps
    console = Console(width=120)
    if not torch.cuda.is_available():
        console.print("no CUDA GPU: nothing to measure")
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    cuda = torch.device("cuda")
    dtypes: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {precision: peak_gflops(dtype, cuda, sizes=(4096, 8192)) for precision, dtype in dtypes.items()}
    torch.backends.cuda.matmul.allow_tf32 = False
    console.print(f"{torch.cuda.get_device_name()}; torch {torch.__version__}, CUDA {torch.version.cuda}")
    console.print(", ".join(f"peak {precision} {peak / 1e3:.0f} TFLOP/s" for precision, peak in peaks.items()))
    table = Table("net", "precision", "step", "ms", "images/s", "of peak", "GPU busy", "convolutions", "bound by")
    for workload in WORKLOADS:
        for precision, peak in peaks.items():
            for method in ("scratch", "mfd"):
                table.add_row(*measure(workload, method, precision, peak, steps))
    console.print(table)


if __name__ == "__main__":
    main()
