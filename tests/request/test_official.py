"""``--protocol official`` trains as the authors did, but for what the user says himself."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from fairtune.datasets import Info
from fairtune.errors import DataError, InvalidInput
from fairtune.methods import Method
from fairtune.request import checks
from fairtune.request.faults import Faults
from fairtune.request.options import Request, TrainRequest
from fairtune.request.papers import folder, read_paper
from fairtune.request.resolve import resolve_one, specify
from fairtune.space import Real, hyperparameter
from fairtune.spec import Optimizer
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.training.data import make_dataset
from tests.search_helpers import small_search

PAPERS = {path.stem: read_paper(path) for path in sorted(folder().glob("*.yaml"))}
TABLE = Info(
    classes=("no", "yes"), groups=("a", "b"), shape=(3, 64, 64), balanced_test=False, model="mlp", epochs=50, batch_size=64
)


@dataclass
class Sure(Method):
    """Wants to be sure, and says how its authors trained it."""

    citation: ClassVar[str] = "A. Sure, 2026"
    authors: ClassVar = {"digits": {"epochs": 7, "batch_size": 50, "set": {"optimizer.lr": 0.02, "Sure.weight": 0.3}}}

    weight: float = hyperparameter(0.1, Real(low=0), search=Real(low=0.01, high=1, log=True), help="how sure")


def describe(plugin):
    """What a dataset is; of one that reads its files to know it, some table."""
    try:
        return make_dataset(plugin).describe(Path("absent"))
    except DataError:
        return TABLE


def attempted(method, dataset, **options):
    faults = Faults()
    spec = specify(Request.read({"protocol": "official", "method": method, "dataset": dataset} | options), faults, describe)
    return spec, faults.found


def officially(method, dataset, **options):
    spec, faults = attempted(method, dataset, **options)
    assert not faults
    return spec


def fault_of(method, dataset, **options):
    _, (fault,) = attempted(method, dataset, **options)
    return fault


def trained_by(paper, dataset):
    """Its methods, those that are joined too, and the options by which its data are told from others'."""
    data = {name: value for name, value in paper.training_of("scratch", dataset).set.items() if name.startswith("dataset.")}
    told = [f"{name}={value[0] if isinstance(value, tuple) else value}" for name, value in data.items()]
    return [*paper.methods, *(name for name in paper.training.methods if "+" in name)], told


@pytest.mark.parametrize("name", PAPERS)
def test_every_training_of_a_paper_can_be_specified_and_is_the_paper_s(name):
    paper = PAPERS[name]
    for dataset in paper.datasets:
        methods, told = trained_by(paper, dataset)
        for method in methods:
            spec, training = (
                officially(method, dataset, set=told if method == "scratch" else []),
                paper.training_of(method, dataset),
            )
            assert spec.authors[method].paper == paper.paper
            assert spec.authors[method].overruled == {}
            assert training.model in (spec.model.name, None)
            assert training.epochs in (spec.epochs, None)
            own = {key.removeprefix(f"{method}."): value for key, value in training.set.items() if key.startswith(f"{method}.")}
            assert {key: spec.spaces[method].fixed[f"{method}.{key}"] for key in own} == own
            changed = {key.removeprefix("optimizer."): v for key, v in training.set.items() if key.startswith("optimizer.")}
            assert spec.optimizer == Optimizer.model_validate(changed)


def test_information_on_digits_has_its_rate_and_inner_steps():
    spec = officially("mi", "cmnist")
    assert spec.optimizer == Optimizer(lr=1e-4, schedule="constant")
    assert (spec.model.name, spec.epochs, spec.batch_size) == ("lenet", 501, 128)
    assert spec.spaces["mi"].fixed["mi.inner_steps"] == 80
    assert spec.spaces["mi"].usable_points() == [{"mi.weight": 1.0}]
    faces = officially("mi", "imdb").spaces["mi"].fixed
    assert (faces["mi.inner_steps"], faces["mi.estimator"], faces["mi.lr"], faces["mi.accumulate"]) == (40, "sgd", 0.1, 10)


def test_tables_have_a_single_layer_and_say_what_is_not_published():
    spec = officially("mi", "adult")
    assert (spec.model.name, spec.spaces["mi"].fixed["mi.inner_steps"]) == ("mlp1", 40)
    assert all(officially("mi", table).optimizer.schedule == "constant" for table in ("adult", "german"))
    assert any("not published" in said for said in spec.deviations)


def test_gates_are_trained_without_bias_on_the_net_that_the_bias_has_trained():
    spec = officially("ffw", "biased_mnist")
    assert (spec.epochs, spec.dataset.options["train"], spec.batch_size) == (200, "unbiased", 100)
    baseline = spec.baseline()
    assert baseline == spec.teacher()
    assert (baseline.epochs, baseline.dataset.options["train"], baseline.model) == (80, "biased", spec.model)
    assert baseline.optimizer == Optimizer(name="sgd", lr=0.1, weight_decay=1e-4, schedule="multistep", milestones=(0.5, 0.75))


@pytest.mark.parametrize("method", ["dp_l2", "eo_l2", "dp_mi", "eo_mi", "iou", "iou_paired"])
def test_fairness_losses_go_on_from_a_net_that_was_trained_without_them(method):
    spec = officially(method, "utkface")
    assert spec.spaces[method].fixed[f"{method}.init"] == "teacher"
    assert not any("from the start" in said for said in spec.deviations)
    anew = officially(method, "utkface", set=["init=scratch"])
    assert f"{method}: --set {method}.init: theirs is teacher" in anew.deviations


def test_a_plain_training_is_the_baseline_that_searches_look_for():
    for method, dataset in (("ffw", "biased_mnist"), ("ffw", "corrupted_cifar10"), ("fitnet", "cifar10s"), ("mi", "cmnist")):
        plain = officially("scratch", dataset).trial("scratch", {}, needs_baseline=False)
        assert plain.id == officially(method, dataset).baseline().id


def test_what_the_user_says_wins_and_is_told():
    options = {
        "epochs": 5,
        "batch_size": 128,
        "model": "mlp3",
        "set": ["optimizer.lr=0.01", "mi.inner_steps=10,20", "optimizer.name=adam"],
    }
    spec = officially("mi", "imdb", **options)
    assert (spec.epochs, spec.batch_size, spec.model.name, spec.optimizer.lr) == (5, 128, "mlp3", 0.01)
    assert spec.spaces["mi"].search["mi.inner_steps"].values == (10, 20)
    authors = spec.authors["mi"]
    assert authors.overruled == {
        "--epochs": "10",
        "--batch-size": "24",
        "--model": "resnet50_128",
        "--set optimizer.lr": "1e-05",
        "--set model.weights": "imagenet",
        "--set mi.inner_steps": "40",
    }
    assert "mi: --epochs: theirs is 10" in spec.deviations
    assert set(authors.sets) == {
        *("--set optimizer.weight_decay", "--set optimizer.schedule"),
        *("--set mi.lr", "--set mi.width", "--set mi.estimator", "--set mi.accumulate"),
    }


def test_the_rate_of_another_optimiser_is_not_theirs():
    spec = officially("scratch", "biased_mnist", set=["optimizer.name=adam"])
    assert spec.optimizer == Optimizer(weight_decay=1e-4, schedule="multistep", milestones=(0.5, 0.75))
    assert spec.authors["scratch"].overruled == {"--set optimizer.name": "sgd", "--set optimizer.lr": "0.1"}
    assert officially("scratch", "biased_mnist", set=["optimizer.name=sgd"]).optimizer.lr == 0.1
    faces = officially("mi", "imdb", set=["mi.estimator=adam"])
    assert "mi.lr" not in faces.spaces["mi"].fixed
    assert faces.authors["mi"].overruled == {"--set mi.lr": "0.1", "--set mi.estimator": "sgd"}


def test_a_searched_rate_leaves_the_plain_net_theirs():
    plain = officially("magnitude", "biased_mnist").plain()
    assert officially("magnitude", "biased_mnist", set=["optimizer.lr=0.01..0.5"]).plain() == plain
    other = officially("magnitude", "biased_mnist", set=["optimizer.lr=0.01..0.5", "optimizer.name=adam"]).plain()
    assert (other.optimizer.name, other.optimizer.lr) == ("adam", 1e-3)


def test_searched_optimisers_need_a_rate_of_the_user_s(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("search: {optimizer.name: [adam, sgd]}")
    said = "--protocol official: optimizer.name is searched, and the authors' learning rate, 0.1, is that of sgd: search "
    assert fault_of("scratch", "biased_mnist", space=str(file)).startswith(said)
    assert fault_of("scratch", "biased_mnist", set=["name=adam,sgd"]).startswith(said)
    own = fault_of(f"{__name__}:Sure", "digits", set=["optimizer.name=sgd,adam"])
    assert "the authors' learning rate, 0.02, is that of adam: search" in own, "they say none, which leaves the usual one"
    fixed = officially("scratch", "biased_mnist", space=str(file), set=["optimizer.lr=0.05"])
    assert (fixed.optimizer.name, fixed.optimizer.lr) == ("sgd", 0.05)
    assert "scratch: --set optimizer.lr: theirs is 0.1" in fixed.deviations
    file.write_text("search: {optimizer.name: [adam, sgd], optimizer.lr: {low: 0.001, high: 0.2, log: true}}")
    searched = officially("scratch", "biased_mnist", space=str(file))
    assert (searched.optimizer.name, searched.optimizer.lr) == ("sgd", 0.1), "the plain net is theirs"


def test_a_teacher_of_another_architecture_is_no_baseline():
    spec = officially("fitnet", "cifar10s", teacher_model="resnet18")
    assert (spec.compare_with, spec.model.name, spec.teacher().model.name) == ("plain", "cnn", "resnet18")
    assert spec.authors["fitnet"].overruled == {"--compare-with": "teacher"}
    assert officially("fitnet", "cifar10s", teacher_model="cnn").compare_with == "teacher"
    assert "leave --compare-with out" in fault_of("fitnet", "cifar10s", teacher_model="resnet18", compare_with="teacher")


@pytest.mark.parametrize(
    ("said", "baseline"),
    [
        ({"teacher_set": ["train=composite"]}, "plain"),
        ({"teacher_set": ["dataset.skew=0.5"]}, "plain"),
        ({"teacher_set": ["skew=0.80", "optimizer.lr=0.01"]}, "teacher"),
        ({"teacher_set": ["skew=0.5"], "set": ["skew=0.5"]}, "teacher"),
        ({"teacher_set": ["train=skewed"]}, "teacher"),
    ],
)
def test_a_teacher_on_other_data_than_the_students_is_no_baseline(said, baseline):
    assert officially("fitnet", "cifar10s", **said).compare_with == baseline


def test_a_teacher_on_the_authors_data_stays_the_baseline():
    said = {"set": ["train=unbiased"], "teacher_set": ["train=biased"]}
    assert officially("ffw", "biased_mnist", **said).compare_with == "teacher"
    assert officially("ffw", "biased_mnist", teacher_set=["train=unbiased"]).compare_with == "plain"


def test_the_length_of_each_training_is_the_teacher_s_too():
    spec = officially("ffw", "biased_mnist", epochs=60)
    assert (spec.epochs, spec.baseline().epochs) == (60, 60)
    assert spec.authors["ffw"].overruled == {"--epochs": "200", "--teacher-epochs": "80"}
    both = officially("ffw", "biased_mnist", epochs=60, teacher_epochs=9)
    assert (both.epochs, both.baseline().epochs) == (60, 9)


def test_all_that_the_authors_have_done_is_theirs():
    assert officially("iou", "utkface").dataset.options["attribute"] == "race5"
    spec = officially("iou", "utkface", set=["attribute=gender"])
    assert spec.dataset.options["attribute"] == "gender"
    assert spec.authors["iou"].overruled == {}
    assert officially("iou", "utkface", set=["attribute=race4"]).authors["iou"].overruled == {
        "--set dataset.attribute": "race5 or gender"
    }


def test_a_file_of_the_user_s_wins_too(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("search: {mi.inner_steps: [10, 40]}\nfixed: {optimizer.lr: 0.002}")
    spec = officially("mi", "cmnist", space=str(file))
    assert spec.spaces["mi"].search["mi.inner_steps"].values == (10, 40)
    assert spec.optimizer.lr == 0.002
    assert {"--set mi.inner_steps", "--set optimizer.lr"} <= set(spec.authors["mi"].overruled)


def test_what_is_given_as_theirs_is_no_deviation():
    spec = officially("mfd", "cifar10s", epochs=50, set=["lr=1e-3", "skew=0.8"])
    assert spec.authors["mfd"].overruled == {}


def test_methods_of_one_paper_are_searched_together_as_long_as_they_are_trained_alike():
    assert set(officially("hkd,mfd,ss", "cifar10s").authors) == {"hkd", "mfd", "ss"}
    fault = fault_of("hkd,fitnet", "cifar10s")
    assert fault.startswith("--protocol official: hkd and fitnet were not trained alike: --epochs is 50 for hkd, 75 for fitnet; ")
    assert fault.endswith("Search them apart, or say yourself what all of them have")
    assert "--model is resnet18 for mfd, slimcnn for dp_l2" in fault_of("mfd,dp_l2", "celeba")


def test_a_plain_net_of_several_papers_is_told_apart_by_its_data():
    fault = fault_of("scratch", "celeba")
    assert fault.startswith(
        "--protocol official: scratch on celeba was trained for several papers: say which of them by its data. "
    )
    assert "--set target=Blond_Hair" in fault
    assert officially("scratch", "celeba", set=["target=Blond_Hair"]).epochs == 80
    assert officially("scratch", "celeba", set=["target=Smiling"]).model.name == "slimcnn"


def test_where_no_training_of_the_authors_is_known_nothing_is_set_and_that_is_said():
    spec = officially("mfd", "digits")
    ours = specify(Request.read({"method": "mfd", "dataset": "digits"}), Faults(), describe)
    assert spec.model_copy(update={"protocol": "fixed", "authors": {}}) == ours
    assert spec.deviations == ["mfd: how the authors of mfd trained it on digits is not known here: it is trained as told"]
    assert ours.authors == {}


def test_a_method_without_a_paper_says_whose_training_it_has():
    spec = officially("magnitude,gap", "biased_mnist")
    assert spec.authors["gap"].differs == (
        "how the authors of gap trained it on biased_mnist is not known here: it is trained as told, and otherwise as magnitude",
    )


def test_a_single_training_takes_the_published_value(tmp_path):
    request = {
        "runs": str(tmp_path),
        "dataset": "digits",
        "protocol": "official",
        "method": f"{__name__}:Sure",
        "precision": "fp32",
    }
    spec, _, search = resolve_one(TrainRequest.read(request))
    assert (spec.epochs, spec.optimizer.lr, spec.batch_size) == (7, 0.02, 50)
    assert spec.values == {"Sure.weight": 0.3}
    assert search.authors[request["method"]].paper == "A. Sure, 2026"


def test_other_words_of_the_authors_make_no_other_search(tmp_path):
    spec, place = small_search(tmp_path, protocol="official")
    run = RunFolder.of(place)
    run.save(spec, place)
    SearchStudy(run.study, spec)
    assert run.load()[0] == spec
    said = next(iter(spec.authors.values())).model_copy(update={"differs": ("otherwise",)})
    assert checks.run_folder(spec.model_copy(update={"authors": dict.fromkeys(spec.authors, said)}), place) == []
    assert checks.run_folder(spec.model_copy(update={"epochs": 9}), place) != []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{paper: P, methods: [mfd], datasets: {digits: {epoch: 3}}}", "datasets.digits.epoch 3: "),
        ("{paper: P, methods: [mfd], datasets: {digits: {epochs: 0}}}", "datasets.digits.epochs 0: give a number of at least 1"),
        ("{paper: P, datasets: {}}", "methods: is missing"),
        ("{paper: P, methods: [], datasets: {}, trainings: {}}", "unknown key 'trainings': did you mean 'training'?"),
    ],
)
def test_a_file_at_fault_is_refused_by_name(tmp_path, text, fault):
    file = tmp_path / "paper.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput) as told:
        read_paper(file)
    assert "paper.yaml" in told.value.faults[0]
    assert fault in told.value.faults[0]
