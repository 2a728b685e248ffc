import itertools

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fairtune.methods.nst import nst_loss, selectivity
from fairtune.testing.examples import random_example, started


def random_maps(seed=0, shape=(3, 4, 2, 3)):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64).relu()


def nst_twin(student, teacher):
    """Mean over samples and pairs of channels of k(t, t) + k(s, s) - 2 k(t, s), k(u, v) = (u.v)^2, channels at unit norm."""

    def unit(channel):
        return channel.flatten() / channel.square().sum().sqrt().clamp(min=1e-12)

    batch, channels = student.shape[:2]
    total = 0
    for n, c, d in itertools.product(range(batch), range(channels), range(channels)):
        pairs = ((teacher, teacher, 1), (student, student, 1), (teacher, student, -2))
        total = total + sum(sign * (unit(u[n, c]) @ unit(v[n, d])) ** 2 for u, v, sign in pairs)
    return total / (batch * channels**2)


@pytest.mark.parametrize("shape", [(3, 4, 2, 3), (2, 1, 3, 3), (1, 5, 1, 2)])
def test_agrees_with_loops_over_pairs_of_channels(shape):
    student, teacher = random_maps(0, shape) + 0.1, random_maps(1, shape) + 0.1
    student.requires_grad_()
    values = nst_loss(student, selectivity(teacher)), nst_twin(student, teacher)
    torch.testing.assert_close(*values)
    torch.testing.assert_close(*(torch.autograd.grad(value, student)[0] for value in values))


def test_by_hand():
    student, teacher = torch.tensor([[[[3.0, 0.0]], [[0.0, 5.0]]]]), torch.tensor([[[[2.0, 0.0]], [[1.0, 0.0]]]])
    k_ss, k_tt, k_ts = 2 / 4, 4 / 4, 2 / 4
    assert float(nst_loss(student, selectivity(teacher))) == pytest.approx(k_ss + k_tt - 2 * k_ts)


def test_is_zero_for_equal_maps_and_for_permuted_channels():
    maps = random_maps()
    assert float(nst_loss(maps, selectivity(maps))) == pytest.approx(0, abs=1e-12)
    assert float(nst_loss(3 * maps[:, [2, 0, 3, 1]], selectivity(maps))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dead", [(0, 1), (2, slice(None)), (slice(None), 3)], ids=["a channel", "a map", "a channel of all"])
def test_dead_channels_get_no_gradient(dead):
    student = random_maps()
    student[dead] = 0
    student.requires_grad_()
    loss = nst_loss(student, selectivity(random_maps(1)))
    loss.backward()
    torch.testing.assert_close(loss, nst_twin(student, random_maps(1)))
    assert torch.isfinite(student.grad).all()
    assert not student.grad[dead].any()
    assert student.grad.any()


def test_on_vectors_the_gradient_is_zero():
    student = torch.rand(4, 8, dtype=torch.float64).requires_grad_()
    loss = nst_loss(student, selectivity(torch.tensor([[0.0, 1.0] * 4], dtype=torch.float64).expand(4, 8)))
    loss.backward()
    assert float(loss.detach()) == pytest.approx((1 - 0.5) ** 2)
    assert student.grad.abs().max() < 1e-12


class Largest(TorchDispatchMode):
    """The number of elements of the largest tensor that any operation returns, backward passes included."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for part in result if isinstance(result, tuple | list) else [result]:
            if isinstance(part, torch.Tensor):
                self.elements = max(self.elements, part.numel())
        return result


def test_no_tensor_is_larger_than_the_maps():
    batch, channels, side = 4, 64, 3
    student, teacher = (random_maps(seed, (batch, channels, side, side)) for seed in range(2))
    with Largest() as largest:
        nst_loss(student.requires_grad_(), selectivity(teacher)).backward()
    assert largest.elements == student.numel() < batch * channels**2


def test_the_teacher_gets_no_gradient():
    teacher = random_maps(1).requires_grad_()
    nst_loss(random_maps().requires_grad_(), selectivity(teacher)).backward()
    assert teacher.grad is None


def test_the_method_weighs_the_term_and_compares_maps():
    example = random_example(torch.tensor([0, 1]), torch.tensor([0, 1]))
    expected = 7 * nst_twin(example.student.maps, example.teacher.maps)
    for protocol in ("fixed", "official"):
        torch.testing.assert_close(example.terms(started("nst", {"nst.weight": 7.0}, protocol=protocol))["nst"], expected)
