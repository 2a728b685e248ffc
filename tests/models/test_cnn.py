import pytest
import torch
import torch.nn.functional as F

from fairtune.errors import InvalidInput
from fairtune.models.cnn import CNN
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU


@pytest.fixture(scope="module")
def net():
    with torch_stream(CPU, 0, "init"):
        return CNN((3, 32, 32), 10).double()


@pytest.fixture(scope="module")
def x():
    return torch.rand(4, 3, 32, 32, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def relu_before_pool(net, x):
    """The net as the paper draws it, in evaluation mode."""
    for pair in net.pairs:
        maps = F.relu(pair.second(F.relu(pair.first(x))))
        x = F.max_pool2d(maps, 2)
    features = F.relu(net.hidden(x.flatten(1)))
    return net.head(features), features, maps


def test_has_the_published_number_of_parameters(net):
    assert sum(parameter.numel() for parameter in net.parameters()) == 814_122


def test_returns_the_hidden_layer_and_the_last_map(net, x):
    out = net.eval()(x, want_maps=True)
    assert out.logits.shape == (4, 10)
    assert out.features.shape == (4, 256)
    assert out.maps.shape == (4, 128, 8, 8)


def test_relu_after_the_pool_gives_the_values_of_relu_before_it(net, x):
    out = net.eval()(x, want_maps=True)
    for ours, drawn in zip(out[:3], relu_before_pool(net, x), strict=True):
        torch.testing.assert_close(ours, drawn, rtol=1e-12, atol=1e-14)


def test_relu_after_the_pool_gives_the_gradients_of_relu_before_it(net, x):
    gradients = []
    for logits in (net.eval()(x).logits, relu_before_pool(net, x)[0]):
        gradients.append(torch.autograd.grad(logits.square().sum(), list(net.parameters())))
    for ours, drawn in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, drawn, rtol=1e-9, atol=1e-12)


def test_a_gradient_flows_through_the_maps(net, x):
    maps = net.train()(x, want_maps=True).maps
    maps.sum().backward()
    assert net.pairs[0].first.weight.grad.abs().sum() > 0


def test_drops_in_training_only(net, x):
    assert not torch.equal(net.train()(x).logits, net(x).logits)
    assert torch.equal(net.eval()(x).logits, net(x).logits)


@pytest.mark.parametrize("shape", [(3, 30, 32), (3, 4, 8), (12,)])
def test_other_sizes_are_refused_with_a_way_out(shape):
    with pytest.raises(InvalidInput, match=r"divisible by 8.*try mlp"):
        CNN(shape, 10)
