import os
from typing import Any

import numpy as np
import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.testing.trainings import CPU
from fairtune.training.device import (
    autocast,
    forget_peak_memory,
    has_fast_bf16,
    keep_float32_exact,
    parameter_dtype,
    peak_memory_mb,
    pick_device,
    resolve_precision,
)


def test_no_share_of_a_gpu_means_the_cpu():
    assert pick_device(0) == CPU


def test_auto_is_bf16_only_where_it_is_fast():
    assert resolve_precision("auto", CPU) == ("bf16" if has_fast_bf16(CPU) else "fp32")


@pytest.mark.parametrize("precision", ["bf16", "fp32", "float64"])
def test_a_precision_by_name_stays(precision):
    assert resolve_precision(precision, CPU) == precision


def test_an_unknown_precision_is_refused():
    with pytest.raises(InvalidInput, match="unknown precision 'fp16': choose auto, bf16, fp32 or float64"):
        resolve_precision("fp16", CPU)


def test_weights_are_kept_in_full_precision():
    assert parameter_dtype("bf16") == parameter_dtype("fp32") == torch.float32
    assert parameter_dtype("float64") == torch.float64


@pytest.mark.parametrize(("precision", "dtype"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
def test_autocast_acts_for_bf16_only(precision, dtype):
    with autocast(CPU, precision):
        assert torch.nn.Linear(2, 2)(torch.ones(1, 2)).dtype == dtype


def test_float32_is_not_rounded_whatever_ran_before():
    cudnn: Any = torch.backends.cudnn  # torch puts another module in its place
    operations = torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn
    for operation in operations:
        operation.fp32_precision = "tf32"
    keep_float32_exact()
    assert [operation.fp32_precision for operation in operations] == ["ieee"] * 3
    assert not cudnn.allow_tf32, "asking raises where the flags disagree, and torch.export asks"


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="peak memory begins anew on Linux only")
def test_peak_memory_begins_anew():
    large = np.ones(2**25)
    del large
    before = peak_memory_mb(CPU)
    forget_peak_memory(CPU)
    assert peak_memory_mb(CPU) < before - 200


def test_peak_memory_is_in_mebibytes():
    assert 10 < peak_memory_mb(CPU) < 2**20
