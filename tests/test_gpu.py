import pytest
import torch

from fairtune.folders import TrialFolder, baseline_folder
from fairtune.spec import PlugIn, TrialSpec
from fairtune.trial import Trial, run_trial

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]


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
