import json
import math

import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import ESTIMATES, SCORES
from fairtune.report import write_report
from fairtune.rules import corner, covered, front
from fairtune.study.folders import in_folder
from fairtune.study.jobs import final_seeds
from fairtune.study.key import JobKey
from fairtune.study.summary import SCHEMA, Summary, summarise
from tests.search_helpers import Session, run_small, small_search

pytestmark = pytest.mark.usefixtures("trained_once")

PLANE = ("accuracy", "deo_m")
KEYS = [
    "schema",
    "complete",
    "name",
    "spec",
    "place",
    "classes",
    "groups",
    "baseline",
    "floor",
    "trials",
    "front",
    "chosen",
    "confirmed",
]
KEYS += ["hypervolume", "hypervolume_from", "cost", "test_opened", "against_baseline", "gained", "outcome"]
KEYS += ["small_cells", "small_test_cells", "untrained", "ended_by", "handed", "chances", "band"]
TRIAL = ["number", "id", "state", "method", "params", "epochs", "seconds", "val", "feasible", "collapsed", "error", "stopped"]
TRIAL += ["taken_from", "search_s", "search_epochs", "seeds", "failed_seeds", "folds", "floor", "intervals"]
TRIAL += ["repeat_s", "repeat_epochs"]
COST = ["wall_s", "trial_s", "epochs", "baseline_s", "baseline_epochs"]
COST += ["teacher_s", "teacher_epochs", "confirmations", "confirmation_s", "confirmation_epochs"]
COST += ["repeats", "repeat_s", "repeat_epochs", "gpu_s"]
INTERVAL = ["mean", "std", "low", "high", "values", "estimate"]


def summary_of(session):
    return summarise(session.spec, session.place, session.study)


def written(session):
    write_report(session.spec, session.place, session.study)
    return json.loads(session.folder.summary.read_text())


def test_the_file_has_the_documented_keys_and_no_others(any_search):
    summary = written(any_search)
    assert list(summary) == KEYS
    assert summary["schema"] == SCHEMA == "fairtune-summary/2"
    assert sorted(summary["baseline"]) == ["floor", "id", "seconds", "val"]
    assert all(list(trial) == TRIAL for trial in summary["trials"])
    assert list(summary["cost"]) == COST
    assert set(summary["confirmed"]) <= {"baseline", "chosen", "most_accurate", "fairest"}
    for confirmed in summary["confirmed"].values():
        assert sorted(confirmed) == ["collapsed", "failed_seeds", "number", "seeds", "test"]
        of_two_classes = {name for name, score in SCORES.items() if score.two_classes}
        assert [*confirmed["test"]] == [name for name in SCORES if name not in ESTIMATES | of_two_classes]
        assert all(list(interval) == INTERVAL for interval in confirmed["test"].values())


def test_the_front_of_mutual_information(tmp_path):
    session = run_small(tmp_path, select="mutual_information", trials=2, final_seeds=2)
    summary = summary_of(session)
    views = session.study.views()
    assert all(0 <= view.val["mutual_information"] <= math.log(2) for view in views)
    assert summary.front == [view.number for view in front(views, ("accuracy", "mutual_information"))]
    information = summary.confirmed["baseline"].test["mutual_information"]
    assert information.low < information.mean < information.high
    finals = [result.test["mutual_information"] for key, result in session.study.finals.items() if key.role == "baseline"]
    assert sorted(information.values) == sorted(finals)


def test_it_can_be_read_back(any_search):
    summary = summary_of(any_search)
    write_report(any_search.spec, any_search.place, any_search.study)
    again = Summary.model_validate_json(any_search.folder.summary.read_text())
    assert (again.place.runs, again.place.name) == ("..", summary.place.name)
    here = again.model_copy(update={"place": in_folder(again.place, any_search.folder.path)})
    assert here.model_dump_json() == summary.model_dump_json()


def test_it_says_what_was_chosen_and_confirmed(mixed):
    summary = written(mixed)
    number = mixed.study.choice.number
    assert summary["complete"] is True
    assert summary["chosen"] == {
        "number": number,
        "method": "mfd",
        "params": mixed.trials[number].params,
        "val": mixed.trials[number].result.val,
        "weights": "chosen/weights.safetensors",
    }
    assert (summary["classes"], summary["groups"]) == (list("0123456789"), ["red", "green"])
    assert set(summary["confirmed"]) == {"baseline", "chosen", "most_accurate", "fairest"}
    assert summary["confirmed"]["chosen"]["number"] == number
    assert summary["test_opened"] == [opening.model_dump(mode="json") for opening in mixed.study.openings]


def test_every_trial_is_there_whatever_its_state(mixed):
    trials = summary_of(mixed).trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert [trial.state for trial in trials] == ["complete", "failed", "failed", "complete"]
    assert [trial.feasible for trial in trials] == [True, None, None, True]
    assert [bool(trial.error) for trial in trials] == [False, True, True, False]


def test_scores_of_the_whole_are_those_of_the_complete_trials(mixed):
    summary, views = summary_of(mixed), mixed.study.views()
    assert summary.front == [view.number for view in front(views, PLANE)]
    assert summary.hypervolume_from == corner(mixed.study.baseline.result.val, mixed.study.baseline.floor, PLANE)
    assert summary.hypervolume == covered(views, PLANE, summary.hypervolume_from)
    assert summary.cost.epochs == sum(record.result.epochs for record in mixed.trials)


def test_the_front_is_of_the_score_that_the_rule_names(by_iou):
    summary, views = summary_of(by_iou), by_iou.study.views()
    assert (summary.objectives, summary.shown) == (("accuracy", "sigma_iou"), ("accuracy", "sigma_iou", "deo_m", "deo_a"))
    assert summary.front == [view.number for view in front(views, summary.objectives)]
    assert summary.chosen.number == summary.front[0] == min(views, key=lambda view: view.val["sigma_iou"]).number
    assert summary.confirmed["fairest"].number == summary.chosen.number
    assert summary.hypervolume == covered(views, summary.objectives, summary.hypervolume_from)
    kept = {view.number for view in views if by_iou.folder.trial(view.number).weights.is_file()}
    assert kept == set(summary.front)
    final = by_iou.study.finals[JobKey.final("chosen", final_seeds(by_iou.spec)[0])]
    assert summary.confirmed["chosen"].test["sigma_iou"].mean == pytest.approx(final.test["sigma_iou"])


def test_a_failed_seed_is_named_and_left_out(mixed):
    confirmed = summary_of(mixed).confirmed
    assert (confirmed["baseline"].seeds, confirmed["baseline"].failed_seeds) == ([1, 3], [2])
    assert (confirmed["chosen"].seeds, confirmed["chosen"].failed_seeds) == (final_seeds(mixed.spec), [])
    accuracy = [mixed.study.finals[JobKey.final("baseline", seed)].test["accuracy"] for seed in (1, 3)]
    assert confirmed["baseline"].test["accuracy"].values == pytest.approx(accuracy)


def test_intervals_hold_their_mean(mixed):
    for confirmed in summary_of(mixed).confirmed.values():
        assert all(interval.low <= interval.mean <= interval.high for interval in confirmed.test.values())


def test_roles_that_fell_on_one_trial_are_one_setting(mixed):
    summary = summary_of(mixed)
    settings = summary.confirmed_settings()
    assert sorted(role for roles, _ in settings for role in roles) == sorted(summary.confirmed)
    assert len({confirmed.number for _, confirmed in settings}) == len(settings)


def test_without_a_feasible_trial_nothing_is_chosen(infeasible):
    summary = summary_of(infeasible)
    assert (summary.complete, summary.chosen) == (True, None)
    assert (summary.front, summary.hypervolume) == ([], 0)
    assert (summary.confirmed, summary.test_opened) == ({}, ()), "what cannot be chosen is not confirmed"
    assert (summary.confirmed, summary.test_opened, infeasible.study.finals, summary.gained) == ({}, (), {}, None)
    best = max(trial.score("accuracy") for trial in summary.trials)
    assert f"(1): trial {max(summary.trials, key=lambda trial: trial.score('accuracy')).number} misses it by {1 - best:.4f}" in (
        summary.outcome
    )


def test_an_unfinished_search_stands_where_it_is(unfinished):
    summary = summary_of(unfinished)
    assert (summary.complete, summary.chosen, summary.confirmed, summary.test_opened) == (False, None, {}, ())
    assert [trial.state for trial in summary.trials] == ["complete", "running"]
    assert (summary.trials[1].id, summary.trials[1].val) == (None, None)


def test_a_search_without_its_baseline_has_no_outcome(tmp_path):
    session = Session(*small_search(tmp_path))
    with pytest.raises(InvalidInput, match="the search run has no baseline yet: go on with fairtune resume"):
        summary_of(session)


def test_the_plain_model_as_a_method_shares_the_baselines_confirmation(tmp_path):
    session = Session(*small_search(tmp_path, method="scratch")).run()
    summary = summary_of(session)
    assert summary.confirmed["chosen"].test == summary.confirmed["baseline"].test
    assert summary.confirmed["chosen"].number == 0


def test_a_score_that_is_not_defined_is_null(tmp_path):
    session = Session(*small_search(tmp_path, trials=1)).run(1)
    job = session.next_job()
    baseline = session.study.baseline.result
    session.plan.finish(job, baseline.model_copy(update={"spec": job.spec, "val": {**baseline.val, "deo_m": math.nan}}))
    (trial,) = written(session)["trials"]
    assert (trial["state"], trial["val"]["deo_m"], trial["feasible"]) == ("failed", None, None)
    assert trial["error"].startswith("the scores are not finite")
    assert math.isnan(Summary.model_validate_json(session.folder.summary.read_text()).trials[0].val["deo_m"])
