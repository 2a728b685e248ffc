from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.batches.augment import Augment
from fairtune.batches.memory import free_memory
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.records import Split
from fairtune.space import Value
from fairtune.spec import PlugIn, TrialSpec
from fairtune.training.device import forget_peak_memory, keep_float32_exact, peak_memory_mb
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.teacher import LiveTeacher, open_teacher
from fairtune.training.trial import Trial, run_trial
from tests.waits import no_waiting

CUDA = torch.device("cuda")
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


@pytest.mark.parametrize("resident", [True, False])
def test_a_gpu_sees_the_images_that_a_cpu_sees(monkeypatch, resident):
    monkeypatch.setattr("fairtune.batches.split.fits", lambda needed, free: resident)
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (40, 24, 20, 3), dtype=np.uint8)
    rows = rng.permutation(40)[:30]
    split = Split(pool, rows, rows % 3, rows % 2, rows, num_groups=2, num_classes=3)
    transforms = (Crop(2), Flip(), ColourJitter(0.2, 0.2, 0.2, 0.1), ResizedCrop(), Rotation(30))
    augment = Augment(transforms, (16, 16))
    seen = []
    for device in (torch.device("cpu"), torch.device("cuda")):
        on_device = DeviceSplit(split, device, torch.float32, augment)
        drawn = tuple(values[0] for values in on_device.draw((1, 8), np.random.default_rng(1)))
        index = torch.arange(8, device=device)
        seen.append([on_device.batch(index, values).x.cpu() for values in (None, drawn)])
        assert on_device.pool.is_cuda == (resident and device.type == "cuda")
    torch.testing.assert_close(seen[0][0], seen[1][0], rtol=1e-4, atol=1e-4)
    assert ((seen[0][1] - seen[1][1]).abs() > 1e-3).double().mean() < 0.01


@pytest.mark.parametrize("precision", ["bf16", "fp32"])
@pytest.mark.parametrize("model", ["cnn", "mlp"])
def test_a_teacher_and_its_student_train_on_the_gpu(tmp_path, model, precision):
    cuda = torch.device("cuda")
    options: dict[str, Value] = {"skew": 0.8, "val_frac": 0.4, "seed": 0}
    teacher = TrialSpec(
        dataset=PlugIn(name="digits", options=options),
        model=PlugIn(name=model),
        method="scratch",
        epochs=20,
        batch_size=64,
        precision=precision,
    )
    student = teacher.model_copy(update={"method": "mfd", "values": {"mfd.weight": 1.0}, "teacher": teacher})
    for spec, folder in ((teacher, baseline_folder(tmp_path, teacher)), (student, TrialFolder(tmp_path / "student"))):
        result = run_trial(Trial(spec, folder, data_root=tmp_path, runs=tmp_path, device=cuda))
        assert result.state == "complete", result.error
        assert result.val["accuracy"] > 0.8
        assert result.peak_memory_mb > 0


def test_memory_that_an_earlier_trial_has_left_is_free_and_its_peak_forgotten():
    before = free_memory(CUDA)
    large = torch.empty(2**28, dtype=torch.uint8, device=CUDA)
    assert free_memory(CUDA) <= before - 2**28
    del large
    assert free_memory(CUDA) >= before - 2**24
    assert torch.cuda.memory_reserved(CUDA) >= 2**28
    assert peak_memory_mb(CUDA) >= 256
    forget_peak_memory(CUDA)
    assert peak_memory_mb(CUDA) < 256


def test_float32_convolutions_and_products_are_exact():
    rng = torch.Generator().manual_seed(0)
    x, kernel = torch.randn(8, 64, 16, 16, generator=rng), torch.randn(64, 64, 3, 3, generator=rng)
    cudnn: Any = torch.backends.cudnn  # torch puts another module in its place
    cudnn.conv.fp32_precision = "tf32"
    keep_float32_exact()
    pairs: list[tuple[Callable[[Tensor, Tensor], Tensor], Tensor]] = [(F.conv2d, kernel), (torch.matmul, x)]
    for function, other in pairs:
        exact = function(x.double(), other.double())
        found = function(x.to(CUDA), other.to(CUDA)).cpu().double()
        assert float((found - exact).abs().max() / exact.abs().max()) < 1e-5


def drawn_split(device, transforms):
    pool = np.random.default_rng(0).integers(0, 256, (64, 24, 20, 3), dtype=np.uint8)
    rows = np.arange(64)
    return DeviceSplit(
        Split(pool, rows, rows % 3, rows % 2, rows, num_groups=2, num_classes=3),
        device,
        torch.float32,
        Augment(transforms, (16, 16)),
    )


def test_no_batch_of_a_resident_split_waits_for_the_host():
    split = drawn_split(CUDA, (Crop(2), Flip(), ColourJitter(0.2, 0.2, 0.2, 0.1), ResizedCrop(), Rotation(30)))
    drawn = tuple(values[0] for values in split.draw((1, 8), np.random.default_rng(1)))
    index = torch.arange(8, device=CUDA)
    with no_waiting():
        assert split.batch(index, drawn).x.is_cuda


@pytest.mark.parametrize("resident", [True, False])
def test_a_teacher_s_outputs_stay_on_the_cpu_where_they_do_not_fit(tmp_path, monkeypatch, resident):
    monkeypatch.setattr("fairtune.training.teacher.fits", lambda needed, free: resident)
    method, split = compose("mfd", {}), drawn_split(CUDA, (Flip(),))
    net = Net.load("cnn").build((3, 16, 16), 3).to(CUDA)
    cached = open_teacher(net, split, method, precision="fp32", folder=tmp_path)
    assert {tensor.is_cuda for tensor in cached.kept.values()} == {resident}
    drawn = (torch.arange(8, device=CUDA) % 2 == 0,)
    batch = split.batch(torch.arange(8, device=CUDA), drawn)
    expected = LiveTeacher(net, method, "fp32", torch.float32).outputs(batch, drawn)
    torch.testing.assert_close(cached.outputs(batch, drawn), expected, rtol=1e-4, atol=1e-5)
