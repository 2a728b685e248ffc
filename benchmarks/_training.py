"""What the benchmarks of the step share: images to train on, and trainings set up as a trial sets them up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from fairtune.batches import DeviceSplit
from fairtune.device import parameter_dtype
from fairtune.methods import Context, compose
from fairtune.models import Net
from fairtune.records import Split
from fairtune.seeding import generator, torch_stream
from fairtune.spec import PlugIn, Precision, Protocol, TrialSpec
from fairtune.teacher import LiveTeacher, open_teacher
from fairtune.train import Training

CPU = torch.device("cpu")


def random_images(samples: int, side: int, *, num_classes: int, num_groups: int) -> Split:
    """Square images, labels and groups drawn at random."""
    rng = generator(0, "data")
    pool = rng.integers(0, 256, (samples, side, side, 3), dtype=np.uint8)
    y, a = rng.integers(0, num_classes, samples), rng.integers(0, num_groups, samples)
    return Split(pool, np.arange(samples), y, a, np.arange(samples))


def make_training(
    method: str,
    net: Net,
    split: Split,
    *,
    teacher: Net | None = None,
    precision: Precision,
    batch_size: int,
    cache: Path | None = None,
    flips: bool = True,
    protocol: Protocol = "fixed",
    device: torch.device = CPU,
) -> Training:
    """A training under a method's default hyperparameters.

    Args:
        method: its name.
        net: the student.
        split: what to train on; every class and group occurs in it.
        teacher: the baseline, for the methods that need one.
        precision: of the forward and backward pass.
        batch_size: B.
        cache: where the teacher's outputs are kept; None runs it on every batch.
        flips: whether images are mirrored at random.
        protocol: as in :class:`TrialSpec`.
        device: where to compute.
    """
    spec = TrialSpec(
        dataset=PlugIn(name="benchmark"),
        model=PlugIn(name="benchmark"),
        method=method,
        epochs=50,
        batch_size=batch_size,
        precision=precision,
        protocol=protocol,
    )
    dtype = parameter_dtype(precision)
    train = DeviceSplit(split, device, dtype)
    net.to(device, dtype, memory_format=torch.channels_last)
    shape = tuple(net.eval()(train.batch(torch.zeros(1, dtype=torch.int64, device=device)).x).features.shape[1:])
    num_classes, num_groups = int(split.y.max()) + 1, int(split.a.max()) + 1
    composite = compose(method, {})
    with torch_stream(device, spec.seed, "method"):
        composite.start(Context(num_classes, num_groups, shape, device, protocol, dtype))
    outputs = None
    if composite.needs_teacher:
        assert teacher is not None
        teacher.to(device, dtype, memory_format=torch.channels_last)
        live = LiveTeacher(teacher, precision, dtype)
        outputs = live if cache is None else open_teacher(teacher, train, flips=flips, precision=precision, folder=cache)
    net.train()
    return Training(
        spec, net, composite, train, train, num_groups=num_groups, num_classes=num_classes, flips=flips, teacher=outputs
    )
