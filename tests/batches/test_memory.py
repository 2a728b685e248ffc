import torch

from fairtune.batches.memory import fits, moved
from fairtune.testing.trainings import CPU


def test_half_of_a_gpu_is_left_to_the_nets():
    assert fits(500, 1000)
    assert not fits(501, 1000)


def test_a_host_s_tensor_moves_to_the_cpu_as_it_is():
    assert torch.equal(moved(torch.arange(3), CPU), torch.arange(3))
