"""What goes on from the baseline's net goes on, in the confirmation, from that of its own seed."""

import pytest

from fairtune.report import write_report
from fairtune.study.jobs import Job
from fairtune.training.folder import baseline_folder
from tests.search_helpers import Session, crash, run_small, small_search, train

PRUNED = {"method": "magnitude", "trials": 1, "final_seeds": 2, "set": ["sparsity=0.5"]}


@pytest.fixture(scope="module")
def pruned(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("runs"), name="pruned", **PRUNED)


def finals_of(session):
    return {str(key): result for key, result in session.study.finals.items()}


def test_each_retraining_goes_on_from_the_baseline_of_its_seed(pruned):
    finals = finals_of(pruned)
    for seed in (1, 2):
        assert finals[f"final-chosen-{seed}"].spec.teacher == pruned.spec.baseline(seed) == finals[f"final-baseline-{seed}"].spec
    assert finals["final-chosen-1"].test_counts != finals["final-chosen-2"].test_counts


def test_no_net_is_trained_for_it_that_is_not_retrained_anyway(pruned):
    assert pruned.keys == ["baseline", "trial-0", "final-baseline-1", "final-chosen-1", "final-baseline-2", "final-chosen-2"]


def test_its_teacher_knows_nothing_of_the_test_split(pruned):
    shared = baseline_folder(pruned.folder.path.parent, pruned.spec.baseline(1)).read_trained()
    told = finals_of(pruned)["final-baseline-1"]
    assert (shared.test, shared.test_counts, shared.test_answers, shared.moved) == (None, None, None, ())
    assert (shared.spec, shared.val, shared.history) == (told.spec, told.val, told.history)


def test_both_seeds_confirm_the_setting(pruned):
    summary = write_report(pruned.spec, pruned.place, pruned.study)
    assert summary.confirmed["chosen"].seeds == [1, 2]
    assert summary.confirmed["chosen"].score("accuracy").std > 0


def test_what_is_distilled_from_stays_one_net(tmp_path):
    session = run_small(tmp_path, name="distilled", method="hkd", trials=1, final_seeds=2)
    taught = [result.spec.teacher for key, result in finals_of(session).items() if "chosen" in key]
    assert taught == [session.spec.teacher()] * 2


def test_a_retraining_waits_for_the_baseline_of_its_seed_while_others_begin(tmp_path):
    session = Session(*small_search(tmp_path, name="pruned", **PRUNED)).run(2)
    first, second = session.next_job(), session.next_job()
    assert [str(first.key), str(second.key)] == ["final-baseline-1", "final-baseline-2"]
    assert session.plan.next() == "wait"
    session.plan.finish(second, train(second, session.plan))
    third = session.next_job()
    assert (str(third.key), session.plan.next()) == ("final-chosen-2", "wait")
    session.plan.finish(first, train(first, session.plan))
    fourth = session.next_job()
    assert str(fourth.key) == "final-chosen-1"
    for job in (third, fourth):
        session.plan.finish(job, train(job, session.plan))
    assert session.plan.next() == "done"


def test_where_the_baseline_of_a_seed_fails_so_does_what_would_go_on_from_it(tmp_path):
    session = Session(*small_search(tmp_path, name="pruned", **PRUNED)).run(2)
    while isinstance(job := session.plan.next(), Job):
        if str(job.key) == "final-baseline-1":
            crash(job.folder)
        session.plan.finish(job, train(job, session.plan))
    finals = finals_of(session)
    assert {key: result.state for key, result in finals.items()} == {
        "final-baseline-1": "failed",
        "final-chosen-1": "failed",
        "final-baseline-2": "complete",
        "final-chosen-2": "complete",
    }
    assert finals["final-chosen-1"].error.startswith("the baseline on its seed could not be trained: ")


def test_interrupted_between_the_two_it_goes_on_from_the_net_that_is_kept(tmp_path, pruned):
    Session(*small_search(tmp_path, name="pruned", **PRUNED)).run(3)
    resumed = Session(*small_search(tmp_path, name="pruned", **PRUNED)).run()
    assert resumed.keys == ["final-chosen-1", "final-baseline-2", "final-chosen-2"]
    for key, result in finals_of(resumed).items():
        assert result.test_counts == finals_of(pruned)[key].test_counts
