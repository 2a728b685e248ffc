"""Every sampler that there is keeps the contract; what is made of proposals is tested in ``test_proposals.py``."""

import pytest

from fairtune.errors import InvalidInput
from fairtune.plugins import load, names
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.samplers import check
from fairtune.space import Integer, Options, Real, Space
from fairtune.testing import SamplerContract
from tests.samplers.outside import Chance


class TestEverySampler(SamplerContract):
    @pytest.fixture(params=names("sampler"))
    def sampler(self, request):
        return load("sampler", request.param)


class TestASamplerOfSomebodyElse(SamplerContract):
    plug_in = Chance


def test_a_sampler_of_somebody_else_is_used_by_its_address(tmp_path):
    request = Request.read({"sampler": "tests.samplers.outside:Chance", "runs": str(tmp_path), "name": "run"})
    assert resolve(request)[0].sampler == "tests.samplers.outside:Chance"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (
            "tests.samplers.outside:Grid",
            "takes one objective, and --select weighs 2: choose another --sampler, or a rule of one objective",
        ),
        ("tests.samplers.outside:Nobody", "has no attribute 'Nobody'"),
        ("fairtune.spec:SearchSpec", "must derive from fairtune.samplers.Sampler"),
    ],
)
def test_one_that_cannot_search_is_refused_before_anything_is_trained(tmp_path, name, reason):
    with pytest.raises(InvalidInput, match=reason):
        resolve(Request.read({"sampler": name, "runs": str(tmp_path), "name": "run"}))


FINITE = Space(search={"mfd.weight": Options(values=(1.0, 3.0)), "mfd.steps": Integer(low=1, high=3)})
REAL = Space(search={"mfd.weight": Real(low=0.1, high=30, log=True), "mfd.kernel": Options(values=("rbf", "poly"))})


def test_one_objective_is_enough_for_a_sampler_that_knows_one():
    check("tests.samplers.outside:Grid", ["minimize"], {"mfd": REAL})
    check("cmaes", ["minimize"], {"mfd": REAL})


@pytest.mark.parametrize(
    ("sampler", "select", "setting", "said"),
    [
        ("cmaes", "deo_m", "weight=0.1..30", r"'cmaes' takes one objective, and --select weighs 2: .* as --select deo_m_alone"),
        (
            "grid",
            "deo_m",
            "weight=0.1..30",
            r"'grid' tries values that can be counted, and mfd.weight is searched over 0.1..30 \(log\): give its values, as "
            r"--set mfd.weight=0.1,1.73205,30, or choose another --sampler",
        ),
    ],
)
def test_what_a_sampler_cannot_do_is_refused_with_what_to_do(tmp_path, sampler, select, setting, said):
    request = {"sampler": sampler, "select": select, "set": [setting], "runs": str(tmp_path), "name": "run"}
    with pytest.raises(InvalidInput, match=said):
        resolve(Request.read(request))
    assert not (tmp_path / "run").exists()


def test_what_a_sampler_can_do_is_taken(tmp_path):
    for sampler, select, setting in [("cmaes", "deo_m_alone", "weight=0.1..30"), ("grid", "deo_m", "weight=0.1,1,10")]:
        request = {"sampler": sampler, "select": select, "set": [setting], "runs": str(tmp_path), "name": "run"}
        assert resolve(Request.read(request))[0].sampler == sampler


def test_every_real_range_of_every_method_is_named_to_a_sampler_of_finite_spaces():
    check("grid", ["maximize", "minimize"], {"mfd": FINITE, "ss": Space()})
    with pytest.raises(InvalidInput) as refused:
        check(
            "grid", ["maximize", "minimize"], {"mfd": REAL, "hkd": Space(search={"hkd.weight": Real(low=0, high=1)}), "ss": FINITE}
        )
    assert [fault.split(" is searched over ")[0].split()[-1] for fault in refused.value.faults] == ["mfd.weight", "hkd.weight"]
