"""Two searches of one folder, run side by side in this process."""

import pytest

from fairtune.search.shared import Shared
from fairtune.study.jobs import Job
from tests.search_helpers import Session, Watcher, small_search, train

pytestmark = pytest.mark.usefixtures("trained_once")


def begun(runs, name, watcher=None):
    return Session(*small_search(runs, name=name, epochs=1, trials=1), observers=[watcher] if watcher else [])


def test_who_comes_second_waits_for_the_baseline_and_takes_it_over(tmp_path, caplog):
    first, watcher = begun(tmp_path, "first"), Watcher()
    second = begun(tmp_path, "second", watcher)
    with Shared() as its, Shared() as others:
        baseline = its.allowed(first.plan)
        assert isinstance(baseline, Job)
        assert baseline.kind == "baseline"
        assert [others.allowed(second.plan) for _ in range(3)] == ["wait"] * 3
        (line,) = [record.getMessage() for record in caplog.records if record.name == "fairtune.locks"]
        assert line.startswith(f"waiting for the baseline {baseline.spec.id}, in use by process ")
        first.plan.finish(baseline, train(baseline, first.plan))
        its.ended(baseline)
        assert str(others.allowed(second.plan).key) == "trial-0"
    assert second.study.baseline == first.study.baseline
    assert watcher.events("started", "finished")[:2] == [("started", "baseline"), ("finished", "baseline", None)]


def test_who_is_stopped_lets_another_train_it(tmp_path):
    first, second = begun(tmp_path, "first"), begun(tmp_path, "second")
    with Shared() as others:
        with Shared() as its:
            its.allowed(first.plan)
            assert others.allowed(second.plan) == "wait"
        assert str(others.allowed(second.plan).key) == "baseline"
