import math
import re

import pytest

from fairtune.api.run import open_run
from fairtune.errors import InvalidInput
from fairtune.metrics import Difference
from fairtune.options import Floor
from fairtune.report.confirmed import lacking
from fairtune.space import Options
from fairtune.study.comparison import Search, side_by_side
from fairtune.study.summary import summarise
from fairtune.study.verdict import advice, gained, half_confirmed, improves, outcome
from tests.search_helpers import Session, crash, run_small, small_search


@pytest.fixture(scope="module")
def summary(mixed):
    return summarise(mixed.spec, mixed.place, mixed.study)


def against(summary, low, high, paired="samples", seeds=3):
    p_value = 0.01 if low * high > 0 else 0.4
    found = Difference(mean=(low + high) / 2, low=low, high=high, p_value=p_value, seeds=seeds, paired=paired)
    changed = summary.model_copy(update={"against_baseline": {"deo_m": found}})
    return changed.model_copy(update={"gained": gained(changed)})


def floored(summary, offset):
    """The same with a floor relative to the baseline."""
    spec = summary.spec.model_copy(update={"accuracy_floor": Floor(kind="offset", value=offset)})
    floor = summary.baseline.val["accuracy"] + offset
    baseline = summary.baseline.model_copy(update={"floor": floor})
    return summary.model_copy(update={"spec": spec, "floor": floor, "baseline": baseline})


def test_what_is_fairer_with_confidence_is_said_to_be(summary):
    better = against(summary, -0.3, -0.1)
    assert better.gained
    assert outcome(better).startswith(f"trial {summary.chosen.number} is fairer than the baseline: ")
    assert outcome(better).endswith("on test they differ by -0.2000 (95 % interval -0.300 to -0.100, p = 0.01)")


def test_it_is_said_where_the_run_does_not_know_its_answers(summary):
    assert outcome(against(summary, -0.3, -0.1, "seeds")).endswith("p = 0.01, of paired seeds alone)")


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.1), (0.1, 0.3)])
def test_what_is_not_is_said_first(summary, low, high):
    none = against(summary, low, high)
    assert none.gained is False
    assert outcome(none).startswith("nothing found that is fairer than the baseline at this floor: ")


def test_one_seed_proves_nothing_of_another(summary):
    one = against(summary, -0.3, -0.1, seeds=1)
    assert one.gained is None
    assert outcome(one).startswith(f"one seed does not tell whether trial {summary.chosen.number} is fairer than the baseline, two")
    assert outcome(one).endswith("(95 % interval -0.300 to -0.100, p = 0.01, of these two nets)")


def test_seeds_that_differ_by_the_same_are_no_interval(summary):
    found = Difference(mean=-0.2, low=math.nan, high=math.nan, p_value=math.nan, seeds=3)
    changed = summary.model_copy(update={"against_baseline": {"deo_m": found}})
    equal = changed.model_copy(update={"gained": gained(changed)})
    assert equal.gained is None
    assert outcome(equal).endswith("on test they differ by -0.2000, the same on all 3 seeds, which is no interval")


def test_the_rule_says_what_has_to_be_better():
    assert [improves(rule) for rule in ("deo_m", "accuracy", "worst_group")] == ["deo_m", "accuracy", "worst_group_accuracy"]


def test_the_search_compares_what_it_confirmed(summary):
    found = summary.against_baseline["deo_m"]
    assert set(summary.against_baseline) == {"accuracy", "deo_m"}
    assert found.low <= found.estimate <= found.high
    assert found.paired == "samples"
    assert summary.outcome == outcome(summary)


def test_only_what_can_help_is_advised(summary):
    assert advice(summary).endswith("or give it more --trials or --epochs")
    two = summary.spec.spaces["mfd"].model_copy(update={"search": {"mfd.sampling": Options(values=("a", "b"))}})
    spec = summary.spec.model_copy(update={"spaces": {"mfd": two}})
    assert advice(summary.model_copy(update={"spec": spec})).endswith("or give it more --epochs")


def test_a_search_of_which_no_trial_was_run_says_so(infeasible):
    below = summarise(infeasible.spec, infeasible.place, infeasible.study)
    none = below.model_copy(update={"trials": [], "ended_by": "time_budget_s"})
    assert outcome(none) == "nothing is chosen, and the test split stays sealed: no trial was run"
    assert advice(none) == f"fairtune resume {infeasible.folder.path} with more --time-budget goes on"


@pytest.mark.usefixtures("trained_once")
def test_a_search_of_which_all_trials_failed_says_so(tmp_path):
    session = Session(*small_search(tmp_path, trials=2))
    for number in range(2):
        crash(session.folder.trial(number))
    session.run()
    summary = summarise(session.spec, session.place, session.study)
    said = "of 2 trials none was run to its end (2 failed)"
    assert summary.outcome == f"the search has not ended, and {said}: this is how it stands"
    assert advice(summary).startswith(f"{session.folder.table} has the error of each")
    with pytest.raises(InvalidInput, match=re.escape(f"has no chosen model: {said}; {session.folder.table} has the error")):
        open_run(session.folder.path).export()
    ended = summary.model_copy(update={"complete": True})
    assert outcome(ended) == f"nothing is chosen, and the test split stays sealed: {said}"
    beside = [Search(session.spec, session.place, session.study, ended)]
    assert [lacking(one) for one in side_by_side(beside).compared] == [said]


def test_what_gives_one_class_to_all_is_not_chosen_and_that_is_said(tmp_path):
    session = run_small(tmp_path, method="tests.search.troubled:OneClass", accuracy_floor="0", trials=1, final_seeds=2)
    found = summarise(session.spec, session.place, session.study)
    assert (found.chosen, found.front, found.confirmed) == (None, [], {})
    said = "no trial reached the floor but 1 trial whose net gives all validation samples one class"
    assert found.outcome == f"nothing is chosen, and the test split stays sealed: {said}"
    assert advice(found).startswith("its nets have learnt nothing: give it more --epochs")


@pytest.fixture
def unseen_on_validation(monkeypatch):
    """A net that gives one class to all is not known as such before it is retrained, as in runs of earlier versions."""
    monkeypatch.setattr("fairtune.training.trial.only_class", lambda counts: None)


@pytest.mark.usefixtures("unseen_on_validation")
def test_a_choice_that_gives_every_sample_one_class_is_not_fairer(tmp_path):
    session = run_small(tmp_path, method="tests.search.troubled:OneClass", accuracy_floor="0", trials=1, final_seeds=2)
    found = summarise(session.spec, session.place, session.study)
    assert found.against_baseline["deo_m"].high < 0
    assert found.gained is False
    assert found.confirmed["chosen"].collapsed == dict.fromkeys(found.confirmed["chosen"].seeds, 0)
    assert found.confirmed["baseline"].collapsed == {}
    begins = (
        "nothing found that is fairer than the baseline: trial 0 calls every test sample class 0 in 2 of 2 retrainings; trial 0"
    )
    assert found.outcome.startswith(begins)
    assert not [said for said in found.remarks if "calls every" in said]


@pytest.mark.usefixtures("unseen_on_validation")
def test_one_seed_is_enough_to_know_that_a_choice_gives_one_class(tmp_path):
    session = run_small(tmp_path, method="tests.search.troubled:OneClass", accuracy_floor="0", trials=1, final_seeds=1)
    found = summarise(session.spec, session.place, session.study)
    assert found.gained is False
    assert "trial 0 calls every test sample class 0 in 1 of 1 retraining; " in found.outcome


@pytest.mark.parametrize("select", ["deo_m_alone", "accuracy"])
def test_accuracy_counts_whatever_the_rule_is(summary, select):
    """Where the rule is of accuracy itself it is told once."""
    lost = Difference(mean=-0.2, low=-0.3, high=-0.1, p_value=0.01, seeds=3, paired="samples")
    fairer = lost if select == "accuracy" else lost.model_copy(update={"mean": -0.4})
    spec = summary.spec.model_copy(update={"select": select})
    changed = floored(summary.model_copy(update={"spec": spec, "against_baseline": {"deo_m": fairer, "accuracy": lost}}), 0.0)
    changed = changed.model_copy(update={"gained": gained(changed)})
    assert changed.gained is False
    assert outcome(changed).count("-0.2000") == 1
    assert outcome(changed).endswith("more than the floor allows")


def test_an_absolute_floor_is_the_same_on_the_test_split(summary):
    """Whatever the baseline has there: what is allowed to be lost is what the baseline has above it."""
    told = summary.confirmed["baseline"].score("accuracy").mean
    spec = summary.spec.model_copy(update={"accuracy_floor": Floor(kind="number", value=told - 0.05)})
    lost = Difference(mean=-0.1, low=-0.11, high=-0.09, p_value=0.01, seeds=3, paired="samples")
    changed = against(summary, -0.3, -0.1)
    of_both = {**changed.against_baseline, "accuracy": lost}
    assert gained(changed.model_copy(update={"spec": spec, "floor": told - 0.05, "against_baseline": of_both})) is False
    within = {**of_both, "accuracy": lost.model_copy(update={"high": -0.04})}
    assert gained(changed.model_copy(update={"spec": spec, "floor": told - 0.05, "against_baseline": within})) is True


def test_other_settings_that_give_one_class_are_remarked_on(summary):
    confirmed = {**summary.confirmed, "baseline": summary.confirmed["baseline"].model_copy(update={"collapsed": {1: 3}})}
    seeds = len(confirmed["baseline"].seeds)
    said = f"the baseline calls every test sample class 3 in 1 of {seeds} retrainings: such a net treats all groups alike"
    assert f"{said}, and is of no use" in summary.model_copy(update={"confirmed": confirmed}).remarks


@pytest.mark.parametrize(("low", "high", "costs"), [(-0.3, -0.1, True), (-0.3, 0.1, False), (-0.02, -0.0001, False)])
def test_what_surely_loses_more_accuracy_than_the_floor_allows_is_not_fairer_at_it(summary, low, high, costs):
    fairer = against(summary, -0.3, -0.1)
    accuracy = Difference(mean=(low + high) / 2, low=low, high=high, p_value=0.01, seeds=3, paired="samples")
    changed = fairer.model_copy(update={"against_baseline": {**fairer.against_baseline, "accuracy": accuracy}})
    changed = floored(changed, -0.05)
    changed = changed.model_copy(update={"gained": gained(changed)})
    assert changed.gained is not costs
    ends = "and in accuracy by -0.2000 (95 % interval -0.300 to -0.100), more than the floor allows"
    assert outcome(changed).endswith(ends) is costs


def test_a_confirmed_choice_whose_baseline_is_not_is_said_to_be_that(summary):
    found = outcome(summary.model_copy(update={"against_baseline": {}}))
    assert found.startswith(f"trial {summary.chosen.number} is chosen and confirmed, but the baseline is not: ")
    neither = summary.model_copy(update={"against_baseline": {}, "confirmed": {}})
    assert outcome(neither).startswith(f"trial {summary.chosen.number} is chosen and not confirmed: ")


@pytest.mark.usefixtures("trained_once")
def test_retrainings_for_which_a_budget_had_no_room_are_named(tmp_path):
    whole = Session(*small_search(tmp_path / "whole", trials=1, final_seeds=3)).run()
    taken = summarise(whole.spec, whole.place, whole.study)
    assert half_confirmed(taken) == []
    spent = taken.cost.epochs + taken.cost.baseline_epochs + taken.cost.confirmation_epochs
    short = Session(*small_search(tmp_path / "short", trials=1, final_seeds=3, epoch_budget=spent - 1)).run()
    summary = summarise(short.spec, short.place, short.study)
    assert summary.complete
    assert len(summary.confirmed["baseline"].seeds) == 3
    assert summary.remarks[0] == (
        "--epoch-budget had no room for all retrainings: trial 0 2 of 3; fairtune resume with more of it goes on"
    )
    assert half_confirmed(summary.model_copy(update={"complete": False})) == []
