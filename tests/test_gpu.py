import numpy as np
import pytest
import torch

from fairtune.augment import Augment
from fairtune.batches import DeviceSplit
from fairtune.folders import TrialFolder, baseline_folder
from fairtune.records import Split
from fairtune.spec import PlugIn, TrialSpec
from fairtune.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation
from fairtune.trial import Trial, run_trial

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


@pytest.mark.parametrize("resident", [True, False])
def test_a_gpu_sees_the_images_that_a_cpu_sees(monkeypatch, resident):
    monkeypatch.setattr("fairtune.batches.fits", lambda needed, free: resident)
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (40, 24, 20, 3), dtype=np.uint8)
    rows = rng.permutation(40)[:30]
    split = Split(pool, rows, rows % 3, rows % 2, rows)
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
    options = {"skew": 0.8, "val_frac": 0.4, "seed": 0}
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
