"""What every plug-in must do, as suites of tests for whoever writes one.

``class TestMine(MethodContract): plug_in = Mine`` in a file of tests is all that it takes. Wants pytest, which fairtune does not.
"""

import pytest

_SUITES = ("fake_gpu", "plug_ins", "methods", "datasets", "models", "rules", "samplers", "schedulers")
pytest.register_assert_rewrite(*(f"{__name__}.{suite}" for suite in _SUITES))

# ruff: noqa: E402  (imported once their assertions can explain themselves)
from fairtune.testing.datasets import DatasetContract
from fairtune.testing.methods import MethodContract
from fairtune.testing.models import ModelContract
from fairtune.testing.rules import RuleContract
from fairtune.testing.samplers import SamplerContract
from fairtune.testing.schedulers import SchedulerContract

__all__ = ["DatasetContract", "MethodContract", "ModelContract", "RuleContract", "SamplerContract", "SchedulerContract"]
