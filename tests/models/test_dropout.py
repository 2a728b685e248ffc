import pytest
import torch

from fairtune.models._dropout import Dropout
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU

N = 400_000


@pytest.fixture(autouse=True)
def _stream():
    with torch_stream(CPU, 0, "noise"):
        yield


@pytest.mark.parametrize("p", [1 / 256, 0.25, 0.5, 255 / 256])
def test_zeroes_the_share_p_and_scales_the_rest(p):
    dropped = Dropout(p)(torch.ones(N, dtype=torch.float64))
    standard_error = (p * (1 - p) / N) ** 0.5
    assert float((dropped == 0).double().mean()) == pytest.approx(p, abs=5 * standard_error)
    assert set(dropped.unique().tolist()) == {0.0, 1 / (1 - p)}


def test_mean_stays_as_it_is():
    x = torch.rand(N, dtype=torch.float64)
    deviation = float((Dropout(0.25)(x) - x).mean())
    assert deviation == pytest.approx(0, abs=5 * float(x.square().mean() / 3 / N) ** 0.5)


def test_elements_drop_independently_of_their_neighbours():
    kept = (Dropout(0.5)(torch.ones(N)) > 0).double() - 0.5
    for distance in (1, 2, 7, 8, 64):
        correlation = float((kept[distance:] * kept[:-distance]).mean() * 4)
        assert correlation == pytest.approx(0, abs=5 / N**0.5)


def test_does_nothing_in_evaluation_or_for_p_zero():
    x = torch.rand(100)
    assert Dropout(0.5).eval()(x) is x
    assert Dropout(0.0)(x) is x


def test_gradient_is_the_mask():
    x = torch.ones(1000, requires_grad=True)
    dropped = Dropout(0.25)(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, dropped.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_keeps_type_and_memory_format(dtype, memory_format):
    x = torch.ones(3, 5, 7, 7, dtype=dtype).contiguous(memory_format=memory_format)
    dropped = Dropout(0.25)(x)
    assert dropped.dtype == dtype
    assert dropped.stride() == x.stride()
    assert 0 < (dropped == 0).float().mean() < 0.5


@pytest.mark.parametrize("size", [1, 7, 8, 9])
def test_any_number_of_elements_will_do(size):
    assert Dropout(0.25)(torch.ones(size)).shape == (size,)


def test_the_stream_decides_the_mask():
    masks = []
    for seed in (1, 1, 2):
        with torch_stream(CPU, seed, "noise", 3):
            masks.append(Dropout(0.5)(torch.ones(100)))
    assert torch.equal(masks[0], masks[1])
    assert not torch.equal(masks[0], masks[2])


@pytest.mark.parametrize("p", [-0.25, 1.0, 1.5, 0.1])
def test_other_probabilities_are_refused(p):
    with pytest.raises(ValueError, match=f"{p} must be a multiple of 1/256"):
        Dropout(p)
