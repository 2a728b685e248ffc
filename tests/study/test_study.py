import math
import time

import optuna
import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import deo_m_shrunken
from fairtune.plugins import names
from fairtune.rules import front
from fairtune.space import Integer, Options, Space
from fairtune.spec import TrialResult
from fairtune.study.baseline import Baseline
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy, search_size
from tests.builders import group_counts
from tests.search_helpers import small_search

SAMPLERS = names("sampler")
FITTING: dict[str, dict[str, object]] = {
    "cmaes": {"select": "deo_m_alone"},
    "grid": {"set": ["weight=0.1,0.2,0.5,1,2,3,5,10,20,30"]},
}
"""What makes a search one that a sampler can do."""
THREE = "tests.rules.test_rules:ThreeRule"
QUICK = ("tpe", "nsga2", "random")


def open_study(tmp_path, *, floor=0.5, trials=20, clock=time.monotonic, **options):
    """A study of a search that trains nothing; opened again on the same folder it is a resumed one."""
    spec, _ = small_search(tmp_path / "runs", trials=trials, **options)
    study = SearchStudy(tmp_path / "study.db", spec, clock)
    study.keep_baseline(Baseline(outcome(study), floor))
    return study


def outcome(study, state="complete", accuracy=0.8, deo_m=0.2, **fields):
    val = {"accuracy": accuracy, "deo_m": deo_m, "deo_a": deo_m / 2}
    return TrialResult(spec=study.spec.baseline(), state=state, val=val, seconds=1.5, **fields)


@pytest.mark.parametrize("sampler", [name for name in SAMPLERS if name != "cmaes"])
def test_every_sampler_searches_for_three_objectives(tmp_path, sampler):
    study = open_study(tmp_path, **FITTING.get(sampler, {}) | {"sampler": sampler, "select": THREE})
    directions = [direction.name for direction in study._study.directions]
    names = ["accuracy", "deo_m", "worst_group_accuracy"]
    assert (study._study.metric_names, directions) == (names, ["MAXIMIZE", "MINIMIZE", "MAXIMIZE"])
    for step in range(9):
        told = outcome(study, accuracy=0.75 - step / 32, deo_m=0.5 - step / 32)
        study.tell(study.ask()[0], told.model_copy(update={"val": told.val | {"worst_group_accuracy": step / 32}}))
    assert [trial.values for trial in study._study.trials[::4]] == [[0.75, 0.5, 0], [0.625, 0.375, 0.125], [0.5, 0.25, 0.25]]
    assert len(study.views()) == 9


def test_a_trial_without_one_of_the_objectives_has_failed(tmp_path):
    study = open_study(tmp_path, select=THREE)
    record = study.tell(study.ask()[0], outcome(study))
    said = "the scores are not finite: accuracy 0.8, deo_m 0.2, worst_group_accuracy nan"
    assert (record.state, record.result.error) == ("failed", said)


def test_a_rule_that_has_changed_its_objectives_is_refused(tmp_path):
    open_study(tmp_path)
    with pytest.raises(InvalidInput, match=r"begun for accuracy, deo_m, and the rule .*ThreeRule now searches for .*, worst_g"):
        open_study(tmp_path, select=THREE)


def search_on(study, trials):
    """Ask and tell; accuracy falls and fairness grows with the weight."""
    drawn = []
    for _ in range(trials):
        number, _, values = study.ask()
        share = math.log(values["mfd.weight"] / 0.1) / math.log(300)
        study.tell(number, outcome(study, accuracy=0.9 - 0.5 * share, deo_m=0.9 - 0.8 * share))
        drawn.append(values["mfd.weight"])
    return drawn


def test_a_trial_is_running_until_told(tmp_path):
    study = open_study(tmp_path)
    number, method, values = study.ask()
    assert (number, method, values) == (0, "mfd", {"mfd.weight": 3.0})
    assert study.records() == [Record(0, "running", "mfd", {"mfd.weight": 3.0}, None, None)]
    result = outcome(study)
    study.tell(0, result)
    assert study.records() == [Record(0, "complete", "mfd", {"mfd.weight": 3.0}, result.brief, True)]
    assert study.result(0) == result


def test_points_waiting_are_not_trials_yet(tmp_path):
    study = open_study(tmp_path)
    assert (study.records(), study.asked) == ([], 0)
    study.ask()
    assert study.asked == 1


def test_a_net_that_gives_one_class_to_all_is_not_feasible_however_accurate(tmp_path):
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study, accuracy=0.9, deo_m=0.0, only_class=3))
    study.tell(study.ask()[0], outcome(study, accuracy=0.7))
    for known in (study, SearchStudy(tmp_path / "study.db", study.spec)):
        assert [record.feasible for record in known.records()] == [False, True]
        assert [record.collapsed for record in known.records()] == [True, False]
        assert [view.feasible for view in known.views_for(known.rule)] == [False, True]
        assert known.rule.choose(known.views()).number == 1
        assert [view.number for view in front(known.views(), ("accuracy", "deo_m"))] == [1]
    assert study._study.trials[0].system_attrs["constraints:accuracy_floor"] > 0, "nor does a sampler look for more of it"


@pytest.mark.parametrize(("accuracy", "feasible"), [(0.5, True), (0.51, True), (0.49, False), (0.5 - 1e-16, True)])
def test_the_floor_decides_what_is_feasible(tmp_path, accuracy, feasible):
    study = open_study(tmp_path, floor=0.5)
    study.tell(study.ask()[0], outcome(study, accuracy=accuracy))
    assert study.records()[0].feasible is feasible
    assert [view.feasible for view in study.views()] == [feasible]
    assert [view.feasible for view in study.views_for(study.rule)] == [feasible]
    assert (study._study.trials[0].system_attrs["constraints:accuracy_floor"] <= 0) is feasible


def test_a_stopped_trial_keeps_its_last_scores_and_is_no_choice(tmp_path):
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study, "pruned", accuracy=0.7))
    (record,) = study.records()
    assert (record.state, record.result.val["accuracy"], record.feasible) == ("pruned", 0.7, None)
    assert study.views() == []


def test_a_failed_trial_keeps_its_reason(tmp_path):
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study, "failed", error="train.loss became nan in epoch 3"))
    (record,) = study.records()
    assert (record.state, record.result.error) == ("failed", "train.loss became nan in epoch 3")
    assert study.views() == []


@pytest.mark.parametrize("scores", [{"deo_m": math.nan}, {"accuracy": math.inf}])
def test_scores_that_are_not_finite_fail_a_trial(tmp_path, scores):
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study, **scores))
    (record,) = study.records()
    assert (record.state, record.result.state) == ("failed", "failed")
    assert record.result.error.startswith("the scores are not finite: accuracy ")


def test_nothing_is_lost_when_a_study_is_opened_again(tmp_path):
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study))
    study.tell(study.ask()[0], outcome(study, "failed", error="why"))
    study.ask()
    again = open_study(tmp_path)
    assert again.records() == study.records()


def test_a_trial_of_an_earlier_session_can_be_told(tmp_path):
    number, _, values = open_study(tmp_path).ask()
    again = open_study(tmp_path)
    again.tell(number, outcome(again))
    assert again.records() == [Record(number, "complete", "mfd", values, outcome(again).brief, True)]
    assert again.ask()[0] == number + 1


def test_time_counts_over_all_sessions(tmp_path):
    now = [0.0]
    study = open_study(tmp_path, clock=lambda: now[0])
    now[0] = 40
    study.note_time()
    again = open_study(tmp_path, clock=lambda: now[0])
    now[0] = 42
    assert again.wall_s == 42
    again.note_time()
    assert open_study(tmp_path, clock=lambda: now[0]).noted_s == 42


def test_time_is_noted_as_often_as_asked_and_never_after_the_end(tmp_path):
    now = [0.0]
    study = open_study(tmp_path, clock=lambda: now[0])
    noted = []
    for now[0] in (5.0, 10.0, 14.0, 20.0, 31.0):
        study.note_time(every_s=10)
        noted.append(study.noted_s)
    assert noted == [0, 10, 10, 20, 31]
    study.keep_complete()
    now[0] = 99
    study.note_time()
    assert study.noted_s == 31


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_a_killed_session_leaves_is_whole_and_never_proposed_again(tmp_path, sampler):
    few = {"set": ["weight=1,4", "temperature=1,2,4,8"]} if sampler == "grid" else FITTING.get(sampler, {})
    options = {"sampler": sampler, "method": "ss,hkd", "trials": 8, **few}
    for told in range(4):
        study = open_study(tmp_path, **options)
        for number, _, _ in study.left_over():
            study.tell(number, outcome(study))
        asked = [study.ask() for _ in range(2)]
        assert [number for number, _, _ in asked] == [2 * told, 2 * told + 1]
        assert open_study(tmp_path, **options).left_over() == asked
    settings = [(record.method, tuple(record.params.items())) for record in study.records()]
    assert len(set(settings)) == 8
    assert all(set(record.params) == set(study.spec.spaces[record.method].search) for record in study.records())


def test_a_trial_killed_while_it_was_told_can_be_told_again(tmp_path):
    study = open_study(tmp_path)
    number, method, values = study.ask()
    cut = optuna.Trial(study._study, study._trial_ids[number])
    cut.set_user_attr("result", outcome(study).model_dump_json())
    cut.set_constraint("accuracy_floor", -0.1)
    again = open_study(tmp_path)
    assert again.records() == [Record(number, "running", method, values, None, None)]
    again.tell(number, outcome(again))
    told = [Record(number, "complete", method, values, outcome(again).brief, True)]
    assert again.records() == open_study(tmp_path).records() == told


def test_nothing_is_asked_for_when_nothing_is_left(tmp_path):
    study = open_study(tmp_path, set=["weight=1,3"])
    assert {study.ask()[2]["mfd.weight"] for _ in range(2)} == {1, 3}
    assert study.ask() is None
    assert open_study(tmp_path, set=["weight=1,3"]).ask() is None


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_goes_on_after_its_start_up(tmp_path, sampler):
    study = open_study(tmp_path, sampler=sampler, trials=6, **FITTING.get(sampler, {}))
    drawn = search_on(study, 6)
    assert drawn[0] == 3, "the published setting comes first"
    assert len(set(drawn)) == 6
    assert all(0.1 <= weight <= 30 for weight in drawn)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_takes_failed_and_stopped_trials(tmp_path, sampler):
    study = open_study(tmp_path, sampler=sampler, trials=9, **FITTING.get(sampler, {}))
    for state in ("failed", "pruned", "complete") * 3:
        study.tell(study.ask()[0], outcome(study, state))
    assert [record.state for record in study.records()] == ["failed", "pruned", "complete"] * 3


@pytest.mark.parametrize("sampler", QUICK)
def test_a_resumed_search_does_not_draw_the_same_again(tmp_path, sampler):
    drawn = [weight for _ in range(3) for weight in search_on(open_study(tmp_path, sampler=sampler), 3)]
    assert len(set(drawn)) == 9


@pytest.mark.parametrize("sampler", QUICK)
def test_the_seed_decides_what_is_drawn(tmp_path, sampler):
    def draw(name, seed):
        (tmp_path / name).mkdir()
        return search_on(open_study(tmp_path / name, sampler=sampler, trials=7, seed=seed), 7)

    first = draw("first", 0)
    assert draw("again", 0) == first
    assert draw("other", 1)[1:] != first[1:]


def test_every_method_is_tried_with_its_own_settings(tmp_path):
    study = open_study(tmp_path, method="mfd,hkd,ss")
    asked = [study.ask() for _ in range(3)]
    assert asked == [(0, "mfd", {"mfd.weight": 3.0}), (1, "hkd", {"hkd.weight": 4.0, "hkd.temperature": 3.0}), (2, "ss", {})]
    for number, _, _ in asked:
        study.tell(number, outcome(study))
    for _ in range(7):
        number, method, values = study.ask()
        assert set(values) == set(study.spec.spaces[method].search)
        study.tell(number, outcome(study))
    assert [record.params for record in study.records()[:3]] == [values for _, _, values in asked]


def test_every_kind_of_domain_is_searched_within_its_ends(tmp_path):
    space = tmp_path / "mine.yaml"
    space.write_text("search: {weight: {low: 2, high: 3, log: false}, kernel: [rbf, poly], lr: {low: 1e-4, high: 1e-3}}")
    study = open_study(tmp_path, space=str(space))
    for _ in range(6):
        number, _, values = study.ask()
        assert 2 <= values["mfd.weight"] <= 3
        assert values["mfd.kernel"] in ("rbf", "poly")
        assert 1e-4 <= values["optimizer.lr"] <= 1e-3
        study.tell(number, outcome(study))


def test_the_number_of_settings_is_known():
    finite = Space(search={"m.k": Options(values=("a", "b")), "m.n": Integer(low=1, high=3)})
    assert search_size({"m": finite, "ss": Space()}) == 7
    assert search_size({"m": finite.narrowed("m.w", Options(values=(1.0, 2.0)))}) == 12


def test_the_sampler_is_told_the_estimate_of_a_gap(tmp_path):
    study = open_study(tmp_path)
    told = outcome(study)
    study.tell(study.ask()[0], told.model_copy(update={"val": told.val | {"deo_m_shrunken": 0.05}}))
    assert study._study.trials[0].values == [0.8, 0.05]
    assert study.views()[0].val["deo_m"] == 0.2


def test_a_trial_of_an_earlier_version_is_ranked_by_its_counts(tmp_path, monkeypatch):
    counts = group_counts([[[9, 1], [2, 18]], [[6, 4], [1, 19]]])
    study = open_study(tmp_path)
    monkeypatch.setattr(study._estimates, "added_to", lambda result: result)
    study.tell(study.ask()[0], outcome(study, val_counts=counts))
    study.tell(study.ask()[0], outcome(study))
    known, unknown = open_study(tmp_path).views()
    assert known.val["deo_m_shrunken"] == deo_m_shrunken(counts)
    assert "deo_m_shrunken" not in unknown.val, "nothing is left of its counts"


@pytest.mark.parametrize("taken_from", ["earlier/trial-0", None])
def test_a_trial_that_an_earlier_version_trained_is_ranked_by_its_counts(tmp_path, taken_from):
    """It was taken over, or had ended as the search was killed."""
    counts = group_counts([[[9, 1], [2, 18]], [[6, 4], [1, 19]]])
    study = open_study(tmp_path)
    study.tell(study.ask()[0], outcome(study, val_counts=counts, taken_from=taken_from))
    assert study._study.trials[0].values == [0.8, deo_m_shrunken(counts)]
