"""How fast a CUDA GPU trains, how far that is from its peak, what holds it back, and how near a plan comes to it.

    python benchmarks/gpu.py [--steps 50]

The plain step and the MFD step with a cached teacher, for the papers' CIFAR-10 net (32x32 images) and a ResNet18 (176x176, the
papers' size for faces), batches of 128, random images that lie on the GPU, in float32 and bfloat16. Without a CUDA GPU it says
so and ends.

* loop: a step of a plain torch loop of the same net: forward pass, cross-entropy, fused Adam, one batch that is there already.
* off, replayed: a step of fairtune's with ``--compile off`` and with ``auto``, which replays it as a CUDA graph; from the time of
  whole epochs, batches, augmentation and recording included, the median of three.
* of peak: floating point operations of the matrix products and convolutions, counted by torch, per second of replayed steps,
  against the best large matrix product in the same arithmetic (float32 is exact, as in trials). ``plan --utilisation`` takes it.
* GPU busy: the share of the time in which a kernel runs, off and replayed, by torch's profiler, which slows the launching a little.
* convolutions: their share of the time of all kernels. Where the GPU is busy and they have most of it, they bound the step; what
  they leave goes to kernels bound by memory (normalisation, ReLU, pooling, casts, Adam).

The second table sets what a plan counts beside what the card takes: memory at its fullest in the first epoch and in the second, and
a step, by operations at the utilisation that plans assume and by launches.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from _timing import peak_gflops
from _training import make_training, random_images
from torch import Tensor
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode
from torchvision.models import resnet18

from fairtune.api.where import UTILISATION
from fairtune.datasets import Info
from fairtune.models import Net
from fairtune.models.cnn import CNN
from fairtune.records import Outputs, Split
from fairtune.report.plan import REPLAY_S
from fairtune.spec import Compile, PlugIn, Precision, TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.capture import capture
from fairtune.training.cards import find_card
from fairtune.training.cost import Shape, cost_of
from fairtune.training.data import Data
from fairtune.training.device import forget_peak_memory, keep_float32_exact, peak_memory_mb
from fairtune.training.loop import Training

CUDA = torch.device("cuda")
BATCH, RUNS, PROFILED, PLANNED = 128, 3, 10, 30
HOW: tuple[Compile, ...] = ("off", "auto")
PLANS: tuple[tuple[str, int, Precision], ...] = (
    *(("cnn", 32, "bf16"), ("cnn", 64, "fp32"), ("cnn", 64, "bf16"), ("mlp3", 32, "fp32"), ("simple_convnet", 32, "bf16")),
    *(("resnet18", 64, "fp32"), ("resnet18", 64, "bf16"), ("resnet18", 176, "bf16"), ("resnet50_128", 128, "bf16")),
    *(("shufflenet_v2", 176, "bf16"), ("efficientnet_b1", 176, "bf16")),
)
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


def new_net(workload: Workload) -> Net:
    """Its net before training."""
    return workload.net.build((3, workload.side, workload.side), workload.num_classes)


def plain_loop(workload: Workload, precision: Precision) -> Callable[[], object]:
    """A step as one would write it without fairtune."""
    net = new_net(workload).to(CUDA).to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    x = torch.rand(BATCH, 3, workload.side, workload.side, device=CUDA).to(memory_format=torch.channels_last)
    y = torch.randint(0, workload.num_classes, (BATCH,), device=CUDA)

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bf16"):
            logits = net(x).logits
        F.cross_entropy(logits.float(), y).backward()
        optimizer.step()

    return step


@cache
def images(samples: int, workload: Workload) -> Split:
    """What it is trained on."""
    return random_images(samples, workload.side, num_classes=workload.num_classes, num_groups=workload.num_groups)


def make(workload: Workload, method: str, precision: Precision, how: Compile, cache: Path, steps: int) -> Training:
    """A training with so many steps an epoch, all of it on the GPU."""
    split = images(BATCH * steps, workload)
    net, teacher = (new_net(workload) for _ in range(2))
    training = make_training(method, net, split, teacher=teacher, precision=precision, batch_size=BATCH, cache=cache, device=CUDA)
    capture(training, how)
    return training


def seconds_of(act: Callable[[], object]) -> float:
    """Median over the runs, once warm."""
    act()
    found = []
    for _ in range(RUNS):
        torch.cuda.synchronize()
        began = time.perf_counter()
        act()
        torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def gflop_per_step(step: Callable[[], object]) -> float:
    """Operations of matrix products and convolutions, forward and backward, in 10^9."""
    counter = FlopCounterMode(display=False)
    with counter:
        step()
    return counter.get_total_flops() / 1e9


def shares(act: Callable[[], object]) -> tuple[float, float]:
    """Share of the time in which a kernel runs, and share of the kernels' time that convolutions take."""
    torch.cuda.synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True) as recorded:
        act()
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


def measure(workload: Workload, method: str, precision: Precision, peak: float, steps: int) -> tuple[str, ...]:
    """One row of the table; ``peak`` in GFLOP/s."""
    step = plain_loop(workload, precision)
    loop = seconds_of(lambda: [step() for _ in range(steps)]) / steps
    taken, busy = {}, {}
    for how in HOW:
        with tempfile.TemporaryDirectory() as cache:
            training = make(workload, method, precision, how, Path(cache), steps)
            taken[how] = seconds_of(training.take_steps) / steps
            busy[how], convolutions = shares(partial(training.take_steps, at_most=PROFILED))
            if how == "off":
                gflop, of_convolutions = gflop_per_step(partial(training.step_of, 0)), convolutions
    of_peak = gflop / taken["auto"] / peak
    percent = (f"{share:.0%}" for share in (of_peak, *busy.values(), of_convolutions))
    times = (f"{seconds * 1e3:.2f}" for seconds in (loop, *taken.values()))
    return workload.name, precision, method, *times, f"{BATCH / taken['auto']:,.0f}", *percent


def plan_beside_card(model: str, side: int, precision: Precision, peak: float) -> tuple[str, ...]:
    """One row of the second table; ``peak`` in FLOP/s, as the maker gives it."""
    info = Info(classes=("a", "b"), groups=("g", "h"), shape=(3, side, side), balanced_test=False, model=model, epochs=2)
    data = PlugIn(name="digits")
    spec = TrialSpec(dataset=data, model=PlugIn(name=model), method="scratch", epochs=2, batch_size=BATCH, precision=precision)
    train, validation = (random_images(samples, side, num_classes=2, num_groups=2) for samples in (BATCH * PLANNED, 500))
    opened = Data(info, train, validation)
    shape = Shape.of(opened)
    cost = cost_of(spec, shape, CUDA)
    torch.cuda.empty_cache()
    forget_peak_memory(CUDA)
    before = peak_memory_mb(CUDA)
    training = assemble(spec, opened, runs=None, device=CUDA)
    capture(training, "auto")
    images = training.train.pool.nbytes + training.validation.pool.nbytes
    peaks = []
    for _ in range(2):
        training.run_epoch()
        peaks.append(peak_memory_mb(CUDA) - before - images / 2**20)
        forget_peak_memory(CUDA)
    training.epoch = 0
    taken = seconds_of(training.take_steps) / PLANNED
    launched = cost.operations / (spec.epochs * PLANNED)
    return (
        *(model, str(side), precision, f"{cost.peak_bytes / 2**20:,.0f}", *(f"{found:,.0f}" for found in peaks)),
        *(f"{launched:.0f}", f"{cost.step_flops / peak / UTILISATION[precision] * 1e3:.2f}", f"{launched * REPLAY_S * 1e3:.2f}"),
        f"{taken * 1e3:.2f}",
        f"{cost.step_flops / taken / peak:.0%}",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50, help="steps of an epoch, of which the median of three counts")
    steps = parser.parse_args().steps
    if not torch.cuda.is_available():
        print("no CUDA GPU: nothing to measure")
        return
    keep_float32_exact()
    dtypes: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
    peaks = {precision: peak_gflops(dtype, CUDA, sizes=(4096, 8192)) for precision, dtype in dtypes.items()}
    print(f"{torch.cuda.get_device_name()}; torch {torch.__version__}, CUDA {torch.version.cuda}")
    print(", ".join(f"peak {precision} {peak / 1e3:.0f} TFLOP/s" for precision, peak in peaks.items()))
    print_row(
        "net", "precision", "step", "loop, ms", "off, ms", "replayed, ms", "images/s", "of peak", "busy, off", "replayed", "conv."
    )
    for workload, precision, method in product(WORKLOADS, peaks, ("scratch", "mfd")):
        print_row(*measure(workload, method, precision, peaks[precision], steps))
    card = find_card("h100")
    print_row(
        "net", "px", "precision", "MiB planned", "1st epoch", "2nd", "operations", "ms by FLOP", "by launch", "taken", "of peak"
    )
    for model, side, precision in PLANS:
        print_row(*plan_beside_card(model, side, precision, card.peak(precision)))


def print_row(*cells: str) -> None:
    """One line of a table, as soon as it is known."""
    print(cells[0].ljust(17), *(cell.rjust(12) for cell in cells[1:]), flush=True)


if __name__ == "__main__":
    main()
