"""The expected time of a search."""

from pathlib import Path

import pytest

from fairtune.api import expected
from fairtune.errors import InvalidInput, NoBaseline
from fairtune.search.budget import most_confirmed
from fairtune.spec import Optimizer
from fairtune.training.data import open_data
from tests.search_helpers import Session, small_search


def expect(spec, place, study=None):
    return expected.expect(spec, place, open_data(spec.baseline(), Path(place.data)), study).time


def test_it_is_said_before_the_first_training(tmp_path):
    text = expect(*small_search(tmp_path, trials=7, final_seeds=3, max_concurrent=1))
    assert text.startswith("about ")
    most = 3 * most_confirmed(("accuracy", "deo_m"))
    assert text.endswith(f"; 7 trials and at most {most} retrainings, 1 at a time, and 11 s to start Ray")


def test_the_start_of_ray_counts(tmp_path, monkeypatch):
    monkeypatch.setattr(expected, "_pace", lambda *_: expected._Pace(1.0, True, 1))
    spec, place = small_search(tmp_path, trials=7, final_seeds=1)
    assert expect(spec, place).startswith(f"about {11 + 7 + most_confirmed(('accuracy', 'deo_m'))} s: 1 s for a training")


@pytest.mark.parametrize("known", [False, True])
def test_a_budget_too_short_for_an_outcome_is_refused(tmp_path, monkeypatch, known):
    spec, place = small_search(tmp_path, time_budget="50s", max_concurrent=1)
    monkeypatch.setattr(expected, "_pace", lambda *_: expected._Pace(10.0, known, 1))
    if known:
        assert expect(spec, place).startswith("about 50 s: 10 s for a training")
        spec = spec.model_copy(update={"time_budget_s": 40.0})
    with pytest.raises(InvalidInput, match=r"--time-budget .0 s: .* take at least about .1 s here, Ray"):
        expect(spec, place)


def test_what_has_begun_is_not_refused(tmp_path):
    spec, place = small_search(tmp_path, time_budget="0.001s")
    with pytest.raises(InvalidInput, match="--time-budget"):
        expect(spec, place)
    assert expect(spec, place, Session(spec, place).study) is not None


def test_a_baseline_that_is_there_tells(tmp_path):
    spec, place = small_search(tmp_path)
    session = Session(spec, place).run(1)
    pace = expected._pace(spec, place, open_data(spec.baseline(), Path(place.data)))
    assert (pace.known, pace.one_s) == (True, session.study.baseline.result.seconds)


def test_of_a_cluster_nothing_is_known(tmp_path):
    spec, place = small_search(tmp_path)
    assert expect(spec, place.model_copy(update={"address": "auto"})) is None


def test_a_baseline_that_diverges_at_once_is_said_to(tmp_path):
    spec, place = small_search(tmp_path)
    steep = Optimizer(name="sgd").model_copy(update={"lr": 1e30})
    with pytest.raises(NoBaseline, match=r"^the baseline could not be trained: in its first steps the logits of "):
        expect(spec.model_copy(update={"optimizer": steep}), place)


def test_of_a_search_that_goes_on_what_it_has_left_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(expected, "_pace", lambda *_: expected._Pace(1.0, True, 1))
    spec, place = small_search(tmp_path, trials=3, final_seeds=1)
    session = Session(spec, place).run(2)
    most = most_confirmed(("accuracy", "deo_m"))
    assert f"about {11 + 2 + most} s: " in (said := expect(spec, place, session.study))
    assert f"; 2 trials left and at most {most} retrainings, 1 at a time" in said
    said = expect(spec, place, session.run().study)
    assert said.startswith("about 11 s: ")
    assert "; 0 trials left and at most 0 retrainings" in said


def test_a_budget_of_epochs_limits_what_is_expected(tmp_path, monkeypatch):
    monkeypatch.setattr(expected, "_pace", lambda *_: expected._Pace(1.0, True, 1))
    spec, place = small_search(tmp_path, trials=30, final_seeds=1, epoch_budget=24)
    said = expect(spec, place)
    assert said.startswith("about 22 s: ")
    assert "; 7 trials within --epoch-budget and at most 4 retrainings" in said
