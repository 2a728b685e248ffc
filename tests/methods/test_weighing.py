"""What a method's weights make of the samples drawn, whatever the sampler."""

import math

import numpy as np
import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.methods import Method, components, compose
from fairtune.plugins import names
from fairtune.testing.trainings import digits_training

EPOCHS = 8


def as_drawn(joint):
    return joint


def independent(joint):
    """Reweighing: label and group independent, their shares as drawn."""
    return np.outer(joint.sum(1), joint.sum(0))


def equal(joint):
    """Group DRO, before it has seen a loss: every cell alike."""
    return np.full_like(joint, 1 / joint.size)


PROMISED = {"reweight": independent, "group_dro": equal, "cell_weights": equal}


def composes(method):
    try:
        compose(method, {})
    except InvalidInput:
        return False
    return True


METHODS = [*filter(composes, [*names("method"), *(f"ss+{name}" for name in names("method") if name != "ss"), "mfd+group_dro"])]


def joint_of(batch, weights):
    flat = torch.zeros(20, dtype=torch.float64).index_add(0, batch.a * 10 + batch.y, weights.double())
    return (flat / flat.sum()).reshape(2, 10).numpy()


def information(joint):
    return float((joint * np.log(joint / independent(joint))).sum())


def drawn(method):
    """A training on skewed digits and the samples of some of its epochs as one batch."""
    training = digits_training(method)
    orders = []
    for training.epoch in range(EPOCHS):
        orders.append(training.batch_order().ravel())
    return training, training.train.batch(torch.from_numpy(np.concatenate(orders)))


@pytest.mark.parametrize("method", METHODS)
def test_the_weighted_samples_are_distributed_as_promised_whatever_the_sampler(method):
    training, batch = drawn(method)
    ones = torch.ones(len(batch.y))
    given = [part.sample_weights(ones, batch) for part in training.method.parts.values()]
    weights = math.prod((some for some in given if some is not None), start=ones)
    promise = next((PROMISED[part] for part in components(method) if part in PROMISED), as_drawn)
    expected = promise(joint_of(batch, ones))
    np.testing.assert_allclose(joint_of(batch, weights), expected, atol=0.006)
    assert float(weights.mean()) == pytest.approx(1, abs=0.02)


def test_weights_leave_no_information_about_the_group_in_the_label():
    training, batch = drawn("reweight")
    ones = torch.ones(len(batch.y))
    weights = training.method.parts["reweight"].sample_weights(ones, batch)
    assert information(joint_of(batch, weights)) < 0.003
    assert information(joint_of(batch, ones)) > 0.15


def joins_others_and_balances(name):
    return Method.load(name).sampling == "balanced" and not Method.load(name).alone


@pytest.mark.parametrize("balancing", [name for name in names("method") if joins_others_and_balances(name)])
def test_what_is_balanced_is_not_weighed_again(balancing):
    with pytest.raises(InvalidInput, match=f"reweight weighs what the batches of {balancing} have balanced already"):
        compose(f"{balancing}+reweight", {})
