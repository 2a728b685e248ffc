"""Trainings that run beside one that is timed."""

import subprocess
from pathlib import Path

import psutil
import pytest

from fairtune.plugins import _given
from fairtune.training.neighbours import Neighbours
from tests.search_helpers import small_search


def trainings(spec):
    return [spec.trial(method, space.fixed, needs_baseline=False) for method, space in spec.spaces.items()]


@pytest.fixture
def others(monkeypatch):
    """The processes that were started; this one knows no class of a notebook, whatever tests ran before."""
    monkeypatch.setattr(_given, "_kept", {})
    started = []
    start = subprocess.Popen.__init__

    def starting(process, *given, **options):
        start(process, *given, **options)
        started.append(process)

    monkeypatch.setattr(subprocess.Popen, "__init__", starting)
    return started


def wait_until_it_works(process):
    before = process.cpu_times().user
    while process.cpu_times().user <= before:
        assert process.is_running()


def test_they_train_while_asked_to_and_end_with_the_block(tmp_path, others):
    spec, place = small_search(tmp_path, dataset="digits", model="cnn", method="scratch")
    with Neighbours() as neighbours:
        for _ in range(2):
            with neighbours.training(trainings(spec), Path(place.data), number=1, threads=1):
                (other,) = others
                wait_until_it_works(psutil.Process(other.pid))
        assert other.poll() is None
    assert other.returncode is not None


def test_one_that_fails_is_not_waited_for_and_another_takes_its_place(tmp_path, others):
    spec, place = small_search(tmp_path, method="scratch")
    right = trainings(spec)
    wrong = [trial.model_copy(update={"batch_size": 10**6}) for trial in right]
    with Neighbours() as neighbours:
        with neighbours.training(wrong, Path(place.data), number=1, threads=1):
            assert others[0].returncode is not None
        with neighbours.training(right, Path(place.data), number=1, threads=1):
            assert len(others) == 2
            assert others[1].poll() is None


def test_there_is_none_unless_one_is_asked_for(tmp_path, others):
    spec, place = small_search(tmp_path, method="scratch")
    with Neighbours() as neighbours, neighbours.training(trainings(spec), Path(place.data), number=0, threads=1):
        assert others == []
