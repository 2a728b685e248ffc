"""What a trial is expected to take of the machine's memory."""

from pathlib import Path

import pytest

from fairtune.api.expected import abreast, expect
from fairtune.api.memory import CUDA_GIB, PROCESS_GIB, counted_gib, gib_with
from fairtune.request.checks import resources
from fairtune.training.cost import Shape
from fairtune.training.data import open_data
from tests.search_helpers import Session, small_search


def opened(spec, place):
    return open_data(spec.baseline(), Path(place.data))


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
def test_a_trial_is_expected_to_take_as_much_before_and_after_the_baseline(tmp_path):
    session = Session(*small_search(tmp_path))
    before = expect(session.spec, session.place, opened(session.spec, session.place), session.study).memory_gib
    assert PROCESS_GIB < before < 2 * PROCESS_GIB
    session.run(1)
    known = expect(session.spec, session.place, opened(session.spec, session.place), session.study).memory_gib
    assert known == before


def test_fewer_run_at_a_time_where_more_do_not_fit(tmp_path):
    _, place = small_search(tmp_path, cpus_per_trial=0.1)
    assert abreast(place) >= 10
    assert abreast(place.model_copy(update={"expected_memory_gib": 1e6})) == 1
    assert abreast(place.model_copy(update={"expected_memory_gib": 1e6, "memory_per_trial": 0.0})) == abreast(place)


def test_more_than_this_machine_has_is_refused(tmp_path):
    _, place = small_search(tmp_path)
    (fault,) = resources(place.model_copy(update={"memory_per_trial": 1e6}))
    assert fault.startswith("--memory-per-trial 1e+06: this machine has ")
