"""What a study keeps beside its trials: written typed, read typed, in the layout that earlier versions wrote."""

import json

import optuna
import pytest

from fairtune.errors import InvalidInput
from fairtune.spec import TrialResult
from fairtune.study.baseline import Baseline
from fairtune.study.choice import Choice
from fairtune.study.key import JobKey
from fairtune.study.mirror import Mirror
from fairtune.study.opening import Opening
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from tests.search_helpers import small_search

CHOICE = Choice({"chosen": 1, "most_accurate": 0, "fairest": 1})
FINAL = JobKey.final("most_accurate", 2)
MIRROR = Mirror("7", "abc", {JobKey("baseline"): "b0", JobKey.trial(0): "t0"})


@pytest.fixture
def spec(tmp_path):
    return small_search(tmp_path / "runs")[0]


def opened(tmp_path, spec):
    return SearchStudy(tmp_path / "study.db", spec)


def result(spec, accuracy=0.8):
    return TrialResult(spec=spec.baseline(), state="complete", val={"accuracy": accuracy, "deo_m": 0.1})


def stored(tmp_path, *trials, **attributes):
    """A study as Optuna has it, written without any of our code."""
    study = optuna.create_study(
        study_name="search", storage=f"sqlite:///{tmp_path}/study.db", directions=["maximize", "minimize"], load_if_exists=True
    )
    for name, value in attributes.items():
        study.set_user_attr(name, value)
    for trial in trials:
        study.add_trial(trial)
    return study


def old_trial(spec, accuracy):
    weight = optuna.distributions.FloatDistribution(0.1, 30, log=True)
    return optuna.trial.create_trial(
        params={"mfd.weight": 3.0},
        distributions={"mfd.weight": weight},
        values=[accuracy, 0.1],
        user_attrs={"point": 0, "result": result(spec, accuracy).model_dump_json()},
    )


def old_layout(spec):
    """Every attribute of a search that has ended, as version 0.1 keeps them."""
    entry = {"when": "2025-11-01T10:00:00+00:00", "roles": ["baseline", "chosen"], "jobs": ["final-baseline-1", "final-chosen-1"]}
    return {
        "floor": 0.75,
        "baseline": result(spec).model_dump_json(),
        "mlflow_run_id": "abc",
        "mlflow_experiment_id": "7",
        "roles": {"chosen": 0, "most_accurate": 0, "fairest": 0},
        "chosen": 0,
        "test_opened": [entry],
        "final-baseline-1": result(spec, 0.7).model_dump_json(),
        "final-chosen-1": result(spec, 0.9).model_dump_json(),
        "wall_s": 12.5,
        "complete": True,
    }


def test_a_new_study_keeps_nothing(tmp_path, spec):
    study = opened(tmp_path, spec)
    assert (study.baseline, study.choice, study.openings, dict(study.finals)) == (None, None, (), {})
    assert (study.mirror, study.complete, study.noted_s) == (None, False, 0)


def test_whatever_is_kept_is_there_when_it_is_opened_again(tmp_path, spec):
    study = opened(tmp_path, spec)
    openings = (Opening.now(["baseline"], [JobKey.final("baseline", 1)]), Opening.now(["chosen"], [FINAL]))
    study.keep_baseline(Baseline(result(spec), 0.7))
    study.keep_choice(CHOICE)
    for opening in openings:
        study.keep_opening(opening)
    study.keep_final(FINAL, result(spec, 0.6))
    study.keep_mirror(MIRROR)
    study.keep_complete()
    for seen in (study, opened(tmp_path, spec)):
        assert seen.baseline == Baseline(result(spec), 0.7)
        assert (seen.choice, seen.choice.number) == (CHOICE, 1)
        assert seen.openings == openings
        assert seen.finals == {FINAL: result(spec, 0.6)}
        assert seen.mirror == MIRROR
        assert seen.complete is True


def test_a_choice_of_nobody_is_a_choice(tmp_path, spec):
    opened(tmp_path, spec).keep_choice(Choice({"fairest": 3}))
    again = opened(tmp_path, spec)
    assert again.choice == Choice({"fairest": 3})
    assert again.choice.number is None


def test_the_search_mirrored_anew_forgets_the_old_runs(tmp_path, spec):
    study = opened(tmp_path, spec)
    study.keep_mirror(MIRROR)
    anew = Mirror("8", "def", {JobKey("baseline"): "b1"})
    study.keep_mirror(anew)
    assert study.mirror == opened(tmp_path, spec).mirror == anew


def test_what_an_earlier_version_kept_is_read(tmp_path, spec):
    old = old_layout(spec)
    stored(tmp_path, old_trial(spec, 0.9), **old)
    study = opened(tmp_path, spec)
    assert study.baseline == Baseline(result(spec), 0.75)
    assert (study.choice, study.choice.number) == (Choice(old["roles"]), 0)
    assert [opening.model_dump(mode="json") for opening in study.openings] == old["test_opened"]
    assert study.finals == {JobKey.final("baseline", 1): result(spec, 0.7), JobKey.final("chosen", 1): result(spec, 0.9)}
    assert study.mirror == Mirror("7", "abc")
    assert (study.complete, study.noted_s) == (True, 12.5)
    assert study.records() == [Record(0, "complete", "mfd", {"mfd.weight": 3.0}, result(spec, 0.9).brief, True)]
    assert study.result(0) == result(spec, 0.9)


def test_an_earlier_version_can_read_what_is_kept(tmp_path, spec):
    old = old_layout(spec)
    study = opened(tmp_path, spec)
    study.keep_baseline(Baseline(result(spec), 0.75))
    study.keep_mirror(Mirror("7", "abc"))
    study.keep_choice(Choice(old["roles"]))
    study.keep_opening(Opening.model_validate(old["test_opened"][0]))
    study.keep_final(JobKey.final("baseline", 1), result(spec, 0.7))
    study.keep_final(JobKey.final("chosen", 1), result(spec, 0.9))
    study.keep_complete()
    del old["wall_s"]
    assert stored(tmp_path).user_attrs == old


@pytest.mark.parametrize("left", [{"floor": 0.5}, {"roles": {"chosen": 0}}, {"mlflow_experiment_id": "7"}])
def test_a_process_killed_between_two_writes_leaves_nothing_half(tmp_path, spec, left):
    stored(tmp_path, **left)
    study = opened(tmp_path, spec)
    assert (study.baseline, study.choice, study.mirror) == (None, None, None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("baseline", "{}"),
        ("baseline", json.dumps("no result")),
        ("roles", "chosen"),
        ("test_opened", [{"when": "today"}]),
        ("test_opened", [{"when": "today", "roles": [], "jobs": ["final"]}]),
        ("final-chosen-1", "{}"),
        ("final-chosen", "{}"),
        ("wall_s", "long"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(tmp_path, spec, name, value):
    stored(tmp_path, **{name: value})
    refusal = rf"^the study keeps (finals\.)?{name}\S* in a form that this version of fairtune cannot read \(.+\): go on with "
    with pytest.raises(InvalidInput, match=refusal):
        opened(tmp_path, spec)


def test_a_trial_that_cannot_be_read_is_refused_by_name(tmp_path, spec):
    trial = old_trial(spec, 0.9)
    trial.user_attrs = {"result": "{}"}
    stored(tmp_path, trial, **old_layout(spec))
    with pytest.raises(InvalidInput, match=r"^the study keeps trial-0 in a form that"):
        opened(tmp_path, spec)


def test_which_limit_ended_the_trials_is_kept_until_the_search_is_opened_again(tmp_path, spec):
    opened(tmp_path, spec).keep_choice(Choice({"chosen": 0}, ended_by="patience"))
    again = opened(tmp_path, spec)
    assert again.choice is not None
    assert again.choice.ended_by == "patience"
    again.reopen()
    again.keep_choice(Choice({"chosen": 0}))
    assert opened(tmp_path, spec).choice == Choice({"chosen": 0})
