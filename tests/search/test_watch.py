from types import SimpleNamespace

from fairtune.search.watch import Retries, WaitNotice
from fairtune.sizes import GIB
from fairtune.study.key import JobKey

NEEDS = {"CPU": 1.0, "GPU": 1.0}


def lines(caplog, *turns, needs=NEEDS):
    """What is said at turns of Tune's loop: seconds that have passed, and the states of trials."""
    now = [0.0]
    notice = WaitNotice(needs, have=lambda: {"CPU": 4.0, "memory": 3.0 * GIB}, clock=lambda: now[0])
    for seconds, *states in turns:
        now[0] = seconds
        notice.on_step_begin(0, [SimpleNamespace(status=state) for state in states])
    return [record.getMessage() for record in caplog.records]


def test_what_never_comes_is_named_within_ten_seconds_and_more_rarely_later(caplog):
    said = lines(caplog, *((second, "TERMINATED", "PENDING") for second in range(100)))
    assert said == [
        f"waiting {seconds} s for a worker with 1 CPU and 1 GPU; the cluster has 4 CPUs and 0 GPUs in all"
        for seconds in (8, 16, 32, 64)
    ]


def test_memory_is_named_that_is_waited_for(caplog):
    (said,) = lines(caplog, (0, "PENDING"), (8, "PENDING"), needs={**NEEDS, "memory": 2.5 * GIB})
    assert said == (
        "waiting 8 s for a worker with 1 CPU and 1 GPU, 2.5 GiB of memory; "
        "the cluster has 4 CPUs and 0 GPUs, 3 GiB of memory in all"
    )


def test_nothing_is_said_while_a_trial_runs(caplog):
    assert lines(caplog, *((second, "RUNNING", "PENDING") for second in range(100))) == []
    assert lines(caplog, *((second, "TERMINATED") for second in range(100))) == []


def test_a_wait_that_has_ended_is_forgotten(caplog):
    assert lines(caplog, (0, "PENDING"), (7, "PENDING"), (8, "RUNNING"), (9, "PENDING"), (16, "PENDING")) == []


def test_a_worker_that_died_is_told_in_a_line(caplog):
    assert deaths(0) == [True]
    assert caplog.messages == ["the worker of trial-3 died: another goes on from its checkpoint"]


def test_a_job_whose_node_is_taken_away_moves_as_often_as_need_be(caplog):
    assert deaths(0, 0, 0, 0, leaving=True) == [True] * 4
    assert caplog.messages == ["the node of trial-3 is about to be taken away: a worker of another goes on from its checkpoint"] * 4


def deaths(*epochs, leaving=False):
    """Whether a job is handed out again after each death of its workers at these epochs."""
    retries, key = Retries(), JobKey.trial(3)
    again = []
    for reached in epochs:
        if leaving:
            retries.must_go(key)
        again.append(retries.again(key, reached))
    return again


def test_a_job_is_handed_out_again_as_often_as_it_gets_further():
    assert deaths(3, 5, 9, 12) == [True] * 4


def test_a_job_that_gets_no_further_is_given_up():
    assert deaths(0, 0, 0) == [True, True, False]
    assert deaths(3, 3, 0, 3) == [True, True, True, False], "after the third death in one place it has failed"


def test_a_job_that_was_given_up_is_counted_anew():
    assert deaths(0, 0, 0, 0) == [True, True, False, True]
