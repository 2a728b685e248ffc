import pytest
import torch
from torch import nn

from fairtune.methods.sam import ascent
from fairtune.testing.trainings import tiny_training


def first_batch(training):
    training._order = torch.from_numpy(training.batch_order())
    training.net.train()
    return training._order[0]


def loss_of(training, batch):
    student = training.forward(batch)
    terms = {"ce": training.method.task_loss(student, batch)} | training.method.loss(student, {}, batch, None)
    return torch.stack(list(terms.values())).sum()


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("method", ["sam", "sam+gap", "group_dro+sam"])
def test_a_step_descends_the_gradient_of_the_whole_loss_at_the_worst_point_nearby(method, adaptive):
    values = {"sam.radius": 0.1, "sam.adaptive": adaptive}
    ours, by_hand = (tiny_training(method, values, precision="float64") for _ in range(2))
    index = first_batch(ours)
    batch = by_hand.train.batch(index)
    weights = list(by_hand.net.parameters())
    start = [weight.detach().clone() for weight in weights]
    remembered = [buffer.clone() for buffer in by_hand.method.buffers]
    steps = ascent(start, list(torch.autograd.grad(loss_of(by_hand, batch), weights)), 0.1, adaptive=adaptive)
    with torch.no_grad():
        for weight, step in zip(weights, steps, strict=True):
            weight.copy_(weight + step)
        first = [buffer.clone() for buffer in by_hand.method.buffers]
    gradients = torch.autograd.grad(loss_of(by_hand, batch), weights)
    ours.step(index)
    for weight, gradient in zip(ours.net.parameters(), gradients, strict=True):
        torch.testing.assert_close(weight.grad, gradient)
    for buffer, expected in zip(ours.method.buffers, first, strict=True):
        assert torch.equal(buffer, expected)
    assert len(remembered) == len(first)


def test_running_statistics_are_those_of_the_first_pass():
    nets = []
    for method in ("scratch", "sam"):
        training = tiny_training(method)
        training.net.layers.append(nn.BatchNorm1d(128))
        training.step(first_batch(training))
        nets.append(training.net)
    plain, ours = (dict(net.named_buffers()) for net in nets)
    assert all(torch.equal(value, ours[name]) for name, value in plain.items())
    assert int(ours["layers.2.num_batches_tracked"]) == 1


def test_where_the_loss_is_flat_nothing_is_displaced():
    weights = [torch.ones(3), torch.ones(2)]
    assert not any(step.any() for step in ascent(weights, [torch.zeros(3), torch.zeros(2)], 0.5, adaptive=False))
    steps = ascent(weights, [torch.tensor([3.0, 0.0, 0.0]), torch.tensor([0.0, 4.0])], 0.5, adaptive=False)
    assert torch.cat(steps).tolist() == pytest.approx([0.3, 0, 0, 0, 0.4])
