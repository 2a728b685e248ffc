"""Every sampler that there is keeps the contract; what is made of proposals is tested in ``test_proposals.py``."""

import pytest

from fairtune.errors import InvalidInput
from fairtune.plugins import load, names
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.samplers import check
from fairtune.testing import SamplerContract
from tests.samplers.outside import Chance


class TestEverySampler(SamplerContract):
    @pytest.fixture(params=names("sampler"))
    def sampler(self, request):
        check(request.param, ["maximize", "minimize"])
        return load("sampler", request.param)


class TestASamplerOfSomebodyElse(SamplerContract):
    plug_in = Chance


def test_a_sampler_of_somebody_else_is_used_by_its_address(tmp_path):
    request = Request.read({"sampler": "tests.samplers.outside:Chance", "runs": str(tmp_path), "name": "run"})
    assert resolve(request)[0].sampler == "tests.samplers.outside:Chance"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tests.samplers.outside:Grid", "takes one objective, and --select weighs 2: choose another --sampler or --select"),
        ("tests.samplers.outside:Nobody", "has no attribute 'Nobody'"),
        ("fairtune.spec:SearchSpec", "must derive from fairtune.samplers.Sampler"),
    ],
)
def test_one_that_cannot_search_is_refused_before_anything_is_trained(tmp_path, name, reason):
    with pytest.raises(InvalidInput, match=reason):
        resolve(Request.read({"sampler": name, "runs": str(tmp_path), "name": "run"}))


def test_one_objective_is_enough_for_a_sampler_that_knows_one():
    check("tests.samplers.outside:Grid", ["minimize"])
