"""Trials that wait at a rung and are taken up again, in searches with real trainings, run one after the other in this process."""

import pytest

from fairtune.schedulers import _ladder
from fairtune.search import trainable
from fairtune.spec import Epoch, Stop, TrialResult
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from fairtune.testing.trainings import without_seconds
from tests.search.test_plan import Clock, timed, trace, worker_dies_after_an_epoch
from tests.search_helpers import Session, Watcher, run_small, small_search

pytestmark = pytest.mark.usefixtures("trained_once")

OURS = "tests.schedulers.outside:WaitsForOthers"
SEARCH = {"scheduler": OURS, "epochs": 3, "trials": 4, "sampler": "random", "set": ["weight=1,2,3,4"]}
ORDER = ["baseline", "trial-0", "trial-1", "trial-2", "trial-1", "trial-3", "trial-1"]
"""Trial 1 waits at epoch 1 for trials 0 and 2, then at epoch 2 for 0 and 3; trial 2 waits at epoch 1 to the end."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("whole"), **SEARCH)


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """The same search as trials 1 and 2 wait."""
    return Session(*small_search(tmp_path_factory.mktemp("half"), **SEARCH)).run(4)


def stops(session):
    return [(record.state, record.result.epochs, record.result.stopped) for record in session.trials]


def test_who_waits_is_taken_up_when_the_verdict_changes(whole):
    assert whole.keys[: len(ORDER)] == ORDER
    assert whole.plan.complete
    assert stops(whole) == [*[("complete", 3, None)] * 2, ("pruned", 1, Stop(by=OURS, epoch=1)), ("complete", 3, None)]


def test_what_is_taken_up_goes_on_as_if_it_had_never_waited(whole, tmp_path):
    straight = run_small(tmp_path, **SEARCH | {"scheduler": "none"})
    for number in (0, 1, 3):
        found, expected = whole.study.result(number), straight.study.result(number)
        assert found.spec == expected.spec
        assert without_seconds(found.history) == without_seconds(expected.history)
        assert found.counts("val") == expected.counts("val")


def test_every_epoch_costs_once(whole):
    trained = sum(result.epochs for result in map(whole.study.result, range(4)))
    assert summarise(whole.spec, whole.place, whole.study).cost.epochs == trained == 10
    seconds = [epoch.seconds for epoch in whole.study.result(1).history]
    assert whole.study.result(1).seconds >= sum(seconds)


def test_who_waits_is_told_as_pruned_keeps_its_scores_and_never_looks_finished(half):
    assert stops(half)[1:] == [("pruned", 1, Stop(by=OURS, epoch=1))] * 2
    again = SearchStudy(half.folder.study, half.spec)
    assert again.waiting == [1, 2]
    assert again.records() == half.trials
    assert again.result(1).val == half.study.result(1).history[0].val
    summary = summarise(half.spec, half.place, again)
    assert [(trial.state, trial.feasible) for trial in summary.trials] == [("complete", True), *[("pruned", None)] * 2]
    assert summary.front == [0]
    assert not half.folder.trial(1).result.exists()


def test_methods_in_turn_have_trials_of_later_brackets_alike(tmp_path):
    options = {"epochs": 9, "trials": 9, "sampler": "random", "scheduler": "asha", "set": ["scheduler.brackets=2"]}
    session = Session(*small_search(tmp_path, method="mfd,hkd,reweight", **options)).run(1)
    places: dict[str, list[int]] = {}
    for _ in range(9):
        job = session.next_job()
        val = {"accuracy": 0.9, "deo_m": 0.3}
        session.plan.verdict(job, TrialResult(spec=job.spec, state="running", history=(Epoch(number=1, val=val),)))
        places.setdefault(job.spec.method, []).append(session.plan._trials._ladder._standings[1][job.key.number].place)
    assert list(places.values()) == [[0, 1, 2]] * 3


def test_checkpoints_are_there_as_long_as_they_may_be_gone_on_with(half, whole):
    assert {path.parent.name for path in half.folder.path.rglob("checkpoint*.pt")} == {"0001", "0002"}
    assert len(list(half.folder.path.rglob("checkpoint*.pt"))) == 2
    assert not list(whole.folder.path.rglob("checkpoint*.pt"))
    assert whole.study.waiting == SearchStudy(whole.folder.study, whole.spec).waiting == []


def test_of_many_that_wait_the_last_are_let_go_with_their_checkpoints(tmp_path, monkeypatch):
    monkeypatch.setattr(_ladder, "MOST_WAITING", 1)
    session = Session(*small_search(tmp_path, **SEARCH)).run(4)
    assert session.study.waiting == SearchStudy(session.folder.study, session.spec).waiting == [1]
    assert not list(session.folder.trial(2).path.rglob("checkpoint*.pt"))
    assert [record.state for record in session.trials] == ["complete", "pruned", "pruned"]
    assert Session(session.spec, session.place).run().keys[:3] == ["trial-1", "trial-3", "trial-1"]


def test_a_checkpoint_that_is_gone_costs_its_epochs_and_nothing_else(tmp_path, whole):
    session = Session(*small_search(tmp_path, **SEARCH)).run(4)
    session.folder.trial(1).drop_checkpoints()
    assert trace(session.run()) == trace(whole)


@pytest.mark.parametrize("after", [1, 2, 4, 6, *(pytest.param(after, marks=pytest.mark.slow) for after in (3, 5))])
@pytest.mark.parametrize("at_rung", [False, True], ids=["before its first epoch", "at a rung, not judged"])
def test_interrupted_or_not_a_search_is_the_same(tmp_path, whole, after, at_rung):
    spec, place = small_search(tmp_path, **SEARCH)
    killed = Session(spec, place).run(after)
    if at_rung:
        worker_dies_after_an_epoch(killed)
    else:
        killed.plan.next()
    resumed = Session(spec, place).run()
    assert (trace(resumed), stops(resumed), resumed.study.choice) == (trace(whole), stops(whole), whole.study.choice)
    assert [*killed.keys, *resumed.keys] == whole.keys


def test_who_waits_at_a_rung_that_there_is_no_more_is_let_go(tmp_path):
    first = Session(*small_search(tmp_path, **SEARCH)).run(4)
    changed = first.spec.model_copy(update={"scheduler": "tests.schedulers.outside:HasMovedItsRungs"})
    second = Session(changed, first.place)
    assert second.study.waiting == []
    assert second.run().plan.complete
    assert stops(second)[1:3] == stops(first)[1:]


def test_nothing_is_taken_up_when_the_time_is_spent(tmp_path):
    clock = Clock()
    session = timed(*small_search(tmp_path, **SEARCH, time_budget="1h"), clock).run(4)
    clock.now = 3600
    assert set(session.run().keys[4:]) == {"final-baseline-1", "final-chosen-1"}
    assert [record.state for record in session.trials] == ["complete", "pruned", "pruned"]
    assert session.study.waiting == []


def test_an_epoch_budget_counts_the_epochs_of_who_is_taken_up_once(tmp_path):
    """12 are for baseline and trials: 9 are trained when trial 3 begins, and 12 when trial 1 would be taken up once more."""
    session = run_small(tmp_path / "undisturbed", **SEARCH, epoch_budget=21)
    assert [key for key in session.keys if not key.startswith("final")] == ORDER[:-1]
    first = Session(*small_search(tmp_path / "interrupted", **SEARCH, epoch_budget=21)).run(4)
    assert [*first.keys, *Session(first.spec, first.place).run().keys] == session.keys


def test_trials_of_several_methods_wait_and_go_on(tmp_path):
    options = SEARCH | {"method": "mfd,hkd", "set": [], "sampler": "tpe", "trials": 6}
    undisturbed = run_small(tmp_path / "undisturbed", **options)
    assert undisturbed.keys.count("trial-1") == 3
    spec, place = small_search(tmp_path / "interrupted", **options)
    for jobs in (2, 2, 1, 1):
        worker_dies_after_an_epoch(Session(spec, place).run(jobs))
    assert trace(Session(spec, place).run()) == trace(undisturbed)


def test_observers_hear_of_a_trial_that_is_taken_up_as_of_any_other(tmp_path, monkeypatch):
    monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
    watcher = Watcher()
    Session(*small_search(tmp_path, **SEARCH), observers=[watcher]).run(len(ORDER))
    assert [event[1] for event in watcher.events("started")] == ORDER
    assert [event[1] for event in watcher.events("finished")] == ORDER
    epochs = [event[2] for event in watcher.events("progressed") if event[1] == "trial-1"]
    assert epochs == [1, 2, 3], "no epoch is trained or reported twice"


def test_a_stage_that_trains_another_net_is_not_judged_and_nobody_is_compared_with_it(tmp_path):
    options = {"epochs": 9, "trials": 4, "sampler": "random", "scheduler": "asha", "set": ["jtt.stage=0.5", "jtt.upweight=2,4,8"]}
    session = Session(*small_search(tmp_path, method="jtt,mfd", **options)).run(1)
    rungs = session.plan._trials._ladder.rungs
    assert min(rungs) == 1
    for _ in range(2):
        job = session.next_job()
        first = 5 if job.spec.method == "jtt" else 1
        assert job.rungs == tuple(rung for rung in rungs if rung >= first)
        history = tuple(Epoch(number=epoch, val={"accuracy": 0.1, "deo_m": 0.0}) for epoch in range(1, 10))
        session.plan.verdict(job, TrialResult(spec=job.spec, state="running", history=history))
    for rung in rungs:
        there = [one.method for one in session.plan._trials._ladder._there(rung)]
        assert there == (["jtt", "mfd"] if rung >= 5 else ["mfd"])


def test_who_is_at_a_rung_when_a_budget_is_spent_is_judged_there(tmp_path):
    session = Session(*small_search(tmp_path, **SEARCH)).run(2)
    job = session.next_job()
    val = {"accuracy": 0.9, "deo_m": 0.3}
    standing = TrialResult(spec=job.spec, state="running", history=(Epoch(number=1, val=val),))
    budget = session.plan._budget
    budget._spec = budget._spec.model_copy(update={"epoch_budget": 1})
    assert budget.spent == "epoch_budget"
    assert session.plan.verdict(job, standing) == "pause"
    assert session.plan._stops[job.key] == Stop(by=OURS, epoch=1)
