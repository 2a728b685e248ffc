"""What a scheduler stops, in searches with real trainings, run one after the other in this process."""

import itertools
import time

import pytest

from fairtune.search import trainable
from fairtune.search.trainable import TrialTrainable
from fairtune.spec import Stop, TrialResult
from fairtune.study.summary import summarise
from tests.schedulers.outside import StopsTheFirst
from tests.search_helpers import Session, run_small, small_search

OURS = "tests.schedulers.outside:StopsTheFirst"
SEARCH = {"scheduler": OURS, "epochs": 4, "trials": 2, "sampler": "random"}


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A search whose first trial is stopped."""
    return run_small(tmp_path_factory.mktemp("stopped"), **SEARCH)


def stops(session):
    return [(record.state, record.result.epochs, record.result.stopped) for record in session.trials]


def test_a_trial_stopped_at_a_rung_is_pruned_and_keeps_its_scores_and_the_reason(stopped):
    assert stops(stopped) == [("pruned", 2, Stop(by=OURS, epoch=2)), ("complete", 4, None)]
    result = stopped.study.result(0)
    assert result.val["deo_m"] == result.history[1].val["deo_m"]


def test_it_never_looks_finished(stopped):
    folder = stopped.folder.trial(0)
    assert not folder.result.exists()
    assert not folder.weights.exists()
    assert not folder.checkpoint.exists()
    summary = summarise(stopped.spec, stopped.place, stopped.study)
    assert (summary.trials[0].state, summary.trials[0].feasible, summary.trials[0].stopped.epoch) == ("pruned", None, 2)
    assert 0 not in summary.front
    assert stopped.plan.complete
    assert all(result.epochs == 4 for result in stopped.study.finals.values()), "finals are not stopped"


def test_a_slow_machine_stops_the_same_trials(tmp_path, monkeypatch, stopped):
    clock = itertools.count(step=100)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    again = run_small(tmp_path, **SEARCH)
    assert stops(again) == stops(stopped)
    assert [record.params for record in again.trials] == [record.params for record in stopped.trials]


def test_who_was_at_a_rung_in_an_earlier_session_counts(tmp_path):
    spec, place = small_search(tmp_path, **SEARCH)
    Session(spec, place).run(2)
    StopsTheFirst.seen.clear()
    Session(spec, place).run(1)
    assert StopsTheFirst.seen == [(1, 2, [0]), (1, 3, [])]


def test_a_scheduler_may_stop_everything(tmp_path):
    session = run_small(tmp_path, **SEARCH | {"trials": 1})
    assert str(session.plan.error) == f"the scheduler {OURS} stopped each of 1 trials: choose another --scheduler"


@pytest.mark.parametrize(("every_s", "reported"), [(1e9, [2, 3, 4]), (0.0, [1, 2, 3, 4])])
def test_a_trial_reports_at_its_rungs_and_as_time_passes(tmp_path, monkeypatch, every_s, reported):
    monkeypatch.setattr(trainable, "REPORT_EVERY_S", every_s)
    session = Session(*small_search(tmp_path, **SEARCH)).run(1)
    worker = TrialTrainable.__new__(TrialTrainable)
    worker.setup(trainable.job_config(session.next_job(), session.place))
    epochs = [TrialResult.model_validate_json(str(worker.step()["trial"])).epochs for _ in reported]
    assert epochs == reported
