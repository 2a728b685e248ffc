import hashlib
import json

import pytest
from pydantic import ValidationError

from fairtune.space import Real, Space
from fairtune.spec import Epoch, Optimizer, PlugIn, SearchSpec, TrialResult, TrialSpec, digest
from fairtune.study.jobs import final_seeds
from fairtune.study.retrained import setting_of
from fairtune.testing.trainings import digits_spec
from tests.builders import counts_of_recalls

SPEC = digits_spec("hkd", values={"hkd.weight": 4.0, "hkd.temperature": 3.0}, teacher=digits_spec())
CHANGES = {
    "dataset": PlugIn(name="digits", options={"seed": 1, "skew": 0.8, "val_frac": 0.4}),
    "model": PlugIn(name="cnn"),
    "method": "ss+hkd",
    "values": {"hkd.weight": 4.5, "hkd.temperature": 3.0},
    "optimizer": Optimizer(schedule="constant", lr=2e-3),
    "epochs": 5,
    "batch_size": 65,
    "seed": 1,
    "precision": "bf16",
    "protocol": "official",
    "train_fraction": 0.5,
    "teacher": digits_spec(seed=1),
    "micro_batch": 32,
    "teacher_sees": "mean",
}


@pytest.mark.parametrize("field", TrialSpec.model_fields)
def test_any_change_changes_the_id(field):
    assert field in CHANGES, f"add a change of the new field {field} to CHANGES"
    changed = SPEC.model_copy(update={field: CHANGES[field]})
    assert changed.id != SPEC.id


@pytest.mark.parametrize("field", Optimizer.model_fields)
def test_any_change_of_the_optimiser_changes_the_id(field):
    changes = {"name": "sgd", "lr": 1e-2, "weight_decay": 1e-4, "schedule": "cosine", "milestones": (0.3, 0.6)}
    stepped = SPEC.model_copy(update={"optimizer": Optimizer(schedule="multistep")})
    changed = stepped.model_copy(update={"optimizer": stepped.optimizer.model_copy(update={field: changes[field]})})
    assert changed.id != stepped.id


def test_milestones_that_no_schedule_looks_at_are_no_part_of_a_trial():
    other = SPEC.model_copy(update={"optimizer": SPEC.optimizer.model_copy(update={"milestones": (0.3, 0.6)})})
    assert other.id == SPEC.id
    assert "milestones" not in SPEC.model_dump_json()


@pytest.mark.parametrize("given", ["", "half", "0.5,0.5", "0,0.5", "0.5,1", 3])
def test_milestones_are_rising_shares(given):
    with pytest.raises(ValidationError, match=r"milestones .* are not shares of the epochs"):
        Optimizer.model_validate({"schedule": "multistep", "milestones": given})
    assert Optimizer.model_validate({"schedule": "multistep", "milestones": "0.25,0.5,0.75"}).milestones == (0.25, 0.5, 0.75)


def test_the_order_of_keys_does_not_change_the_id():
    values = dict(reversed(SPEC.values.items()))
    options = dict(reversed(SPEC.dataset.options.items()))
    same = SPEC.model_copy(update={"values": values, "dataset": PlugIn(name="digits", options=options)})
    assert list(same.values) != list(SPEC.values)
    assert same.id == SPEC.id
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_the_id_survives_json():
    read = TrialSpec.model_validate_json(SPEC.model_dump_json())
    assert read == SPEC
    assert read.id == SPEC.id
    assert len(SPEC.id) == 16


def test_the_id_is_a_hash_of_canonical_json():
    assert digest({"b": [1, 2.5, None], "a": "x"}) == hashlib.sha256(b'{"a":"x","b":[1,2.5,null]}').hexdigest()[:16]


def test_specs_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        SPEC.seed = 3


@pytest.mark.parametrize(
    "fault",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"seed": -1},
        {"train_fraction": 0},
        {"train_fraction": 1.5},
        {"precision": "fp16"},
        {"protocol": "paper"},
        {"learning_rate": 1},
        {"optimizer": {"lr": 0}},
        {"optimizer": {"name": "lamb"}},
    ],
)
def test_faults_are_refused_by_name(fault):
    with pytest.raises(ValidationError, match=next(iter(fault))):
        TrialSpec.model_validate(SPEC.model_dump() | fault)


def search_spec(**changes):
    fields = {
        "dataset": SPEC.dataset,
        "model": SPEC.model,
        "spaces": {"hkd": Space(search={"hkd.weight": Real(low=1, high=9)}), "ss": Space()},
        "epochs": 4,
        "batch_size": 64,
        "seed": 3,
    }
    return SearchSpec.model_validate(fields | changes)


def test_the_baseline_is_plain_training_with_everything_else_alike():
    baseline = search_spec(protocol="official", train_fraction=0.5, precision="bf16").baseline()
    assert (baseline.method, baseline.values, baseline.teacher, baseline.seed) == ("scratch", {}, None, 3)
    assert (baseline.protocol, baseline.train_fraction, baseline.precision) == ("official", 0.5, "bf16")
    assert search_spec().baseline(seed=8).seed == 8


def test_a_trial_learns_from_the_baseline_if_it_needs_a_teacher():
    search = search_spec()
    assert search.trial("hkd", {"hkd.weight": 2.0}, needs_baseline=True).teacher == search.baseline()
    assert search.trial("ss", {}, needs_baseline=False).teacher is None


def test_what_has_a_teacher_begins_otherwise_than_that_did():
    apart = search_spec(students_apart=True, final_seeds=4)
    student, alone = (apart.trial(method, {}, needs_baseline=method == "hkd") for method in ("hkd", "ss"))
    assert student.teacher.seed == apart.seed == alone.seed
    assert student.seed not in {apart.seed, *final_seeds(apart), *(apart.repeat(student, again).seed for again in range(1, 20))}
    assert setting_of(student.model_copy(update={"seed": 4}), apart) == student.id
    assert search_spec().trial("hkd", {}, needs_baseline=True).seed == 3, "as earlier versions did, whose runs go on"


def test_values_of_the_optimiser_go_to_the_optimiser_of_the_student_alone():
    trial = search_spec().trial("hkd", {"hkd.weight": 2.0, "optimizer.lr": 0.1, "optimizer.name": "sgd"}, needs_baseline=True)
    assert trial.values == {"hkd.weight": 2.0}
    assert (trial.optimizer.lr, trial.optimizer.name) == (0.1, "sgd")
    assert trial.teacher.optimizer == Optimizer()


def test_a_search_spec_survives_json():
    search = search_spec()
    assert SearchSpec.model_validate_json(search.model_dump_json()) == search
    assert search.methods == "hkd,ss"


def test_a_result_gives_its_counts_back_and_survives_json():
    counts = counts_of_recalls([[8, 3], [1, 5]], [[10, 10], [10, 10]])
    epoch = Epoch(number=1, seconds=0.5, losses={"loss": 1.0}, reported={"bound": 0.1}, val={"accuracy": 0.5})
    result = TrialResult(spec=SPEC, state="complete", history=(epoch,), val={"accuracy": float("nan")}, val_counts=counts)
    read = TrialResult.model_validate_json(result.model_dump_json())
    assert (read.epochs, read.history) == (1, (epoch,))
    assert read.counts("val") == counts
    assert read.val["accuracy"] != read.val["accuracy"]
    with pytest.raises(ValueError, match="not scored on the test split"):
        read.counts("test")


def test_the_metrics_of_an_epoch_have_the_names_that_people_browse():
    epoch = Epoch(number=2, seconds=0.5, losses={"loss": 1.0, "ce": 1.0}, reported={"bound": 0.1}, val={"loss": 2.0})
    assert epoch.metrics == {
        "epoch": 2,
        "seconds": 0.5,
        "train.loss": 1.0,
        "train.ce": 1.0,
        "train.bound": 0.1,
        "val.loss": 2.0,
    }


def test_results_of_earlier_versions_are_read():
    """They kept an epoch as flat numbers by name and the group counts as tables, as JSON does."""
    history = [{"epoch": 1, "seconds": 0.5, "train.loss": 1.5, "train.mi.bound": 0.1, "val.loss": 2.0, "val.accuracy": 0.5}]
    tables = {"hard": [[[3, 1], [0, 4]]], "soft": [[[2.5, 1.5], [1.0, 3.0]]], "margins": [[[1, 3], [2, 2]]]}
    stored = {"spec": SPEC.model_dump(mode="json"), "state": "complete", "history": history, "val_counts": tables}
    read = TrialResult.model_validate_json(json.dumps(stored))
    assert read.history[0].metrics == history[0]
    assert read.history[0].val == {"loss": 2.0, "accuracy": 0.5}
    assert read.counts("val").to_json() == tables
    assert json.loads(read.model_dump_json())["val_counts"] == tables
    assert TrialResult.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(("methods", "joint"), [(("mfd",), False), (("mfd", "ss"), True)])
def test_a_search_of_an_earlier_version_chooses_among_its_methods_as_it_did(methods, joint):
    spaces = {method: Space(search={f"{method}.weight": Real(low=0, high=1)}) for method in methods}
    spec = SearchSpec(dataset=PlugIn(name="digits"), model=PlugIn(name="mlp"), spaces=spaces, epochs=1, batch_size=8, joint=False)
    kept = json.loads(spec.model_dump_json())
    assert SearchSpec.model_validate_json(json.dumps(kept)) == spec
    del kept["joint"]
    assert SearchSpec.model_validate_json(json.dumps(kept)).joint is joint
