"""What a trial is expected to take of the machine's memory."""

import sys
from pathlib import Path

import pytest
import torch

from fairtune.api.expected import abreast, expect
from fairtune.api.memory import CUDA_GIB, PROCESS_GIB, counted_gib, gib_with, taken_by
from fairtune.request.checks import resources
from fairtune.study.key import JobKey
from fairtune.training.cost import Shape
from fairtune.training.data import open_data
from tests.search_helpers import Session, small_search

MIB = 2**20


def opened(spec, place):
    return open_data(spec.baseline(), Path(place.data))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a process forget its peak")
def test_what_an_act_takes_is_seen_after_it_has_been_given_back():
    def act():
        return torch.ones(64 * MIB, dtype=torch.uint8).numel()

    outcome, taken = taken_by(act)
    assert outcome == 64 * MIB
    assert 60 * MIB < taken < 200 * MIB


def test_on_the_cpu_it_follows_the_tensors_of_the_baseline(tmp_path):
    spec, place = small_search(tmp_path)
    shape = Shape.of(opened(spec, place))
    small, large = (counted_gib(spec.model_copy(update={"batch_size": size}), shape, on_gpu=False) for size in (8, 500))
    assert PROCESS_GIB < small < large < PROCESS_GIB + 0.1
    assert gib_with(2**30) == PROCESS_GIB + 1.25


def test_on_a_gpu_the_tensors_lie_there(tmp_path):
    spec, place = small_search(tmp_path)
    assert counted_gib(spec, Shape.of(opened(spec, place)), on_gpu=True) == PROCESS_GIB + CUDA_GIB


@pytest.mark.usefixtures("trained_once")
def test_a_baseline_that_was_trained_says_what_it_took(tmp_path):
    session = Session(*small_search(tmp_path))
    before = expect(session.spec, session.place, opened(session.spec, session.place)).memory_gib
    assert PROCESS_GIB <= before < 2 * PROCESS_GIB
    session.run(1)
    took_mb = session.folder.job(JobKey("baseline"), session.spec.baseline()).read_trained().peak_memory_mb
    known = expect(session.spec, session.place, opened(session.spec, session.place)).memory_gib
    assert known == max(PROCESS_GIB, took_mb / 1024)


def test_fewer_run_at_a_time_where_more_do_not_fit(tmp_path):
    _, place = small_search(tmp_path, cpus_per_trial=0.1)
    assert abreast(place) >= 10
    assert abreast(place.model_copy(update={"expected_memory_gib": 1e6})) == 1
    assert abreast(place.model_copy(update={"expected_memory_gib": 1e6, "memory_per_trial": 0.0})) == abreast(place)


def test_more_than_this_machine_has_is_refused(tmp_path):
    _, place = small_search(tmp_path)
    (fault,) = resources(place.model_copy(update={"memory_per_trial": 1e6}))
    assert fault.startswith("--memory-per-trial 1e+06: this machine has ")
