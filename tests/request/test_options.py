import json

import pytest

from fairtune.errors import InvalidInput
from fairtune.options import Option
from fairtune.request.options import DataRequest, Request, TrainRequest
from fairtune.request.settings import Setting
from fairtune.spec import Place, SearchSpec


def faults_of(model=Request, **given):
    with pytest.raises(InvalidInput) as caught:
        model.read(given)
    return caught.value.faults


@pytest.mark.parametrize("model", [DataRequest, TrainRequest, Request])
def test_every_field_explains_itself(model):
    for name, field in model.model_fields.items():
        (option,) = [item for item in field.metadata if isinstance(item, Option)]
        assert option.help[0].isupper() or option.help.startswith(("KEY", "auto", "fixed")), name
        assert option.help.endswith("."), name
        assert (option.default is not None) == (field.default is None), f"{name}: say what is used where nothing is given"


def test_what_a_specification_keeps_is_stated_once():
    """A field that a request shares with a specification is the same field."""
    for shared in (SearchSpec, Place):
        for name in shared.model_fields.keys() & Request.model_fields.keys():
            own = [cls for cls in (Request, TrainRequest, DataRequest) if name in vars(cls).get("__annotations__", {})]
            resolved = name in vars(shared).get("__annotations__", {})
            assert bool(own) == resolved, f"{name} is stated by {own} and by {shared}"


@pytest.mark.parametrize("name", ["", "a b", "../up", "a/b", "-a", ".hidden", "baselines", "é"])
def test_a_name_that_makes_no_folder_is_a_fault(name):
    (fault,) = faults_of(name=name)
    assert fault.startswith(f"--name {name!r}: use letters, digits")


def test_a_name_too_long_for_a_folder_is_told_by_its_length():
    assert faults_of(name="a" * 300) == ["--name has 300 characters: use 100 at most, since it names a folder"]


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"seed": -4}, "--seed -4: give a number of at least 0"),
        ({"method": "mfd,mfd"}, "--method mfd,mfd: this is the same method twice: name it once"),
        ({"set": ["weight=1", "weight=2"]}, "--set weight is given 2 times: give it once"),
        ({"sampelr": "tpe"}, "unknown option 'sampelr': did you mean 'sampler'"),
        ({"time_budget": "soon"}, "--time-budget soon: write seconds"),
        ({"method": "mfd, ss,mfd"}, "--method mfd,mfd: this is the same method twice: name it once"),
        ({"method": "mfd+mfd"}, "the method 'mfd+mfd' names mfd twice: a component can be used once"),
        ({"teacher_set": ["skew"]}, "cannot read --teacher-set 'skew'"),
        ({"cpus_per_trial": 9999}, "--cpus-per-trial 9999: this machine has"),
    ],
)
def test_a_fault_is_a_sentence(given, fault):
    (found,) = faults_of(**given)
    assert found.startswith(fault)


@pytest.mark.parametrize("uri", ["file:///tmp/mlruns", "mlruns", "ftp://host"])
def test_a_store_that_mlflow_has_dropped_is_a_fault(uri):
    (fault,) = faults_of(tracking_uri=uri)
    assert fault == f"--tracking-uri {uri!r}: give http://HOST:PORT of an MLflow server or a database such as sqlite:///mlflow.db"


def test_a_clusters_processors_are_not_this_machines_business():
    assert Request.read({"cpus_per_trial": 9999, "address": "auto"}).cpus_per_trial == 9999


def test_settings_are_read_once_and_kept_as_typed():
    request = Request.read({"set": [" weight = 1..3 "], "teacher_set": ["skew=0.7"]})
    assert (request.set, request.teacher_set) == ((Setting("weight", "1..3"),), (Setting("skew", "0.7"),))
    again = Request.read(dict(request))
    assert again.set is request.set
    assert json.loads(request.model_dump_json())["set"] == ["weight=1..3"]


@pytest.mark.parametrize("given", ["weight=3", 3, {"weight": 3}])
def test_settings_are_a_list(given):
    with pytest.raises(InvalidInput, match=r"--teacher-set .*: give a list of texts KEY=VALUE"):
        Request.read({"teacher_set": given})


def test_texts_and_values_are_read_alike():
    typed = Request.read({"trials": "7", "accuracy_floor": "0.5", "time_budget": "2m", "set": ["weight=3"]})
    assert typed == Request.read({"trials": 7, "accuracy_floor": 0.5, "time_budget_s": 120, "set": ("weight=3",)})


def test_a_request_is_written_and_taken_back(tmp_path):
    file = tmp_path / "spec.yaml"
    request = Request.read({"method": "ss+hkd", "time_budget": "2m", "set": ["weight=1..3", "skew=0.7"], "name": "first"})
    request.write(file)
    assert Request.from_file(file, {"name": "first"}) == request
    again = Request.from_file(file, {"seed": "4"})
    assert (again.seed, again.name, again.method) == (4, None, "ss+hkd")
