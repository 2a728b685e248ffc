import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from safetensors.torch import save_file

from fairtune.datasets.biased_mnist import BiasedMNIST
from fairtune.datasets.cifar10s import CIFAR10S
from fairtune.datasets.digits import Digits
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.files import data_root
from fairtune.methods import compose
from fairtune.models.mlp import MLP
from fairtune.options import Floor
from fairtune.request.options import Request, TrainRequest
from fairtune.request.resolve import resolve, resolve_dataset, resolve_moved, resolve_one
from fairtune.seeding import torch_stream
from fairtune.space import Options, hyperparameter
from fairtune.spec import Optimizer, SearchSpec
from fairtune.testing.trainings import CPU
from tests.datasets.files import write_cifar10
from tests.search_helpers import small_search

OUTSIDE = "tests.methods.outside:Adversary"


def faults_of(tmp_path, action=resolve, **options):
    with pytest.raises(InvalidInput) as caught:
        action(Request.read({"runs": str(tmp_path / "runs"), "name": "run"} | options))
    return caught.value.faults


def one_trial(tmp_path, **options):
    return resolve_one(TrainRequest.read({"runs": str(tmp_path)} | options))[0]


def test_the_default_is_mfd_on_digits(tmp_path):
    spec, place = resolve(Request.read({"runs": str(tmp_path)}))
    assert (spec.dataset.name, spec.methods, spec.model.name) == ("digits", "mfd", "mlp")
    info = Digits().describe(tmp_path)
    assert (spec.epochs, spec.batch_size) == (info.epochs, info.batch_size)
    assert (spec.classes, spec.groups, spec.shape) == (tuple("0123456789"), ("red", "green"), (3, 8, 8))
    assert (spec.trials, spec.final_seeds, spec.optimizer) == (20, 4, Optimizer())
    assert spec.dataset.options == Digits.complete({}) | {"seed": 0}
    assert place.name.startswith("digits-mfd-2")
    assert place.mlflow == f"sqlite:///{tmp_path}/mlflow.db"


def test_every_option_reaches_the_specification(tmp_path):
    spec, place = small_search(
        tmp_path,
        method="ss+hkd, mfd",
        model="cnn",
        trials=7,
        time_budget="2m",
        epochs=3,
        batch_size=40,
        accuracy_floor="0.5",
        select="accuracy",
        sampler="nsga2",
        seed=5,
        final_seeds=2,
        tracking_uri="sqlite:///elsewhere.db",
        address="auto",
        cpus_per_trial=0.5,
        max_concurrent=3,
        protocol="official",
        train_fraction=0.9,
    )
    assert spec.methods == "ss+hkd,mfd"
    assert (spec.model.name, spec.trials, spec.time_budget_s, spec.epochs, spec.batch_size) == ("cnn", 7, 120, 3, 40)
    assert (spec.accuracy_floor, spec.select, spec.sampler, spec.seed, spec.final_seeds) == (
        Floor(0.5, "number"),
        "accuracy",
        "nsga2",
        5,
        2,
    )
    assert (spec.protocol, spec.train_fraction, spec.dataset.options["seed"]) == ("official", 0.9, 5)
    assert (place.address, place.cpus_per_trial, place.max_concurrent) == ("auto", 0.5, 3)
    assert place.mlflow == "sqlite:///elsewhere.db"


def test_settings_go_where_their_name_belongs(tmp_path):
    spec, _ = small_search(tmp_path, set=["skew=0.7", "weight=2..3", "lr=0.01", "optimizer.name=sgd"])
    assert spec.dataset.options["skew"] == 0.7
    assert set(spec.spaces["mfd"].search) == {"mfd.weight"}
    assert spec.optimizer == Optimizer(name="sgd", lr=0.01)
    assert spec.baseline().optimizer == spec.optimizer


@pytest.mark.parametrize("key", ["tap", "model.tap"])
def test_settings_of_the_model_are_part_of_the_trial(tmp_path, key):
    plain, pooled = (small_search(tmp_path, model="resnet18", set=settings)[0].baseline() for settings in ([], [f"{key}=pooled"]))
    assert plain.model.options == {"weights": "none", "tap": "flat"}
    assert pooled.model.options == {"weights": "none", "tap": "pooled"}
    assert plain.id != pooled.id


def test_a_classifier_of_torchvision_by_name(tmp_path):
    spec, _ = small_search(tmp_path, model="torchvision:mobilenet_v3_small")
    assert (spec.model.name, spec.model.options["tap"]) == ("torchvision:mobilenet_v3_small", "flat")


def test_a_file_of_weights_is_part_of_the_trial_by_its_content(tmp_path):
    ids = []
    for seed in (0, 0, 1):
        with torch_stream(CPU, seed, "init"):
            save_file(MLP((3, 8, 8), 10).state_dict(), tmp_path / "w.safetensors")
        spec, _ = small_search(tmp_path, set=[f"weights={tmp_path / 'w.safetensors'}"])
        assert spec.model.options["weights"].startswith(f"{tmp_path / 'w.safetensors'}@sha256:")
        ids.append(spec.baseline().id)
    assert ids[0] == ids[1] != ids[2]


def test_a_searched_learning_rate_is_the_trials_alone(tmp_path):
    spec, _ = small_search(tmp_path, set=["lr=0.01,0.1"])
    assert spec.baseline().optimizer.lr == 1e-3
    assert spec.trial("mfd", {"mfd.weight": 3.0, "optimizer.lr": 0.1}, needs_baseline=True).optimizer.lr == 0.1


def test_a_setting_serves_every_method_that_has_it(tmp_path):
    spec, _ = small_search(tmp_path, method="mfd,hkd,ss", set=["weight=5"])
    assert [spec.spaces[method].fixed.get(f"{method}.weight") for method in ("mfd", "hkd", "ss")] == [5, 5, None]


def test_a_method_and_a_name_from_outside(tmp_path):
    spec, place = small_search(tmp_path, method=OUTSIDE, name=None)
    assert set(spec.spaces[OUTSIDE].search) == {"Adversary.weight"}
    assert ":" not in place.name


def test_default_names_are_folder_names(tmp_path):
    assert small_search(tmp_path, method="mfd, ss", name=None)[1].name.startswith("digits-mfd,ss-2")


def test_data_lie_where_told(monkeypatch, tmp_path):
    monkeypatch.delenv("FAIRTUNE_DATA", raising=False)
    assert data_root(None) == Path("data").resolve()
    monkeypatch.setenv("FAIRTUNE_DATA", str(tmp_path))
    assert data_root(None) == tmp_path
    assert data_root("~/here") == Path.home() / "here"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"dataset": "digit"}, "unknown dataset 'digit': did you mean 'digits'?"),
        ({"method": "mfdd"}, "unknown method 'mfdd': did you mean 'mfd'"),
        ({"method": "ss+hdk"}, "unknown method 'hdk': did you mean 'hkd'"),
        ({"method": "mfd,"}, "cannot read the method '': write one name, or names joined by +, such as ss+hkd"),
        ({"method": "mfd+mfd"}, "the method 'mfd+mfd' names mfd twice: a component can be used once"),
        ({"model": "cn"}, "unknown model 'cn': did you mean 'cnn'?"),
        ({"model": "transformer"}, "unknown model 'transformer': known: cnn, "),
        ({"model": "torchvision:resnet19"}, "unknown torchvision model 'resnet19': did you mean 'resnet18' or "),
        ({"model": "collections:Counter"}, "the model 'collections:Counter' must derive from fairtune.models.Net"),
        ({"model": "slimcnn"}, "the model slimcnn takes images with sides of at least 131, not inputs of shape (3, 8, 8): try "),
        (
            {"model": "resnet18", "set": ["tap=flat,pooled"]},
            "--set tap=flat,pooled: an option of the model takes one value",
        ),
        ({"model": "resnet18", "set": ["tap=last"]}, "--set tap=last: 'last' is not among {flat, pooled}"),
        ({"set": ["tap=pooled"]}, "--set tap=pooled: unknown setting 'tap'"),
        (
            {"set": ["weights=imagenet"]},
            "there is no file of weights 'imagenet': give none or the path of a safetensors",
        ),
        ({"select": "deom"}, "unknown rule 'deom': did you mean 'deo_m'"),
        (
            {"select": "tests.rules.test_rules:UnknownRule"},
            "the rule tests.rules.test_rules:UnknownRule: unknown score 'deo': did you mean 'deo_m'",
        ),
        (
            {"select": "tests.rules.test_rules:AucRule"},
            "--select tests.rules.test_rules:AucRule: auc, equal_opportunity takes two classes, and the data have 10",
        ),
        ({"sampler": "tpee"}, "unknown sampler 'tpee': did you mean 'tpe'?"),
        ({"scheduler": "non"}, "unknown scheduler 'non': did you mean 'none'?"),
        ({"precision": "fp16"}, "unknown precision 'fp16': did you mean 'bf16'"),
        ({"protocol": "oficial"}, "unknown protocol 'oficial': did you mean 'official'?"),
        ({"trials": 0}, "--trials 0: give a number of at least 1"),
        ({"epochs": 0}, "--epochs 0: give a number of at least 1"),
        ({"final_seeds": 0}, "--final-seeds 0: give a number of at least 1"),
        ({"seed": -1}, "--seed -1: give a number of at least 0"),
        ({"train_fraction": 1.5}, "--train-fraction 1.5: give a number of at most 1"),
        ({"cpus_per_trial": 0}, "--cpus-per-trial 0: give a number above 0"),
        ({"max_concurrent": 0}, "--max-concurrent 0: give a number of at least 1"),
        ({"set": ["skew=0.5..0.9"]}, "--set skew=0.5..0.9: an option of the dataset takes one value; it cannot be searched"),
        ({"set": ["skew=2"]}, "--set skew=2: 2.0 is outside the legal domain 0..1"),
        (
            {"set": ["wieght=2"]},
            "--set wieght=2: unknown setting 'wieght': did you mean 'weight'",
        ),
        ({"batch_size": 5000}, "a batch of 5000 cannot be filled from 808 training samples: lower --batch-size"),
        ({"batch_size": 10, "method": "ss"}, "a balanced batch needs a sample of each of 20 cells: raise --batch-size from 10"),
    ],
)
def test_a_fault_says_what_was_given_and_what_is_allowed(tmp_path, options, fault):
    (found,) = faults_of(tmp_path, **options)
    assert found.startswith(fault)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"set": ["skew=1"]}, ("no validation samples in 10 of 20 cells", "use data, or a skew, with samples of both groups")),
        (
            {"method": "ss", "batch_size": 640},
            ("balanced batches of 640 take 32 samples of each of 20 cells", "has 16", "lower --batch-size"),
        ),
        ({"method": "ffw", "batch_size": 640}, ("the method ffw needs an unbiased set, and balances its batches", "has 16")),
        ({"dataset": "cifar10s"}, ("data_batch_1 is missing", "unpack https://", "--download")),
    ],
)
def test_data_that_cannot_train_are_a_fault(tmp_path, options, parts):
    (fault,) = faults_of(tmp_path, data=str(tmp_path), **options)
    assert all(part in fault for part in parts), fault


def test_a_damaged_file_is_a_fault(tmp_path):
    write_cifar10(tmp_path)
    (fault,) = faults_of(tmp_path, data=str(tmp_path), dataset="cifar10s")
    assert "data_batch_1 is damaged (md5 " in fault
    assert "expected c99cafc152244af753f735de768cd75f" in fault


def test_all_faults_are_found_at_once(tmp_path):
    names = {"dataset": "digit", "model": "cn", "select": "deom", "sampler": "tpee", "precision": "fp16", "protocol": "oficial"}
    unread = {"accuracy_floor": "93", "time_budget": "soon", "set": ["weight"], "method": "mfdd,hdk"}
    found = faults_of(tmp_path, cpus_per_trial=10_000, tracking_uri="file:///tmp/mlruns", **names, **unread)
    assert len(found) == 13
    assert len(set(found)) == 13


def test_all_settings_at_fault_are_found_at_once(tmp_path):
    found = faults_of(tmp_path, method="mfd,hkd", set=["weight=9..3", "temperature=0", "colour=red", "skew=2"])
    assert [fault.partition(":")[0] for fault in found] == [
        "--set skew=2",
        "--set weight=9..3",
        "--set temperature=0",
        "--set colour=red",
    ]


@pytest.mark.parametrize(("method", "pair"), [("mfd,ss,mfd", "mfd,mfd"), ("ss+hkd,mfd,hkd+ss", "ss+hkd,hkd+ss")])
def test_a_method_named_twice_is_a_fault(tmp_path, method, pair):
    assert faults_of(tmp_path, method=method) == [f"--method {pair}: this is the same method twice: name it once"]


def test_one_trial_takes_what_a_space_file_fixes_and_no_range_of_it(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("fixed: {weight: 5, optimizer.lr: 0.01}")
    trial = one_trial(tmp_path, space=str(file))
    assert (trial.values["mfd.weight"], trial.optimizer.lr) == (5, 0.01)
    file.write_text("search: {weight: [1, 2], optimizer.lr: [0.1, 0.2]}")
    assert faults_of(tmp_path, resolve_one, space=str(file)) == [
        f"{file}, search: {name}: train takes one value; search takes a range" for name in ("mfd.weight", "optimizer.lr")
    ]


def test_one_trial_takes_defaults_and_what_is_set(tmp_path):
    trial = one_trial(tmp_path, method="ss+hkd", set=["weight=2", "lr=0.1", "skew=0.6"], epochs=3, seed=4)
    assert trial.values == {"hkd.weight": 2.0, "hkd.temperature": 3.0, "hkd.annealing": "linear"}
    assert (trial.optimizer.lr, trial.dataset.options["skew"], trial.epochs, trial.seed) == (0.1, 0.6, 3, 4)
    assert trial.teacher is not None
    assert trial.teacher.method == "scratch"
    compose(trial.method, trial.values)


def test_one_trial_without_a_teacher(tmp_path):
    assert one_trial(tmp_path, method="ss").teacher is None


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"method": "mfd,ss"}, "--method mfd,ss: train takes one method; search takes a list"),
        ({"set": ["weight=1..2"]}, "--set mfd.weight=1..2 (log): train takes one value; search takes a range"),
        ({"set": ["lr=0.1,0.2"]}, "--set optimizer.lr={0.1, 0.2}: train takes one value; search takes a range"),
        ({"batch_size": 5000}, "a batch of 5000 cannot be filled from 808 training samples: lower --batch-size"),
    ],
)
def test_one_trial_is_no_search(tmp_path, options, fault):
    (found,) = faults_of(tmp_path, resolve_one, **options)
    assert found.startswith(fault)


def test_one_trial_in_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (fault,) = faults_of(tmp_path, resolve_one, runs=str(tmp_path / "file" / "runs"))
    assert fault.startswith(f"cannot write the folder {tmp_path / 'file'}")


@pytest.mark.parametrize(
    ("protocol", "settings", "expected"),
    [("official", [], "official"), ("fixed", [], "fixed"), ("official", ["dataset.protocol=fixed"], "fixed")],
)
def test_the_protocol_reaches_a_dataset_that_has_one(tmp_path, protocol, settings, expected):
    request = Request(dataset="biased_mnist", data=str(tmp_path), protocol=protocol, set=settings)
    dataset, _ = resolve_dataset(request)
    assert isinstance(dataset, BiasedMNIST)
    assert dataset.protocol == expected


def test_a_protocol_of_its_own_is_left_to_the_dataset(tmp_path):
    dataset, _ = resolve_dataset(Request(dataset="cifar10s", data=str(tmp_path), protocol="official"))
    assert isinstance(dataset, CIFAR10S)
    assert dataset.protocol == "mfd"


def test_a_teacher_may_be_trained_on_other_data_than_the_student(tmp_path):
    spec, _ = small_search(tmp_path, method="hkd", set=["skew=0.7"], teacher_set=["skew=0.5"])
    assert spec.teacher().dataset.options == spec.dataset.options | {"skew": 0.5}
    student = spec.trial("hkd", {}, needs_baseline=True)
    assert (student.dataset, student.teacher) == (spec.dataset, spec.teacher())
    assert spec.baseline().dataset.options["skew"] == 0.7
    assert spec.teacher() != spec.baseline()


@pytest.mark.parametrize(("student", "teacher"), [([], "val_frac=0.3"), (["val_frac=0.3"], "val_frac=0.4")])
def test_a_teacher_that_would_train_on_what_judges_its_student_is_refused(tmp_path, student, teacher):
    (found,) = faults_of(tmp_path, method="hkd", set=student, teacher_set=[teacher])
    assert re.fullmatch(
        r"--teacher-set: the teacher would be trained on \d+ of the \d+ sources that are the student's validation split: choose "
        "options under which both hold out the same, such as the same protocol and val_frac",
        found,
    )


def test_a_teacher_may_be_of_another_architecture_and_training(tmp_path):
    own = {"teacher_model": "mlp3", "teacher_epochs": 7, "teacher_set": ["lr=0.1", "optimizer.name=sgd", "schedule=multistep"]}
    spec, _ = small_search(tmp_path, method="hkd", model="cnn", **own)
    teacher, plain = spec.teacher(), spec.plain()
    assert (teacher.model.name, teacher.epochs, teacher.dataset) == ("mlp3", 7, spec.dataset)
    assert teacher.optimizer == Optimizer(name="sgd", lr=0.1, schedule="multistep")
    assert spec.baseline() == plain
    assert (plain.model.name, plain.epochs, plain.optimizer) == ("cnn", 2, Optimizer())
    student = spec.trial("hkd", {}, needs_baseline=True)
    assert (student.model, student.epochs, student.optimizer, student.teacher) == (plain.model, 2, Optimizer(), teacher)


def test_the_teacher_may_be_what_trials_are_compared_with(tmp_path):
    options = {"compare_with": "teacher", "teacher_epochs": 7, "teacher_set": ["skew=0.5"]}
    spec, _ = small_search(tmp_path, method="hkd", **options)
    assert spec.baseline() == spec.teacher() != spec.plain()
    assert spec.baseline(9) == spec.teacher().model_copy(update={"seed": 9})
    assert spec.trial("hkd", {}, needs_baseline=True).dataset == spec.dataset
    assert SearchSpec.model_validate_json(spec.model_dump_json()) == spec


@dataclass(kw_only=True)
class Halved(Digits):
    """Digits of which every other one tests, if asked for."""

    half: bool = hyperparameter(False, Options(values=(False, True)), help="whether to test on half of them")

    def test_rows(self, pool):
        return super().test_rows(pool)[:: 2 if self.half else 1]


def test_a_teacher_of_another_test_split_is_nothing_to_compare_with(tmp_path):
    options = {"dataset": f"{__name__}:Halved", "method": "hkd", "teacher_set": ["half=true"]}
    small_search(tmp_path, **options)
    (found,) = faults_of(tmp_path, **options, compare_with="teacher")
    assert found.startswith("--compare-with teacher: under its --teacher-set the teacher is tested on other samples")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"method": "mfd"}, "mfd compares features with the teacher's, and these are of 100 where the students' are of 256: give"),
        (
            {"method": "fitnet"},
            "fitnet compares features with the teacher's, and these are of 100 where the students' are of 256: ",
        ),
        ({"method": "at"}, "at looks at the map of a convolution, and the teacher has none: give another --teacher-model"),
        ({"method": "magnitude"}, "magnitude starts from the teacher's weights, so that the teacher must be of the students' arch"),
        (
            {"compare_with": "teacher"},
            "--compare-with teacher: the trials are of cnn, the teacher is of mlp3, and the net that sets",
        ),
    ],
)
def test_a_teacher_from_which_a_method_cannot_learn_is_refused(tmp_path, options, fault):
    (found,) = faults_of(tmp_path, model="cnn", teacher_model="mlp3", **({"method": "hkd"} | options))
    assert found.startswith(fault)


def test_without_settings_of_its_own_the_teacher_is_the_baseline(tmp_path):
    spec, _ = small_search(tmp_path, method="hkd")
    assert spec.teacher() == spec.baseline()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ("skw=0.5", "--teacher-set skw=0.5: unknown setting of the teacher 'skw': did you mean 'skew'?"),
        ("weight=3", "--teacher-set weight=3: unknown setting of the teacher 'weight': did you mean 'weights'"),
        ("lr=0.1,0.5", "--teacher-set lr=0.1,0.5: an option of the optimiser takes one value"),
        ("skew=2", "--teacher-set skew=2: 2.0 is outside the legal domain 0..1"),
        ("skew=0.1,0.5", "--teacher-set skew=0.1,0.5: an option of the dataset takes one value"),
        ("skew=1", "--teacher-set: no validation samples"),
    ],
)
def test_a_setting_of_the_teacher_at_fault_is_told(tmp_path, given, fault):
    with pytest.raises(FairtuneError) as told:
        small_search(tmp_path, method="hkd", teacher_set=[given])
    assert fault in str(told.value)


def test_a_search_goes_on_with_the_machine_that_somebody_typed_and_all_else_as_it_was(tmp_path):
    _, place = resolve(Request.read({"runs": str(tmp_path), "gpus_per_trial": "0.5", "address": "auto", "max_concurrent": 3}))
    given = {"address": "local", "gpus_per_trial": "0", "memory_per_trial": "0.25", "data": str(tmp_path), "trials": "9"}
    moved = resolve_moved(place, given)
    told = {"address": None, "gpus_per_trial": 0, "memory_per_trial": 0.25, "data": str(tmp_path)}
    assert moved == place.model_copy(update=told)
    assert resolve_moved(place, {"trials": "9"}) == place


def test_another_machine_at_fault_is_told(tmp_path):
    _, place = resolve(Request.read({"runs": str(tmp_path)}))
    with pytest.raises(InvalidInput) as caught:
        resolve_moved(place, {"max_concurrent": "0", "gpus_per_trial": "many", "cpus_per_trial": "4096"})
    text = str(caught.value)
    assert "--max-concurrent" in text
    assert "--gpus-per-trial many: give a number from 0" in text
    assert "--cpus-per-trial 4096: this machine has" in text
    on_cluster = place.model_copy(update={"address": "auto"})
    assert resolve_moved(on_cluster, {"cpus_per_trial": "4096"}).cpus_per_trial == 4096
