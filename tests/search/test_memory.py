"""Trainings that run out of memory: tried again among fewer, once, then failed with their reason."""

import pytest

from fairtune.training.fault import is_out_of_memory
from fairtune.training.trial import failed
from tests.search_helpers import Session, small_search, train


@pytest.fixture
def crowded(tmp_path):
    """A search of three trials of which the first runs out of memory, and its first two jobs, which have begun."""
    file = tmp_path / "points.yaml"
    file.write_text("{points: [{weight: 2}, {weight: 1}, {weight: 0.5}]}")
    session = Session(*small_search(tmp_path, method="tests.search.troubled:Hungry", space=str(file))).run(1)
    return session, session.plan.next(), session.plan.next()


def test_it_is_tried_again_among_fewer_and_then_failed_with_its_reason(crowded, caplog):
    session, hungry, other = crowded
    session.plan.finish(hungry, train(hungry, session.plan))
    assert caplog.messages == ["trial-0 ran out of memory: it is tried again, and from now on 1 run at a time"]
    assert session.trials[0].state == "running"
    assert hungry.folder.checkpoint.is_file()
    assert session.plan.next() == "wait"
    session.plan.finish(other, train(other, session.plan))
    again = session.plan.next()
    assert again.key == hungry.key
    assert session.plan.next() == "wait"
    session.plan.finish(again, train(again, session.plan))
    assert session.trials[0].state == "failed"
    assert session.trials[0].result.error == "out of memory: lower --batch-size or --max-concurrent (MemoryError)"
    assert not hungry.folder.checkpoint.exists()
    assert [record.state for record in session.run().trials] == ["failed", "complete", "complete"]
    assert session.plan.complete


def test_one_that_is_alone_fails_at_once(crowded):
    session, hungry, other = crowded
    session.plan.finish(other, train(other, session.plan))
    session.plan.finish(hungry, train(hungry, session.plan))
    assert session.trials[0].state == "failed"


def test_a_worker_that_died_again_and_again_may_have_wanted_memory(crowded):
    session, hungry, _ = crowded
    session.plan.finish(hungry, failed(hungry.spec, "its worker process died").model_copy(update={"starved": True}))
    assert session.trials[0].state == "running"


def test_the_machine_s_memory_is_known_by_what_torch_says():
    said = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 B."
    assert is_out_of_memory(RuntimeError(said))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
