from types import SimpleNamespace

from fairtune.search.watch import RetryNotice, WaitNotice
from fairtune.spec import Place
from fairtune.study.key import JobKey

PLACE = Place(data="data", runs="runs", name="run", gpus_per_trial=1)


def lines(caplog, *turns):
    """What is said at turns of Tune's loop: seconds that have passed, and the states of trials."""
    now = [0.0]
    notice = WaitNotice(PLACE, have=lambda: {"CPU": 4.0}, clock=lambda: now[0])
    for seconds, *states in turns:
        now[0] = seconds
        notice.on_step_begin(0, [SimpleNamespace(status=state) for state in states])
    return [record.getMessage() for record in caplog.records]


def test_what_never_comes_is_named_within_ten_seconds_and_more_rarely_later(caplog):
    said = lines(caplog, *((second, "TERMINATED", "PENDING") for second in range(100)))
    assert said == [
        f"waiting {seconds} s for a worker with 1 CPUs and 1 GPUs; the cluster has 4 CPUs and 0 GPUs in all"
        for seconds in (8, 16, 32, 64)
    ]


def test_nothing_is_said_while_a_trial_runs(caplog):
    assert lines(caplog, *((second, "RUNNING", "PENDING") for second in range(100))) == []
    assert lines(caplog, *((second, "TERMINATED") for second in range(100))) == []


def test_a_wait_that_has_ended_is_forgotten(caplog):
    assert lines(caplog, (0, "PENDING"), (7, "PENDING"), (8, "RUNNING"), (9, "PENDING"), (16, "PENDING")) == []


def test_a_worker_that_died_is_told_in_a_line(caplog):
    jobs = {"abc": SimpleNamespace(key=JobKey.trial(3))}
    RetryNotice(jobs).on_trial_recover(0, [], SimpleNamespace(status="RUNNING", trial_id="abc"))
    assert caplog.messages == ["the worker of trial-3 died: another goes on from its checkpoint"]
