"""The rule that goes by confidence bounds, from a trial's counts to what the sampler is told and what is chosen."""

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, deo_m_upper, ranked
from fairtune.rules import front
from fairtune.rules.deo_m_safe import SafestDEOM
from fairtune.search.repeats import Repeats
from fairtune.spec import TrialResult
from fairtune.study.applied import chosen_by
from fairtune.study.baseline import Baseline
from fairtune.study.benchmark import _Of, _rules
from fairtune.study.comparison import Search, side_by_side
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from fairtune.testing.rules import view
from tests.builders import counts_of_recalls
from tests.search_helpers import small_search

FEW = counts_of_recalls([[9, 18], [9, 18]], [[10, 20], [10, 20]])
"""No gap at all, of 60 samples."""
MANY = counts_of_recalls([[900, 1800], [880, 1760]], [[1000, 2000], [1000, 2000]])
"""A gap of 0.02, of 6,000 samples."""


def bounds(counts, **options):
    measured = {"accuracy": SCORES["accuracy"].of(counts), "deo_m": SCORES["deo_m"].of(counts)}
    return measured | SafestDEOM(**options).bound(counts, measured)


def test_the_bounds_close_in_as_samples_grow():
    few, many = bounds(FEW), bounds(MANY)
    assert few["deo_m"] < many["deo_m"] < many["deo_m_upper"] < few["deo_m_upper"]
    assert few["accuracy_lower"] < many["accuracy_lower"] < many["accuracy"] < few["accuracy"]


def test_the_options_say_how_sure():
    bold, careful = bounds(FEW, confidence=0.6, floor_probability=0.6), bounds(FEW, confidence=0.99, floor_probability=0.99)
    assert bold["deo_m_upper"] < careful["deo_m_upper"] <= 1
    assert bold["accuracy_lower"] > careful["accuracy_lower"] >= 0


def test_accuracy_is_weighed_as_it_was_measured():
    skewed = counts_of_recalls([[90, 5], [5, 5]], [[100, 10], [10, 10]])
    by_cell = SCORES["accuracy"].of(skewed, "cells")
    found = SafestDEOM().bound(skewed, {"accuracy": by_cell})["accuracy_lower"]
    assert found < by_cell < SCORES["accuracy"].of(skewed) - 0.2


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_the_upper_bound_holds_as_often_as_it_says(gap):
    rng, total = np.random.default_rng(0), np.full((2, 5), 60)
    truth = np.full((2, 5), 0.8)
    truth[1] -= gap
    held = [deo_m_upper(counts_of_recalls(rng.binomial(total, truth), total), 0.9) >= gap for _ in range(400)]
    assert np.mean(held) >= 0.9 - 2 * 0.015


def test_it_takes_what_is_surely_fairer_and_surely_accurate():
    lucky = view(0, **of(FEW), **only_bounds(FEW))
    sure = view(1, **of(MANY), **only_bounds(MANY))
    assert SafestDEOM().choose([lucky, sure]).number == 1
    assert [one.number for one in front([lucky, sure], SafestDEOM.objectives)] == [1]
    assert SafestDEOM().choose([lucky, sure._replace(feasible=False)]).number == 0


def of(counts):
    return {"accuracy": SCORES["accuracy"].of(counts), "gap": SCORES["deo_m"].of(counts)}


def only_bounds(counts):
    return {name: value for name, value in bounds(counts).items() if name in SafestDEOM.bounds}


def searched(tmp_path, floor=0.87, **options):
    spec, _ = small_search(tmp_path / "runs", **options)
    study = SearchStudy(tmp_path / "study.db", spec)
    study.keep_baseline(Baseline(result_of(study, MANY), floor))
    for counts in (FEW, MANY):
        study.tell(study.ask()[0], result_of(study, counts))
    return study


def result_of(study, counts):
    val = {"accuracy": SCORES["accuracy"].of(counts), "deo_m": SCORES["deo_m"].of(counts)}
    return TrialResult(spec=study.spec.baseline(), state="complete", val=val, val_counts=counts)


def test_the_search_optimises_and_constrains_what_is_chosen(tmp_path):
    study = searched(tmp_path, select="deo_m_safe", set=["rule.confidence=0.8"])
    few, many = (bounds(counts, confidence=0.8) for counts in (FEW, MANY))
    assert study.spec.rule_options == {"confidence": 0.8, "floor_probability": 0.9}
    told = [trial.values for trial in study._study.trials]
    assert told == [[one["accuracy_lower"], one["deo_m_upper"]] for one in (few, many)]
    missed = [trial.system_attrs["constraints:accuracy_floor"] for trial in study._study.trials]
    assert missed == pytest.approx([0.87 - few["accuracy_lower"], 0.87 - many["accuracy_lower"]])
    assert [record.feasible for record in study.records()] == [False, True]
    assert few["accuracy"] > 0.87, "measured accuracy alone would have reached the floor"
    again = SearchStudy(tmp_path / "study.db", study.spec)
    again.keep_baseline(study.baseline)
    assert again.views() == study.views()
    assert study.rule.choose(study.views()).number == 1


def test_it_is_applied_to_a_search_by_another_rule_and_another_to_its_own(tmp_path):
    plain, safe = searched(tmp_path / "a"), searched(tmp_path / "b", select="deo_m_safe")
    assert [view.feasible for view in plain.views()] == [True, True]
    seen = plain.views_for(SafestDEOM())
    assert [(one.val["deo_m_upper"], one.feasible) for one in seen] == [
        (one.val["deo_m_upper"], one.feasible) for one in safe.views()
    ]
    assert [one.feasible for one in safe.views_for(plain.rule)] == [True, True]
    back = safe.views_for(plain.rule)[0]
    assert ranked(back.val)["accuracy"] == back.val["accuracy"]


def damage(study, number):
    """Turn a byte of what is kept of a trial's counts."""
    row = study._study.trials[number].user_attrs["result"]["part"]
    kept = bytearray(study._details.path.read_bytes())
    kept[row["at"] + row["bytes"] // 2] ^= 0xFF
    study._details.path.write_bytes(kept)


def test_a_trial_whose_counts_are_damaged_is_left_out_and_named(tmp_path, caplog):
    """By its measured scores it would be ahead of every trial that is judged by bounds."""
    study = searched(tmp_path)
    damage(study, 0)
    assert [one.number for one in study.views()] == [0, 1]
    assert [one.number for one in study.views_for(SafestDEOM())] == [1]
    assert "trial 0 is left out of the choice: its counts, which accuracy_lower and deo_m_upper take, are damaged in" in caplog.text


def test_a_trial_is_left_out_where_the_counts_of_one_of_its_seeds_are_damaged(tmp_path):
    study = searched(tmp_path, seeds_per_trial=2)
    for number in (0, 1):
        key = JobKey.repeat(number, 1)
        study.begin_repeat(key)
        study.keep_repeat(key, result_of(study, MANY))
    damage(study, 0)
    (seen,) = study.views_for(SafestDEOM())
    assert (seen.number, seen.val["deo_m_upper"]) == (1, pytest.approx(bounds(MANY)["deo_m_upper"]))


def test_where_no_counts_are_left_the_rule_is_refused(tmp_path):
    study = searched(tmp_path)
    study._details.path.unlink()
    summary = summarise(study.spec, small_search(tmp_path / "runs")[1], study)
    assert chosen_by("deo_m", study, summary).number == 0
    with pytest.raises(
        InvalidInput, match="judges by accuracy_lower, deo_m_upper, and the counts that these take are damaged of ev"
    ):
        chosen_by("deo_m_safe", study, summary)


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("rule.confidence=2", "--set rule.confidence=2"),
        ("rule.sure=0.9", "unknown setting 'rule.sure'"),
        ("rule.confidence=0.8..0.9", "it cannot be searched"),
    ],
)
def test_options_that_it_has_not_are_refused(tmp_path, setting, said):
    with pytest.raises(InvalidInput) as refused:
        small_search(tmp_path, select="deo_m_safe", set=[setting])
    assert said in str(refused.value)
    with pytest.raises(InvalidInput, match="unknown setting"):
        small_search(tmp_path, select="deo_m", set=["rule.confidence=0.9"])


@pytest.mark.parametrize("select", ["deo_m", "deo_m_safe"])
def test_methods_compared_have_each_rule_choose_by_its_own_bounds(tmp_path, select):
    study = searched(tmp_path / "a", select=select)
    search = Search(study.spec, small_search(tmp_path / "a" / "runs")[1], study)
    part = _Of("digits", 0, [search], side_by_side([search]), {})
    chosen = {one.rule: one.trial for one in _rules(part, ("deo_m",))}
    summary = summarise(*search[:3])
    assert chosen["deo_m_safe"] == 1
    assert chosen["deo_m"] == chosen_by("deo_m", study, summary).number == 0


@pytest.mark.parametrize(("to_accuracy", "first"), [(0.0, 0), (-10.0, 1)])
def test_a_race_is_led_by_the_rule_with_the_options_of_the_search(tmp_path, to_accuracy, first):
    given = {"select": "tests.rules.leaning:Leaning", "set": [f"rule.to_accuracy={to_accuracy}"]}
    study = searched(tmp_path, floor=0.0, seeds_per_trial="auto", **given)
    assert Repeats(study.spec, study).next(trials_over=True, new=True) == JobKey.repeat(first, 1)
