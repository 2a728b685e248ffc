import numpy as np
import pytest
import torch

from fairtune.seeding import STREAMS, generator, stream_seed, torch_stream
from fairtune.testing.trainings import CPU

KEYS = [(), (1,), (2,), (1, 1), (2, 1), (1, 2)]


def test_every_stream_and_key_is_its_own():
    draws = {(name, key): generator(7, name, *key).integers(2**62) for name in STREAMS for key in KEYS}
    assert len(set(draws.values())) == len(draws)


def test_a_key_of_zero_is_not_the_same_as_no_key():
    assert generator(7, "order", 3).random() != generator(7, "order", 3, 0).random()


def test_a_stream_is_the_same_every_time_and_differs_by_seed():
    assert stream_seed(1, "init", 3) == stream_seed(1, "init", 3)
    assert stream_seed(1, "init", 3) != stream_seed(2, "init", 3)
    assert 0 <= stream_seed(1, "init") < 2**63


def test_an_unknown_stream_is_refused():
    with pytest.raises(ValueError, match="unknown random stream 'ordre': the streams are data, init, order"):
        generator(0, "ordre")


def test_torch_s_generator_is_given_back_as_it_was():
    torch.rand(1)
    before = torch.get_rng_state()
    with torch_stream(CPU, 0, "noise"):
        torch.rand(100)
    assert torch.equal(torch.get_rng_state(), before)


def draw_and_fail():
    torch.rand(100)
    raise KeyError


def test_torch_s_generator_is_given_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), torch_stream(CPU, 0, "noise"):
        draw_and_fail()
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_inside_depend_on_the_stream_alone():
    draws = []
    for epoch in (1, 1, 2):
        torch.rand(epoch)
        with torch_stream(CPU, 3, "noise", epoch):
            draws.append(float(torch.rand(())))
    assert draws[0] == draws[1] != draws[2]


def test_numpy_s_global_generator_is_left_alone():
    before = np.random.get_state()[1].copy()
    with torch_stream(CPU, 0, "data"):
        generator(0, "data").random(10)
    np.testing.assert_array_equal(before, np.random.get_state()[1])
