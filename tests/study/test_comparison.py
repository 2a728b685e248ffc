"""Small searches set side by side."""

import math

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import rank
from fairtune.report.comparison import draw_growth, told
from fairtune.report.confirmed import lacking
from fairtune.rules import covered
from fairtune.study.comparison import Search, _pairs, above, compare_searches
from fairtune.study.retrained import complete, retrainings_of
from fairtune.study.summary import summarise
from tests.search_helpers import Session, run_small, small_search, trained_once


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    runs = tmp_path_factory.mktemp("compared")
    with trained_once():
        sessions = [run_small(runs, name=method, method=method, trials=2, final_seeds=2) for method in ("mfd", "hkd", "fitnet")]
    return [Search(session.spec, session.place, session.study) for session in sessions]


@pytest.fixture(scope="module")
def found(searches):
    return compare_searches(searches)


def test_choices_are_compared_in_pairs_of_seeds_and_samples(found):
    assert [(pair.one, pair.other) for pair in found.pairs] == [("mfd", "hkd"), ("mfd", "fitnet"), ("hkd", "fitnet")]
    means = {one.name: one.test["deo_m"].mean for one in found.searches}
    for pair in found.pairs:
        assert pair.difference.mean == pytest.approx(means[pair.one] - means[pair.other])
        assert (pair.difference.paired, pair.difference.seeds) == ("samples", 2)
        assert pair.adjusted >= pair.difference.p_value


def test_the_joint_front_holds_what_no_search_beats(found, searches):
    points = {
        (search.place.name, view.number): view.costs("accuracy", "deo_m") for search in searches for view in search.study.views()
    }
    on_front = {(one.name, number) for one in found.searches for number in one.front}
    best = {
        key
        for key, cost in points.items()
        if not any(all(a <= b for a, b in zip(other, cost, strict=True)) and other != cost for other in points.values())
    }
    assert on_front == best


def test_volume_grows_to_what_is_covered_in_the_end(found, searches):
    for one, search in zip(found.searches, searches, strict=True):
        assert one.hypervolume == covered(search.study.views(), ("accuracy", "deo_m"), found.corner)
        seconds, volumes = zip(*one.growth, strict=True)
        assert list(volumes) == sorted(volumes)
        assert list(seconds) == sorted(seconds)
        assert volumes[-1] == one.hypervolume
    assert len(draw_growth(found).axes[0].lines) == 3


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """A search on two folds whose floors disagree on its trial, and one on a single fold beside it."""
    runs, seeds = tmp_path_factory.mktemp("folded"), {"method": "ss", "trials": 1, "seeds_per_trial": 2, "validation_folds": 2}
    with trained_once():
        study = run_small(runs, name="first", accuracy_floor="teacher-0.5", **seeds).study
        (view,) = study.views()
        first, mean = study.baseline.floor, study.floor_of(study.record(0))
        offset = view.val["accuracy"] - (first + mean) / 2 - 0.5
        floor = {"accuracy_floor": f"teacher{offset:+.4f}"}
        sessions = [
            run_small(runs, name="two", **floor, **seeds),
            run_small(runs, name="one", method="reweight", trials=1, **floor),
        ]
    return [Search(one.spec, one.place, one.study) for one in sessions]


def test_trials_are_held_to_the_floors_of_their_folds(folded):
    study = folded[0].study
    (view,) = study.views()
    assert view.feasible != (view.val["accuracy"] >= study.baseline.floor), "the folds disagree"
    summaries = [summarise(one.spec, one.place, one.study) for one in folded]
    found = compare_searches(folded)
    assert found.floor == summaries[0].floor == summaries[1].floor
    assert any(said.endswith("not of the same samples: validation folds of two 2, one 1") for said in told(found).sentences)
    assert f"{found.floor:.4f} on the first validation fold, from" in told(found).tables[0].note
    assert above(found.floor, study, study.views()) == study.views()
    assert [one.hypervolume for one in found.searches] == [one.hypervolume for one in summaries]
    assert [bool(one.front) for one in found.searches] == [bool(one.front) for one in summaries]


@pytest.mark.parametrize(("raised", "feasible"), [(-1e-6, True), (1e-12, True), (1e-6, False)])
def test_a_floor_is_as_much_higher_on_every_fold(folded, raised, feasible):
    study = folded[0].study
    (view,) = study.views()
    needed = study.floor_of(study.record(0))
    floor = study.baseline.floor + view.val["accuracy"] - needed + raised
    assert [one.feasible for one in above(floor, study, [view])] == [feasible]


def test_three_are_ranked_over_the_seeds(found):
    values = np.array([one.test["deo_m"].values for one in found.searches])
    assert found.ranks.seeds == 2
    assert sum(found.ranks.mean.values()) == pytest.approx(6)
    assert found.ranks.p_value == pytest.approx(rank(values.T).p_value)
    assert found.ranks.critical == pytest.approx(2.343 * np.sqrt(3 * 4 / (6 * 2)), abs=2e-3), "Demšar 2006, table 5"
    assert "Friedman p" in told(found).sentences[1]


def test_two_are_not_ranked(searches):
    assert compare_searches(searches[:2]).ranks is None


def test_other_data_or_rules_are_refused(searches, by_iou, tmp_path):
    first = searches[0]
    spec = first.spec.model_copy(update={"train_fraction": 0.5})
    place = first.place.model_copy(update={"name": "half"})
    with pytest.raises(InvalidInput, match=r"half and mfd differ in --train-fraction: their scores are not of the same samples"):
        compare_searches([first, Search(spec, place, first.study)])
    with pytest.raises(InvalidInput, match="run and mfd differ in --select"):
        compare_searches([first, Search(by_iou.spec, by_iou.place, by_iou.study)])
    with pytest.raises(InvalidInput, match="give two runs or more, each once: mfd, mfd"):
        compare_searches([first, first])
    elsewhere = first._replace(place=first.place.model_copy(update={"runs": str(tmp_path)}))
    with pytest.raises(InvalidInput, match="told apart by their names, and several are called mfd: leave one out"):
        compare_searches([first, elsewhere])


def test_one_seed_tells_no_settings_apart(searches):
    results = [complete(retrainings_of(one.spec, one.study)[one.study.result(one.study.choice.number).spec.id]) for one in searches]
    named = {one.place.name: dict([*of.items()][:1]) for one, of in zip(searches, results, strict=True)}
    pairs = _pairs("deo_m", named)
    assert all(pair.difference.seeds == 1 and math.isnan(pair.adjusted) for pair in pairs)
    assert any(math.isfinite(pair.difference.p_value) for pair in pairs)
    single = compare_searches(searches).model_copy(update={"pairs": tuple(pairs)})
    assert "one seed does not tell choices apart, two would: mfd and hkd" in told(single).sentences[1]


def test_what_is_not_confirmed_is_told_and_pairs_are_of_the_seeds_of_both(searches, tmp_path):
    first = searches[0]
    with trained_once():
        undecided = Session(*small_search(tmp_path, name="undecided", method="ss", trials=1, final_seeds=2)).run(1)
        sealed = Session(*small_search(tmp_path, name="sealed", method="reweight", trials=1, final_seeds=2)).run(2)
        sealed.plan.next()
        cut = Session(*small_search(tmp_path, name="cut", method="reweight", trials=1, final_seeds=2)).run(2)
    others = [Search(one.spec, one.place, one.study) for one in (undecided, sealed, cut)]
    found = compare_searches([first, *others])
    assert [(pair.one, pair.other, pair.difference.seeds) for pair in found.pairs] == [("mfd", "cut", 1)]
    said = " ".join(told(found).sentences)
    assert "undecided: it has not ended and has chosen nothing yet" in said
    assert "sealed: its choice #0 is not confirmed and in no difference, and the search has not ended: fairtune resume" in said
    assert "cut: its choice #0 is confirmed on 1 of 2 seeds, and the search has not ended: fairtune resume" in said
    assert "mfd: " not in said
    assert "not confirmed on the same seeds and compared on those that both have: seeds of mfd 2, cut 1" in said
    table = told(found).tables[0]
    shown = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["chosen"], row["seeds"]) for row in shown[1:]] == [("none yet", "-"), ("#0", "0 of 2"), ("#0", "1 of 2")]


def test_searches_that_asked_for_other_numbers_of_seeds_are_told(searches):
    found = compare_searches(searches[:2])
    assert not any("same seeds" in said for said in told(found).sentences)
    one, other = found.searches
    more = one.model_copy(update={"seeds": (1, 2, 3), "asked_seeds": 3})
    (said,) = [said for said in told(found.model_copy(update={"searches": (more, other)})).sentences if "same seeds" in said]
    assert said.endswith(f"compared on those that both have: seeds of {one.name} 3, {other.name} 2")


def test_seeds_that_failed_are_told(searches):
    one = compare_searches(searches).searches[0].model_copy(update={"seeds": (1,), "failed_seeds": (2,)})
    assert lacking(one) == f"its choice #{one.chosen} is confirmed on 1 of 2 seeds, 1 retraining failed"
    assert lacking(one.model_copy(update={"seeds": (), "failed_seeds": (1, 2)})).endswith("in no difference, 2 retrainings failed")
