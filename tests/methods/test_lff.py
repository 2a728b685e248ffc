import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.methods.lff import amplified_losses
from fairtune.records import Batch
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import tiny_training, train_epochs

Y, GROUPS = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 0, 1, 1, 0])


def part_of(composite):
    return composite.parts["lff"]


def test_the_biased_net_differs_in_its_head_alone_and_leaves_the_net():
    training = tiny_training("lff")
    biased = part_of(training.method).biased
    same = {name: torch.equal(value, training.net.state_dict()[name]) for name, value in biased.state_dict().items()}
    assert {name for name, equal in same.items() if not equal} == {"head.weight", "head.bias"}
    before = {name: value.clone() for name, value in biased.state_dict().items()}
    train_epochs(training, 1)
    assert not any(torch.equal(before[name], value) for name, value in biased.named_parameters())


def test_the_amplified_loss_has_the_gradient_of_the_generalised_cross_entropy():
    logits = random_example(Y, GROUPS).student.logits
    p = logits.softmax(1).gather(1, Y[:, None]).squeeze(1)
    ours, theirs = (torch.autograd.grad(loss.sum(), logits)[0] for loss in (amplified_losses(logits, Y, 0.6), 1 - p**0.6))
    torch.testing.assert_close(ours, theirs)


def test_what_is_hard_for_the_biased_net_counts_for_more():
    part = part_of(started("lff"))
    batch = random_example(Y, GROUPS).batch
    easy = torch.tensor([0.5, 0.5, 0.5, 0.5, 0.5], dtype=torch.float64)
    biased = 4 * F.one_hot(Y, 3).double()
    biased[0] = -biased[0]
    weights = part.weights_of(biased, easy, batch)
    assert weights[0] == pytest.approx(0.5)
    assert weights[3] < 0.05


def test_memories_are_of_samples_wherever_they_are_in_a_batch():
    part = part_of(started("lff", {"lff.decay": 0.7}))
    losses = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    y = torch.tensor([0, 0, 1])
    for index in ([5, 7, 9], [7, 5, 9]):
        part.weights_of(torch.zeros(3, 3, dtype=torch.float64), losses, Batch(losses, y, y, torch.tensor(index)))
    assert part.of_net.average[[5, 7, 9]].tolist() == pytest.approx([0.7 * 1 + 0.3 * 2, 0.7 * 2 + 0.3 * 1, 3])
    assert np.count_nonzero(part.of_net.average.numpy()) == 3


def test_a_class_that_the_biased_net_fits_perfectly_counts_nothing_and_officially_is_undefined():
    sure = 1e3 * F.one_hot(Y, 3).double()
    losses = torch.ones(5, dtype=torch.float64)
    fixed, official = (part_of(started("lff", protocol=protocol)) for protocol in ("fixed", "official"))
    batch = random_example(Y, GROUPS).batch
    assert not fixed.weights_of(sure, losses, batch).any()
    assert official.weights_of(sure, losses, batch).isnan().all()
