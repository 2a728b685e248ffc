"""Every method that there is, and some joined ones, keep the contract."""

import pytest

from fairtune.plugins import names
from fairtune.testing import MethodContract

OUTSIDE = "tests.methods.outside:Adversary"


class TestEveryMethod(MethodContract):
    @pytest.fixture(params=[*names("method"), "ss+hkd", "mfd+hkd", OUTSIDE])
    def method(self, request):
        return request.param
