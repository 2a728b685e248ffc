"""What the authors' code gave, stored by case: what the tests of official values share.

Importing it skips the module where there is nothing to compare with.
"""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from _pytest.mark import ParameterSet
from torch import Tensor

from fairtune.records import Array

from .conftest import SHARED

GOLDEN = Path(os.environ.get("FAIRTUNE_GOLDEN") or SHARED / "golden")
if not GOLDEN.is_dir():
    pytest.skip(f"no golden values: {GOLDEN} does not exist; set FAIRTUNE_GOLDEN", allow_module_level=True)

DTYPES = {"f64": torch.float64, "f32": torch.float32}
TOLERANCE = {"f64": {"rtol": 1e-9, "atol": 1e-12}, "f32": {"rtol": 2e-4, "atol": 1e-6}}
CPU = torch.device("cpu")
Case = dict[str, Any]
"""What is stored of one case: arrays by name."""


@lru_cache
def read(file: str) -> dict[str, Case]:
    path = GOLDEN / f"{file}.npz"
    if not path.is_file():
        return {}
    cases: dict[str, Case] = {}
    with np.load(path) as stored:
        for key in stored.files:
            case, _, name = key.rpartition("/")
            cases.setdefault(case, {})[name] = stored[key]
    return cases


def case_dtypes(file: str, quantity: str, *, family: str = "") -> list[ParameterSet]:
    """Cases of a file in which the quantity was stored, with each dtype it was computed in."""
    return [
        pytest.param(case, dtype, id=f"{case}-{dtype}")
        for case, stored in read(file).items()
        for dtype in DTYPES
        if case.startswith(family) and f"{quantity}_{dtype}" in stored
    ]


def tensors(stored: Case, dtype: str, *keys: str) -> list[Tensor]:
    return [torch.tensor(stored[key], dtype=DTYPES[dtype]) for key in keys]


def assert_official(ours: Tensor | None, official: Array, dtype: str) -> None:
    """Within the tolerance; a gradient's absolute one grows with its largest element."""
    scale = max(1.0, float(np.abs(official).max())) if np.ndim(official) else 1.0
    tolerance = TOLERANCE[dtype]
    assert ours is not None
    np.testing.assert_allclose(ours.detach().numpy(), official, rtol=tolerance["rtol"], atol=tolerance["atol"] * scale)
