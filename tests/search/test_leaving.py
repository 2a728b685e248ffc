"""A worker whose node is about to be taken away."""

import pytest

from fairtune.search import trainable
from fairtune.search.leaving import node_is_leaving
from fairtune.search.trainable import TrialTrainable, job_config
from tests.search_helpers import Session, small_search

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture
def worker(tmp_path, monkeypatch):
    """Starts workers of one training, which report after each epoch."""
    monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
    session = Session(*small_search(tmp_path, epochs=8))
    config = dict(job_config(session.next_job(), session.place))
    started = []

    def start():
        started.append(TrialTrainable(config))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def test_keeps_its_training_after_this_very_epoch_and_ends(worker, monkeypatch):
    here = worker()
    # A training's first checkpoint comes with its first epoch; how often later ones come depends on the time they take.
    monkeypatch.setattr("fairtune.training.trial._is_due", lambda *times: False)
    assert [here.train()["must_go"] for _ in range(3)] == [False] * 3
    monkeypatch.setattr(trainable, "node_is_leaving", lambda: True)
    last = here.train()
    assert (last["must_go"], last["epoch"]) == (True, 4)
    with pytest.raises(TypeError, match="exit_actor"):  # here no actor could end
        here.train()
    monkeypatch.setattr(trainable, "node_is_leaving", lambda: False)
    assert worker().train()["epoch"] == 5


def test_a_process_outside_a_cluster_stays():
    assert not node_is_leaving()
