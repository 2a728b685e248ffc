"""Trainings that run beside one that is timed."""

import subprocess
from pathlib import Path

import psutil
import pytest

from fairtune.plugins import _given
from fairtune.training.neighbours import neighbours
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


def test_they_train_until_the_block_ends(tmp_path, others):
    spec, place = small_search(tmp_path, dataset="digits", model="cnn", method="scratch")
    with neighbours(trainings(spec), Path(place.data), number=1, threads=1):
        (other,) = others
        before = psutil.Process(other.pid).cpu_times().user
        while psutil.Process(other.pid).cpu_times().user <= before:
            assert other.poll() is None
    assert other.returncode is not None


def test_one_that_fails_is_not_waited_for(tmp_path, others):
    spec, place = small_search(tmp_path, method="scratch")
    wrong = [trial.model_copy(update={"batch_size": 10**6}) for trial in trainings(spec)]
    with neighbours(wrong, Path(place.data), number=1, threads=1):
        assert others[0].wait(100) != 0
    assert len(others) == 1
