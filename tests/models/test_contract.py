"""What every net must do."""

import pytest
import torch

from fairtune.plugins import load, names
from fairtune.records import Outputs
from fairtune.seeding import torch_stream
from tests.builders import CPU

SHAPE = (3, 16, 16)
every_model = pytest.mark.parametrize("name", names("model"))


def build(name, shape=SHAPE, num_classes=5, seed=0):
    with torch_stream(CPU, seed, "init"):
        return load("model", name)(shape, num_classes)


def images(batch=4, shape=SHAPE, dtype=torch.float32):
    return torch.rand(batch, *shape, generator=torch.Generator().manual_seed(0)).to(dtype)


@every_model
@pytest.mark.parametrize("batch", [1, 4])
def test_outputs_have_the_promised_shapes(name, batch):
    out = build(name)(images(batch))
    assert isinstance(out, Outputs)
    assert out.logits.shape == (batch, 5)
    assert out.features.shape[0] == batch
    assert out.maps is None


@every_model
def test_maps_are_four_dimensional_where_there_are_any(name):
    maps = build(name)(images(), want_maps=True).maps
    assert maps is None or (maps.ndim == 4 and len(maps) == 4)


@every_model
def test_asking_for_maps_changes_nothing_else(name):
    net = build(name).eval()
    plain, with_maps = net(images()), net(images(), want_maps=True)
    assert torch.equal(plain.logits, with_maps.logits)
    assert torch.equal(plain.features, with_maps.features)


@every_model
def test_float64_gives_float64_and_the_same_values(name):
    net = build(name).eval()
    single = net(images())
    double = net.double()(images(dtype=torch.float64))
    assert double.logits.dtype == double.features.dtype == torch.float64
    torch.testing.assert_close(single.logits.double(), double.logits, rtol=1e-4, atol=1e-5)


@every_model
def test_every_parameter_gets_a_gradient(name):
    net = build(name)
    net(images(16)).logits.square().sum().backward()
    assert [key for key, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


@every_model
def test_samples_do_not_see_each_other_in_evaluation(name):
    net = build(name).eval()
    torch.testing.assert_close(net(images()).logits[2:3], net(images()[2:3]).logits)


@every_model
def test_the_stream_decides_the_weights(name):
    first, again, other = (build(name, seed=seed).state_dict()["head.weight"] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@every_model
def test_channels_last_memory_changes_no_value(name):
    net = build(name).eval()
    x = images()
    torch.testing.assert_close(
        net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last)).logits, net(x).logits
    )
