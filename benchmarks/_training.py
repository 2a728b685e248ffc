"""What the benchmarks of the step share: images to train on, and trainings set up as a trial sets them up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import Flip
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.records import Split
from fairtune.seeding import generator
from fairtune.space import Value
from fairtune.spec import PlugIn, Precision, Protocol, TrialSpec
from fairtune.training.assembly import start_method
from fairtune.training.device import parameter_dtype
from fairtune.training.loop import Training
from fairtune.training.teacher import LiveTeacher, open_teacher

CPU = torch.device("cpu")
FLIPS = Augment((Flip(),))


def random_images(samples: int, side: int, *, num_classes: int, num_groups: int) -> Split:
    """Square images, labels and groups drawn at random."""
    rng = generator(0, "data")
    pool = rng.integers(0, 256, (samples, side, side, 3), dtype=np.uint8)
    y, a = rng.integers(0, num_classes, samples), rng.integers(0, num_groups, samples)
    return Split(pool, np.arange(samples), y, a, np.arange(samples), num_groups=num_groups, num_classes=num_classes)


def make_training(
    method: str,
    net: Net,
    split: Split,
    *,
    teacher: Net | None = None,
    precision: Precision,
    batch_size: int,
    cache: Path | None = None,
    values: Mapping[str, Value] | None = None,
    augment: Augment = FLIPS,
    protocol: Protocol = "fixed",
    device: torch.device = CPU,
) -> Training:
    """A training as a trial sets it up, of any net on any images.

    Args:
        method: its name.
        net: the student.
        split: what to train on.
        teacher: the baseline, for the methods that need one.
        precision: of the forward and backward pass.
        batch_size: B.
        cache: where the teacher's outputs are kept; None runs it on every batch.
        values: hyperparameters that are not at their default, by full name.
        augment: what is done to training images.
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
    train = DeviceSplit(split, device, dtype, augment)
    net.to(device, dtype).to(memory_format=torch.channels_last)
    composite = compose(method, values or {})
    start_method(composite, net, train, spec)
    outputs = None
    if composite.needs_teacher:
        assert teacher is not None
        teacher.to(device, dtype).to(memory_format=torch.channels_last)
        live = LiveTeacher(teacher, composite, precision, dtype)
        outputs = live if cache is None else open_teacher(teacher, train, composite, precision=precision, folder=cache)
    net.train()
    return Training(spec, net, composite, train, train, teacher=outputs)
