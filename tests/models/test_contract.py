"""Every net that there is keeps the contract, on the smallest images that it takes.

One that takes no images as small as these has a suite of its own in its own file of tests.
"""

from functools import lru_cache

import pytest

from fairtune.models import Net
from fairtune.plugins import names
from fairtune.testing import ModelContract
from fairtune.testing.models import Case
from tests.models.small import ChannelMeans
from tests.suites import own_suite

HEAVY = ("resnet50_128",)
LONG_TO_TRACE = (*HEAVY, "shufflenet_v2")


@lru_cache(maxsize=12)
def case(name):
    return Case(Net.load(name), ModelContract.shape, {})


def models(slow):
    return [
        pytest.param(name, marks=[pytest.mark.slow] * (name in slow))
        for name in names("model")
        if own_suite("models", name, ModelContract) is None
    ]


class TestANetOfSomebodyElse(ModelContract):
    plug_in = ChannelMeans


class TestEveryModel(ModelContract):
    @pytest.fixture(params=models(slow=HEAVY))
    def model(self, request):
        return case(request.param)

    @pytest.mark.parametrize("model", models(slow=LONG_TO_TRACE), indirect=True)
    def test_no_branch_on_data_and_nothing_else_breaks_the_graph(self, model):
        super().test_no_branch_on_data_and_nothing_else_breaks_the_graph(model)
