import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fairtune.batches.augment import Augment
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import Crop, Flip, Rotation
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.records import Split
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU
from fairtune.training.teacher import CachedTeacher, LiveTeacher, open_teacher

SAMPLES = 507
BOTH = compose("hkd+mfd", {})


def split_with(augment):
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (SAMPLES + 3, 8, 8, 3), dtype=np.uint8)
    rows = rng.permutation(SAMPLES + 3)[:SAMPLES]
    labels = rng.integers(0, 4, SAMPLES)
    return DeviceSplit(Split(pool, rows, labels, labels % 2, rows, num_groups=2, num_classes=4), CPU, torch.float32, augment)


@pytest.fixture(scope="module")
def split():
    return split_with(Augment())


@pytest.fixture(scope="module")
def flipped():
    return split_with(Augment((Flip(),)))


def build_net(seed=0):
    with torch_stream(CPU, seed, "init"):
        return Net.load("cnn").build((3, 8, 8), 4)


def random_batch(split, seed=0):
    rng = torch.Generator().manual_seed(seed)
    index = torch.randint(SAMPLES, (40,), generator=rng)
    return index, torch.rand(40, generator=rng) < 0.5


@pytest.mark.parametrize("flips", [True, False])
def test_cached_outputs_are_those_of_the_live_teacher(split, flipped, flips, tmp_path):
    net, split = build_net(), flipped if flips else split
    cached = open_teacher(net, split, BOTH, precision="fp32", folder=tmp_path)
    assert isinstance(cached, CachedTeacher)
    live = LiveTeacher(net, BOTH, "fp32", torch.float32)
    index, flip = random_batch(split)
    for drawn in [(flip,), (~flip,), (torch.zeros_like(flip),)] if flips else [()]:
        batch = split.batch(index, drawn)
        ours, theirs = cached.outputs(batch, drawn), live.outputs(batch, drawn)
        torch.testing.assert_close(ours["logits"], theirs["logits"], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(ours["features"], theirs["features"], rtol=1e-5, atol=1e-6)


def test_a_flip_reaches_the_cached_outputs(flipped, tmp_path):
    cached = open_teacher(build_net(), flipped, BOTH, precision="fp32", folder=tmp_path)
    index, flip = random_batch(flipped)
    plain = cached.outputs(flipped.batch(index), (torch.zeros_like(flip),))["logits"]
    mixed = cached.outputs(flipped.batch(index, (flip,)), (flip,))["logits"]
    assert ((plain != mixed).any(dim=1) == flip).all()


def test_outputs_carry_no_gradient_and_the_teacher_s_dropout_is_off(split):
    live = LiveTeacher(build_net().train(), BOTH, "fp32", torch.float32)
    batch = split.batch(torch.arange(5))
    first, second = live.outputs(batch, ()), live.outputs(batch, ())
    for name in ("logits", "features"):
        assert not first[name].requires_grad
        assert torch.equal(first[name], second[name])


def test_methods_that_need_the_same_share_it(split, tmp_path):
    open_teacher(build_net(), split, compose("hkd", {}), precision="fp32", folder=tmp_path)
    assert {file.name for file in tmp_path.glob("*.npy")} == {"logits.npy"}
    written = (tmp_path / "logits.npy").stat().st_mtime_ns
    both = open_teacher(build_net(), split, BOTH, precision="fp32", folder=tmp_path)
    assert set(both.kept) == {"logits", "features"}
    assert (tmp_path / "logits.npy").stat().st_mtime_ns == written


def test_outputs_too_large_to_keep_are_computed_live(split, tmp_path, monkeypatch):
    monkeypatch.setattr("fairtune.training.teacher._LIMIT_BYTES", 1000)
    assert isinstance(open_teacher(build_net(), split, BOTH, precision="fp32", folder=tmp_path), LiveTeacher)


@pytest.mark.parametrize("augment", [Augment((Crop(1),)), Augment((Flip(), Rotation(90)))])
def test_a_teacher_of_images_in_endless_versions_is_live_and_sees_those_of_the_student(augment, tmp_path):
    split, net = split_with(augment), build_net()
    teacher = open_teacher(net, split, BOTH, precision="fp32", folder=tmp_path)
    assert isinstance(teacher, LiveTeacher)
    index, _ = random_batch(split)
    drawn = tuple(values[0] for values in split.draw((1, len(index)), np.random.default_rng(0)))
    batch = split.batch(index, drawn)
    with torch.no_grad():
        expected = net.eval()(batch.x, want_maps=False).logits
    assert torch.equal(teacher.outputs(batch, drawn)["logits"], expected)
    assert not torch.equal(expected, teacher.outputs(split.batch(index), ())["logits"])


def test_a_second_trial_reads_the_files_of_the_first(flipped, tmp_path):
    first = open_teacher(build_net(), flipped, BOTH, precision="fp32", folder=tmp_path)
    written = {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.npy")}
    again = open_teacher(build_net(), flipped, BOTH, precision="fp32", folder=tmp_path)
    assert set(written) == {"logits.npy", "features.npy"}
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.glob("*.npy")} == written
    assert torch.equal(first.kept["logits"], again.kept["logits"])


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux how files are mapped")
def test_outputs_are_mapped_read_only(split, tmp_path):
    cached = open_teacher(build_net(), split, BOTH, precision="fp32", folder=tmp_path)
    addresses = {tensor.data_ptr() for tensor in cached.kept.values()}
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines() if str(tmp_path) in line]
    assert {fields[1] for fields in lines} == {"r--s"}
    ranges = [[int(end, 16) for end in fields[0].split("-")] for fields in lines]
    assert all(any(start <= address < end for start, end in ranges) for address in addresses)


def test_half_written_files_are_written_again(split, tmp_path):
    whole = open_teacher(build_net(), split, BOTH, precision="fp32", folder=tmp_path)
    (tmp_path / "features.npy").unlink()
    again = open_teacher(build_net(), split, BOTH, precision="fp32", folder=tmp_path)
    assert torch.equal(whole.kept["features"], again.kept["features"])
