"""What a worker imports before its trial trains: others wait for it where a node was lost."""

import subprocess
import sys

from tests.search_helpers import small_search

TRAIN = """
import sys
from pathlib import Path
import torch
from fairtune.search import trainable
from fairtune.spec import TrialSpec
from fairtune.training.folder import TrialFolder
folder, spec = Path(sys.argv[1]), TrialSpec.model_validate_json(sys.argv[2])
trial = trainable.Trial(spec, TrialFolder(folder), data_root=folder, runs=folder, device=torch.device("cpu"))
trial.run_epoch()
trial.save_checkpoint()
needless = {"mlflow", "optuna", "sqlalchemy", "torchvision", "captum", "sklearn", "matplotlib", "torch._dynamo", "sympy"}
print(sorted(needless & sys.modules.keys()))
"""


def test_a_worker_imports_nothing_that_only_the_driver_needs_nor_torch_s_compiler(tmp_path):
    spec, _ = small_search(tmp_path)
    command = [sys.executable, "-c", TRAIN, str(tmp_path), spec.baseline().model_dump_json()]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == "[]"
