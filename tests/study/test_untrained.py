"""What costs no training beside what the search found."""

from itertools import chain

import pytest

from fairtune.metrics import SCORES
from fairtune.spec import Moved
from fairtune.study.summary import summarise
from fairtune.study.untrained import beaten, untrained
from fairtune.thresholds import WAYS, WEIGHTS
from tests.builders import counts_of_recalls
from tests.search_helpers import run_small

OBJECTIVES = ("accuracy", "deo_m")


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("run"), trials=2, final_seeds=2, post_process="baseline")


@pytest.fixture
def retrained(session):
    """Of the baseline and of the choice, by seed."""
    return {
        role: {key.seed: result for key, result in session.study.finals.items() if key.role == role}
        for role in ("baseline", "chosen")
    }


def moved(accuracy, gap, *, weight=0.1, val=None):
    """A point of every way whose classes have the same recalls: two groups ``gap`` apart."""
    correct = [[(accuracy - gap / 2) * 1000] * 10, [(accuracy + gap / 2) * 1000] * 10]
    counts = counts_of_recalls([[round(one) for one in row] for row in correct], [[1000] * 10] * 2)
    test = {name: SCORES[name].of(counts) for name in ("accuracy", "deo_m", "deo_a")}
    return [Moved(way=way, weight=weight, val=val or test, test=test, test_counts=counts) for way in WAYS]


def with_moved(results, *points):
    return {seed: result.model_copy(update={"moved": tuple(chain(*points))}) for seed, result in results.items()}


def test_the_summary_has_every_way_on_every_seed_of_the_baseline(session):
    summary = summarise(session.spec, session.place, session.study)
    assert [(one.role, one.way) for one in summary.untrained] == [("baseline", way) for way in WAYS]
    for one in summary.untrained:
        assert one.seeds == summary.confirmed["baseline"].seeds
        assert [point.weight for point in one.front] == list(WEIGHTS)
        assert one.weight in WEIGHTS
        assert len(one.test["deo_m"].values) == 2
        assert set(one.chosen_less_this) == set(OBJECTIVES)
        assert (one.needs_group, one.draws) == (WAYS[one.way].needs_group, WAYS[one.way].draws)


def test_a_search_that_asks_for_none_has_none(tmp_path):
    session = run_small(tmp_path, trials=1, post_process="none")
    assert summarise(session.spec, session.place, session.study).untrained == []


@pytest.mark.parametrize("floor", [0.8, 0.85 + 1e-12])
def test_the_rule_picks_the_fairest_point_that_reaches_the_floor(session, retrained, floor):
    points = [moved(0.9, 0.1, weight=0.1), moved(0.85, 0.02, weight=0.5), moved(0.7, 0.0, weight=1.0)]
    baseline = with_moved(retrained["baseline"], *points)
    found = untrained(session.spec, floor, {"baseline": baseline}, retrained["chosen"])
    assert [one.weight for one in found] == [0.5] * len(WAYS)
    assert [point.feasible for point in found[0].front] == [True, True, False]
    assert found[0].test["deo_m"].mean == pytest.approx(0.02)


def test_where_no_point_reaches_the_floor_none_is_picked(session, retrained):
    baseline = with_moved(retrained["baseline"], moved(0.7, 0.0))
    (one, *_) = untrained(session.spec, 0.8, {"baseline": baseline}, retrained["chosen"])
    assert (one.weight, one.test, one.chosen_less_this) == (None, {}, {})
    assert beaten([one], OBJECTIVES) == []


@pytest.mark.parametrize(("accuracy", "gap", "loses"), [(0.999, 0.0, True), (0.999, 1.0, False), (0.2, 0.0, False)])
def test_a_choice_that_is_no_better_in_anything_is_shown_losing(session, retrained, accuracy, gap, loses):
    baseline = with_moved(retrained["baseline"], moved(min(accuracy, 1 - gap / 2), gap))
    found = untrained(session.spec, 0.0, {"baseline": baseline}, retrained["chosen"])
    said = beaten(found, OBJECTIVES)
    assert len(said) == (len(WAYS) if loses else 0)
    if loses:
        assert said[0].startswith(
            "the choice does not beat what costs no training: baseline + shared_thresholds (the group is inferred)"
        )
        assert "(the group must be known at prediction)" in said[1]


def test_why_thresholds_could_not_be_moved_is_said(session, retrained):
    baseline = {
        seed: result.model_copy(update={"moved": (), "immovable": "no samples"}) for seed, result in retrained["baseline"].items()
    }
    found = untrained(session.spec, 0.0, {"baseline": baseline}, retrained["chosen"])
    assert [(one.error, one.weight) for one in found] == [("no samples", None)] * len(WAYS)


def test_a_rule_that_goes_by_what_moved_nets_lack_picks_by_deo_m(session, retrained):
    spec = session.spec.model_copy(update={"select": "mutual_information"})
    baseline = with_moved(retrained["baseline"], moved(0.9, 0.1, weight=0.1), moved(0.85, 0.02, weight=0.5))
    (one, *_) = untrained(spec, 0.8, {"baseline": baseline}, retrained["chosen"])
    assert one.weight == 0.5
    assert "mutual_information" not in one.test


def test_the_rule_picks_with_the_options_of_the_search(session, retrained):
    leaning = session.spec.model_copy(update={"select": "tests.rules.leaning:Leaning", "rule_options": {"to_accuracy": 10.0}})
    baseline = with_moved(retrained["baseline"], moved(0.9, 0.1, weight=0.1), moved(0.85, 0.02, weight=0.5))
    (one, *_) = untrained(leaning, 0.8, {"baseline": baseline}, retrained["chosen"])
    assert one.weight == 0.1
