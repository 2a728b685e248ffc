"""Every net that there is keeps the contract, on the smallest images that it takes."""

from functools import lru_cache

import pytest

from fairtune.plugins import load, names
from fairtune.testing import ModelContract
from fairtune.testing.models import Case
from tests.models.small import ChannelMeans

SHAPES = {"slimcnn": (3, 131, 131)}
OPTIONS = {"efficientnet_b1": {"side": 0}}
HEAVY = ("efficientnet_b1", "resnet50_128")
LONG_TO_TRACE = (*HEAVY, "shufflenet_v2", "slimcnn")


@lru_cache(maxsize=12)
def case(name):
    return Case(load("model", name), SHAPES.get(name, ModelContract.shape), OPTIONS.get(name, {}))


def models(slow):
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names("model")]


class TestANetOfSomebodyElse(ModelContract):
    plug_in = ChannelMeans


class TestEveryModel(ModelContract):
    @pytest.fixture(params=models(slow=HEAVY))
    def model(self, request):
        return case(request.param)

    @pytest.mark.parametrize("model", models(slow=LONG_TO_TRACE), indirect=True)
    def test_no_branch_on_data_and_nothing_else_breaks_the_graph(self, model):
        super().test_no_branch_on_data_and_nothing_else_breaks_the_graph(model)
