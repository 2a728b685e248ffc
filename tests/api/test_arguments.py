from pathlib import Path

import pytest

import fairtune as ft
from fairtune.api.arguments import read
from fairtune.errors import InvalidInput
from fairtune.methods.mfd import FairFeatureDistillation
from fairtune.request.options import Request
from fairtune.request.settings import Setting
from tests.methods.outside import Adversary


def test_arguments_are_those_of_a_request():
    assert read(Request, {"trials": 3, "accuracy_floor": 0.5}) == Request.read({"trials": "3", "accuracy_floor": "0.5"})


def test_python_values_stand_for_what_is_typed(tmp_path):
    given = {"method": [FairFeatureDistillation, "ss+hkd"], "set": {"weight": "1..3", "lr": 1e-3}, "runs": Path(tmp_path)}
    request = read(Request, given)
    settings = (Setting("weight", "1..3"), Setting("lr", "0.001"))
    assert (request.method, request.set, request.runs) == ("mfd,ss+hkd", settings, str(tmp_path))


def test_a_class_that_can_be_imported_goes_by_its_address():
    assert read(Request, {"method": Adversary}).method == "tests.methods.outside:Adversary"


@pytest.mark.parametrize("verb", [ft.search, ft.train])
def test_faults_come_all_at_once_with_near_misses(verb):
    with pytest.raises(InvalidInput) as caught:
        verb(epohcs=3, dataset="digit")
    assert len(caught.value.faults) == 2
    assert "unknown option 'epohcs': did you mean 'epochs'" in str(caught.value)
    assert "did you mean 'digits'" in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "base"),
    [("method", "methods.Method"), ("dataset", "datasets.Dataset"), ("model", "models.Net"), ("select", "rules.Rule")],
)
def test_a_class_of_another_kind_is_refused(argument, base):
    with pytest.raises(InvalidInput, match=rf"{argument}=Path: the class must derive from fairtune\.{base}"):
        read(Request, {argument: Path})
