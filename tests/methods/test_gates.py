import math

import pytest
import torch
from torch import nn

from fairtune.methods._gates import Gate, Plateau, gate, gate_channels, gate_weights, layers, prune, sparsity

ONE = torch.ones(())


def small_net():
    """A convolution without a bias, one with, batch normalisation in between, and a head."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        norm = nn.BatchNorm2d(4)
        net = nn.Sequential(
            nn.Conv2d(3, 4, 3, bias=False), norm, nn.ReLU(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(20, 2)
        )
        norm.running_mean.uniform_()
        norm.running_var.uniform_(0.5, 2)
        nn.init.uniform_(norm.bias)
    return net.eval().requires_grad_(False)


def images():
    return torch.rand(6, 3, 6, 6, generator=torch.Generator().manual_seed(1))


def by_weight(net):
    return gate_weights(net, ONE)


def by_channel(net):
    return gate_channels(net, net[-1], ONE)


both = pytest.mark.parametrize("install", [by_weight, by_channel])


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_a_gate_is_twice_the_sigmoid_cut_off_at_one(temperature):
    g = torch.tensor([-1.0, -0.1, 0.0, 0.1, 1.0], dtype=torch.float64)
    expected = [min(1, 2 / (1 + math.exp(-value / temperature))) for value in g.tolist()]
    torch.testing.assert_close(gate(g, temperature), torch.tensor(expected, dtype=torch.float64))


def test_the_gradient_passes_straight_through_the_cut():
    g = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64, requires_grad=True)
    gate(g, 0.5).sum().backward()
    s = torch.sigmoid(g.detach() / 0.5)
    torch.testing.assert_close(g.grad, 2 * s * (1 - s) / 0.5)


def test_infinite_gates_are_open_or_closed_and_have_no_gradient():
    g = torch.tensor([-math.inf, math.inf], requires_grad=True)
    values = gate(g, 1e-8)
    values.sum().backward()
    assert values.tolist() == [0, 1]
    assert g.grad.tolist() == [0, 0]


def test_one_gate_per_leading_index_multiplies_the_rest():
    tensor = torch.arange(12.0).view(2, 3, 2)
    gated = Gate(nn.Parameter(torch.tensor([0.0, -math.inf])), ONE)(tensor)
    assert torch.equal(gated, tensor * torch.tensor([1.0, 0.0]).view(2, 1, 1))


@both
def test_gates_start_open(install):
    net = small_net()
    before = net(images())
    install(net)
    assert torch.equal(net(images()), before)


@both
def test_gates_leave_weights_and_normalisation_as_they_were(install):
    net, plain = small_net(), small_net()
    gates = install(net)
    with torch.no_grad():
        for g in gates:
            g.normal_(generator=torch.Generator().manual_seed(2))
    prune(net)
    assert net.state_dict().keys() == plain.state_dict().keys()
    for name, value in net.state_dict().items():
        original = plain.state_dict()[name]
        if name.endswith("weight") and value.dim() > 1:
            assert torch.equal(value, torch.where(value == 0, 0, original))
        elif install is by_weight or name.startswith("1."):
            assert torch.equal(value, original)
    small_net().load_state_dict(net.state_dict())


def test_every_weight_has_a_gate_the_head_s_too():
    net = small_net()
    shapes = [layer.weight.shape for layer in layers(net)]
    assert [g.shape for g in by_weight(net)] == shapes
    assert len(shapes) == 3


def test_every_channel_has_a_gate_but_the_head_s():
    net = small_net()
    assert [tuple(g.shape) for g in by_channel(net)] == [(4,), (5,)]
    assert not hasattr(net[-1], "parametrizations")


def test_a_gate_multiplies_its_weight():
    net, plain = small_net(), small_net()
    first, *_ = by_weight(net)
    with torch.no_grad():
        first[2, 1, 0, 0] = -1.0
    expected = plain[0].weight.clone()
    expected[2, 1, 0, 0] *= 2 / (1 + math.e)
    torch.testing.assert_close(net[0].weight, expected)


def test_pruned_channels_put_out_exactly_zero_before_normalisation():
    net, plain = small_net(), small_net()
    first, second = by_channel(net)
    with torch.no_grad():
        first.copy_(torch.tensor([-1.0, 1.0, 0.0, -1e-9]))
        second.copy_(torch.tensor([1.0, -1.0, 1.0, 1.0, 1.0]))
    prune(net)
    x, hidden = images(), plain[:3](images())
    assert not net[0](x)[:, [0, 3]].any()
    assert torch.equal(net[0](x)[:, 1:3], plain[0](x)[:, 1:3])
    assert not net[3](hidden)[:, 1].any()
    assert net[3].bias[1] == 0
    kept = [0, 2, 3, 4]
    assert torch.equal(net[3].bias[kept], plain[3].bias[kept])


def test_open_gates_prune_nothing_and_closed_ones_everything():
    for value, expected in ((0.0, 0.0), (1e-30, 0.0), (-1e-30, 1.0)):
        net = small_net()
        for g in by_weight(net):
            nn.init.constant_(g, value)
        assert sparsity(net) == expected
        prune(net)
        assert sparsity(net) == expected


@both
def test_sparsity_is_the_share_of_weights_that_closed_gates_cover(install):
    net = small_net()
    gates = install(net)
    with torch.no_grad():
        for g in gates:
            g.normal_(generator=torch.Generator().manual_seed(3))
    covered = sum(int((g < 0).sum()) * (layer.weight.numel() // g.numel()) for g, layer in zip(gates, layers(net), strict=False))
    expected = covered / sum(layer.weight.numel() for layer in layers(net))
    assert 0 < expected < 1
    assert sparsity(net) == expected
    prune(net)
    assert sparsity(net) == expected
    assert not any(hasattr(layer, "parametrizations") for layer in layers(net))


def test_a_plateau_is_more_than_patience_values_without_improvement():
    plateau = Plateau(patience=2, threshold=0.1)
    values = [1.0, 0.95, 0.91, 0.89, 0.85, 0.82, 0.81]
    assert [plateau.reached(value) for value in values] == [False, False, False, False, False, False, True]


def test_a_best_value_below_zero_cannot_be_improved_on():
    plateau = Plateau(patience=0, threshold=0.1)
    assert [plateau.reached(value) for value in (0.5, -0.1, -5.0)] == [False, False, True]


def test_nan_is_no_improvement():
    plateau = Plateau(patience=0, threshold=0.1)
    assert plateau.reached(math.nan)
