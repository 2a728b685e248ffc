"""What runs between two waits for a GPU stays there: shown on tensors without values, on any machine.

Every method and every net has this in its own contract, see ``MethodContract.test_an_epoch_on_a_gpu_waits_for_nothing`` and
``ModelContract.test_a_gpu_runs_it_in_bfloat16_and_waits_for_nothing``; here is what lies beside them, and faults put in on purpose.
"""

import itertools
from typing import get_args

import numpy as np
import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, DynamicOutputShapeException

from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation, Transform
from fairtune.errors import InvalidInput
from fairtune.methods import Method, compose
from fairtune.models import Net
from fairtune.plugins import names
from fairtune.records import Split
from fairtune.testing.fake_gpu import fake_gpu, no_waiting
from fairtune.testing.trainings import tiny_splits, tiny_training
from fairtune.training.evaluate import count, tally
from fairtune.training.probe import embed_there
from fairtune.training.teacher import CachedTeacher, stand_in_teacher

TRANSFORMS: tuple[Transform, ...] = (Flip(), Crop(2), ResizedCrop(), Rotation(30), ColourJitter(0.2, 0.2, 0.2, 0.1))


def take_steps(method, **changes):
    """An epoch of a method on a GPU without values, watched."""
    tiny_splits()
    with fake_gpu() as device:
        training = tiny_training(method, device=device, **{"precision": "bf16", "batch_size": 40, **changes})
        with no_waiting():
            terms = training.take_steps()
        assert {(term.device.type, term.dtype) for term in terms.values()} == {("cuda", torch.float32)}


@pytest.fixture
def colours():
    """Images, of which everything that is drawn for two batches is known."""
    rows = np.arange(12)
    pool = np.random.default_rng(0).integers(0, 256, (12, 24, 20, 3), dtype=np.uint8)
    return Split(pool, rows, rows % 3, rows % 2, rows, num_groups=2, num_classes=3)


def test_every_transform_there_is_is_shown_here():
    assert {type(transform) for transform in TRANSFORMS} == set(get_args(Transform))


@pytest.mark.parametrize("transforms", [(), *((transform,) for transform in TRANSFORMS), TRANSFORMS], ids=str)
@pytest.mark.parametrize("resident", [True, False])
def test_a_batch_is_gathered_and_transformed_on_the_device(colours, transforms, resident, monkeypatch):
    monkeypatch.setattr("fairtune.batches.split.fits", lambda needed, free: resident)
    with fake_gpu() as device:
        split = DeviceSplit(colours, device, torch.float32, Augment(transforms, (16, 16)))
        assert split.pool.is_cuda == resident
        drawn = tuple(values[0] for values in split.draw((2, 6), np.random.default_rng(0)))
        index = torch.arange(6, device=split.home)
        with no_waiting():
            batch = split.batch(index, drawn)
        assert {part.device.type for part in (batch.x, batch.y, batch.a, batch.index)} == {"cuda"}


def test_the_authors_order_of_batches_is_on_its_way_before_it_is_waited_for():
    take_steps("ss", protocol="official", batch_size=20)


def test_predictions_are_counted_on_the_device():
    with fake_gpu() as device, no_waiting():
        logits, y, a = (
            torch.zeros(shape, dtype=dtype, device=device) for shape, dtype in (((8, 3), torch.float32), *[((8,), torch.int64)] * 2)
        )
        assert {table.device.type for table in count(logits, y, a, 2)} == {"cuda"}


@pytest.mark.parametrize("flips", [True, False])
def test_a_teacher_s_outputs_are_read_on_the_device(colours, flips):
    with fake_gpu() as device:
        split = DeviceSplit(colours, device, torch.float32)
        teacher = CachedTeacher({"logits": torch.zeros(1 + flips, 12, 3)}, device)
        index, drawn = torch.arange(6, device=device), (torch.zeros(6, dtype=torch.bool, device=device),) * flips
        with no_waiting():
            assert teacher.outputs(split.batch(index), drawn)["logits"].device.type == "cuda"


@pytest.mark.parametrize("images_on_the_host", [True, False])
@pytest.mark.parametrize("outputs_on_the_host", [True, False])
@pytest.mark.parametrize(("method", "transforms"), [("hkd", ()), ("hkd", (Flip(),)), ("at+hkd", (Flip(),)), ("hkd+sam", (Flip(),))])
def test_what_stays_on_the_host_is_streamed_without_a_wait(
    colours, method, transforms, images_on_the_host, outputs_on_the_host, monkeypatch
):
    monkeypatch.setattr("fairtune.batches.split.fits", lambda needed, free: not images_on_the_host)
    monkeypatch.setattr("fairtune.training.teacher.fits", lambda needed, free: not outputs_on_the_host)
    tiny_splits()
    with fake_gpu() as device:
        training = tiny_training(method, device=device, precision="bf16", batch_size=20)
        training.train.augment = Augment(transforms)
        training.teacher = stand_in_teacher(training.teacher.net, training.train, training.method, precision="bf16")
        assert {tensor.is_cuda for tensor in training.teacher.kept.values()} == {not outputs_on_the_host}
        assert training.train.pool.is_cuda == (not images_on_the_host)
        with no_waiting():
            assert {term.device.type for term in training.take_steps().values()} == {"cuda"}


@pytest.mark.parametrize("images_on_the_host", [True, False])
def test_a_split_is_scored_without_a_wait_but_for_the_outcome(colours, images_on_the_host, monkeypatch):
    monkeypatch.setattr("fairtune.batches.split.fits", lambda needed, free: not images_on_the_host)
    with fake_gpu() as device:
        split = DeviceSplit(colours, device, torch.float32, Augment((), (16, 16)))
        net = Net.load("cnn").build((3, 16, 16), 3).to(device)
        with no_waiting():
            found = tally(net, split)
        assert {part.device.type for part in found} == {"cuda"}


def test_what_the_probe_is_asked_about_is_embedded_on_the_device(colours):
    with fake_gpu() as device:
        split = DeviceSplit(colours, device, torch.float32, Augment((), (16, 16)))
        net = Net.load("cnn").build((3, 16, 16), 3).to(device)
        positions = torch.arange(12)
        with no_waiting():
            assert embed_there(net, split, positions).device.type == "cuda"


def compositions():
    """Every pair of methods that can be joined."""
    for pair in itertools.combinations(names("method"), 2):
        joined = "+".join(pair)
        try:
            compose(joined, {})
        except InvalidInput:
            continue
        yield joined


@pytest.mark.slow
@pytest.mark.parametrize("method", list(compositions()))
def test_no_pair_of_methods_waits(method):
    take_steps(method)


class OnTheHost(Method):
    """Weighs the classes by a tensor that it has left on the CPU."""

    def setup(self):
        self.weights = torch.ones(self.context.num_classes)

    def loss(self, student, teacher, batch, progress):
        return {"fault": (student.logits * self.weights).mean()}


class MadeEachStep(Method):
    """Brings numbers from the host in every step."""

    def loss(self, student, teacher, batch, progress):
        weights = torch.ones(self.context.num_classes).to(batch.y.device)
        return {"fault": (student.logits * weights).mean()}


class Branching(Method):
    """Adds a term only where a group is there."""

    def loss(self, student, teacher, batch, progress):
        return {"fault": student.logits.mean()} if (batch.a == 1).any() else {}


class Selecting(Method):
    """Picks the samples of a group."""

    def loss(self, student, teacher, batch, progress):
        return {"fault": student.logits[batch.a == 1].mean()}


class Reading(Method):
    """Looks at a batch on the host."""

    def loss(self, student, teacher, batch, progress):
        return {"fault": student.logits.mean() + batch.a.cpu().double().mean().to(batch.a.device, non_blocking=True)}


class Marking(Method):
    """Sets some places to a number of the host, as ``seen[y] = 1`` does up to torch 2.11."""

    def setup(self):
        self.seen = torch.zeros(self.context.num_classes, device=self.context.device)

    def loss(self, student, teacher, batch, progress):
        self.seen.index_put_((batch.y,), torch.tensor(1.0))
        return {"fault": student.logits.mean()}


class InHalfPrecision(Method):
    """Leaves a term in the type of autocast."""

    def loss(self, student, teacher, batch, progress):
        return {"fault": student.logits.bfloat16().mean()}


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (OnTheHost, RuntimeError),
        (MadeEachStep, AssertionError),
        (Branching, DataDependentOutputException),
        (Selecting, DynamicOutputShapeException),
        (Reading, AssertionError),
        (Marking, AssertionError),
        (InHalfPrecision, AssertionError),
    ],
)
def test_a_fault_put_in_on_purpose_is_found(fault, found):
    with pytest.raises(found):
        take_steps(f"{__name__}:{fault.__name__}")
