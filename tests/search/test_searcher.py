"""The plan as Tune sees it, driven by the calls that Tune makes."""

from types import SimpleNamespace

import pytest
from ray.tune.search import Searcher

from fairtune.errors import NoRoom
from fairtune.search.searcher import Ending, PlanSearcher, ProgressCallback
from fairtune.search.shared import Shared
from fairtune.search.watch import Retries
from fairtune.study.jobs import Job
from fairtune.training.steps import Step, leave_step
from tests.search_helpers import Session, Watcher, small_search, train
from tests.torn import fill, small_disk

pytestmark = pytest.mark.usefixtures("trained_once")

TUNE = SimpleNamespace(trial_id="t1")


class Keeper(Watcher):
    """Keeps the results that it is told, too."""

    def __init__(self):
        super().__init__()
        self.progressed, self.finished = [], []

    def job_progressed(self, job, result):
        self.progressed.append(result)

    def job_finished(self, job, result, record):
        self.finished.append(result)


@pytest.fixture
def session(tmp_path):
    """A search with its baseline trained."""
    return Session(*small_search(tmp_path, method="ss", epochs=1), observers=[Keeper()]).run(1)


@pytest.fixture
def searcher(session):
    """Has handed out the first trial."""
    searcher = PlanSearcher(session.plan, Shared(), lambda: None)
    assert isinstance(searcher.suggest("t1"), dict)
    return searcher


@pytest.fixture
def keeper(session):
    """Hears what comes after the baseline."""
    (keeper,) = session.plan.observers
    keeper.progressed.clear()
    keeper.finished.clear()
    return keeper


def report(searcher, state="complete", trial_id="t1"):
    """What the worker of the first trial reports."""
    result = searcher.plan.study.baseline.result.model_copy(update={"spec": searcher.jobs[trial_id].spec, "state": state})
    return {"trial": result.model_dump_json(), "done": state != "running", "epoch": result.epochs}


def hear(searcher, told):
    ProgressCallback(searcher).on_trial_result(1, [TUNE], TUNE, told)


def test_a_result_is_parsed_once_for_observers_and_plan(searcher, keeper):
    told = report(searcher)
    hear(searcher, told)
    searcher.on_trial_complete("t1", told)
    assert keeper.finished == keeper.progressed
    assert keeper.finished[0] is keeper.progressed[0]


def die(searcher, times):
    """Let the worker of the first trial die, and those that take over."""
    for time in range(1, times + 1):
        searcher.on_trial_complete(f"t{time}", error=True)
        if time < times:
            assert isinstance(searcher.suggest(f"t{time + 1}"), dict)


def test_a_trial_whose_worker_died_is_the_next_to_be_handed_out(searcher, keeper):
    job = searcher.jobs["t1"]
    die(searcher, 1)
    assert (searcher.jobs, keeper.finished) == ({}, [])
    assert isinstance(searcher.suggest("t2"), dict)
    assert searcher.jobs == {"t2": job}


def test_a_trial_whose_workers_died_in_vain_fails_with_what_was_heard_last(searcher, keeper):
    hear(searcher, report(searcher, "running"))
    die(searcher, Retries.IN_VAIN + 2)
    (result,) = keeper.finished
    assert (result.state, result.val) == ("failed", keeper.progressed[0].val)
    assert result.error.startswith("its worker process died")


def test_a_trial_whose_workers_died_before_their_first_report_fails(searcher, keeper):
    die(searcher, Retries.IN_VAIN + 1)
    (result,) = keeper.finished
    assert (result.state, result.val) == ("failed", {})


def test_a_worker_that_says_that_it_must_go_does_not_count_as_dead(searcher, keeper):
    for time in range(1, 6):
        job = searcher.jobs[f"t{time}"]
        searcher.heard(f"t{time}", report(searcher, "running", f"t{time}") | {"must_go": True})
        searcher.on_trial_complete(f"t{time}", error=True)
        assert isinstance(searcher.suggest(f"t{time + 1}"), dict)
        assert searcher.jobs == {f"t{time + 1}": job}
    assert keeper.finished == []


def test_a_trial_that_was_stopped_is_pruned_with_its_scores(searcher, keeper):
    searcher.on_trial_complete("t1", report(searcher, "running"))
    (record,) = searcher.plan.study.records()
    assert (record.state, record.result.val) == ("pruned", searcher.plan.study.baseline.result.val)


def test_tune_waits_while_the_plan_does_and_ends_with_it(session):
    searcher = PlanSearcher(session.plan, Shared(), lambda: None)
    assert isinstance(searcher.suggest("t1"), dict)
    assert searcher.suggest("t2") is None
    searcher.on_trial_complete("t1", report(searcher))
    while isinstance(job := session.plan.next(), Job):
        session.plan.finish(job, train(job, session.plan))
    assert searcher.suggest("t3") == Searcher.FINISHED


def test_what_is_told_of_a_job_that_has_ended_changes_nothing(searcher, keeper):
    told = report(searcher)
    searcher.on_trial_complete("t1", told)
    hear(searcher, told)
    searcher.on_trial_complete("t1", told)
    assert (len(keeper.finished), keeper.progressed) == (1, [])


def test_a_disk_that_is_full_as_a_trial_ends_ends_the_loop_at_its_next_turn_and_keeps_the_trial(tmp_path):
    with small_disk(tmp_path / "disk", 64) as disk:
        session = Session(*small_search(disk, method="ss", epochs=1)).run(1)
        searcher = PlanSearcher(session.plan, Shared(), lambda: None)
        searcher.suggest("t1")
        told = report(searcher)
        filler = fill(disk)
        searcher.on_trial_complete("t1", told)
        with pytest.raises(NoRoom, match="no room in"):
            Ending(searcher).on_step_begin(1, [TUNE])
        with pytest.raises(NoRoom, match="no room in"):
            searcher.suggest("t2")
        filler.unlink()
        again = PlanSearcher(Session(session.spec, session.place).plan, Shared(), lambda: None)
        again.suggest("t1")
        again.on_trial_complete("t1", told)
        again.may_go_on()
        assert [record.state for record in again.plan.study.records()] == ["complete"]


def test_the_observers_hear_how_far_an_epoch_is_about_once_a_second(session):
    now, watcher = [0.0], Watcher()
    session.plan.observers = [watcher]
    searcher = PlanSearcher(session.plan, Shared(), lambda: None)
    callback = ProgressCallback(searcher, clock=lambda: now[0])
    searcher.suggest(TUNE.trial_id)
    job = searcher.jobs[TUNE.trial_id]
    leave_step(job.folder.step, Step(1, 3, 9))
    for seconds in (0.5, 1.0, 1.5, 2.0):
        now[0] = seconds
        callback.on_step_begin(1, [TUNE])
    assert watcher.events("stepped") == [("stepped", str(job.key), Step(1, 3, 9))] * 2
