"""Trials that wait at a rung and are taken up again, on a real Ray cluster with one worker."""

import pytest

from fairtune.search.run import run_search
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.search.test_halving import ORDER, SEARCH
from tests.search.test_ray import pytestmark as ray_marks
from tests.search.test_ray import ray_tmpdir
from tests.search_helpers import Watcher, small_search

pytestmark = ray_marks
__all__ = ["ray_tmpdir"]


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    spec, place = small_search(tmp_path_factory.mktemp("runs"), **SEARCH, max_concurrent=1)
    folder, watcher = RunFolder.of(place), Watcher()
    folder.save(spec, place)
    study = SearchStudy(folder.study, spec)
    run_search(spec, place, study, [watcher])
    return study, watcher, folder


def test_tune_runs_the_trials_in_the_order_of_the_plan(search):
    study, watcher, _ = search
    assert [key for _, key in watcher.events("started")][: len(ORDER)] == ORDER
    assert [(record.state, record.result.epochs) for record in study.records()] == [
        ("complete", 3),
        ("complete", 3),
        ("pruned", 1),
        ("complete", 3),
    ]


def test_no_epoch_is_reported_twice(search):
    _, watcher, _ = search
    for key in ("trial-0", "trial-1", "trial-2", "trial-3"):
        epochs = [event[2] for event in watcher.events("progressed") if event[1] == key]
        assert epochs == sorted(set(epochs))


def test_no_checkpoint_is_left(search):
    _, _, folder = search
    assert not list(folder.path.rglob("checkpoint*.pt"))
