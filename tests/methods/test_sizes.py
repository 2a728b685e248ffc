"""Losses and weights that go by sizes of classes and cells, or by losses alone."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.methods.cvar_dro import worst_share_weights
from fairtune.methods.ldam import margins
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import parameters, tiny_training, train_epochs

CELLS = np.array([[10, 40, 0], [30, 20, 0]])
Y, GROUPS = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])


def of(method, **values):
    composite = started(method, {f"{method}.{name}": value for name, value in values.items()})
    part = composite.parts[method]
    part.start(part.context._replace(cells=CELLS, shares=CELLS / CELLS.sum()))
    return composite, part


def test_weights_are_one_on_average_over_what_is_drawn():
    _, part = of("cell_weights", weight=0.5)
    expected = np.array([[10, 40], [30, 20]]) ** -0.5
    assert (CELLS * part.weights.numpy()).sum() == pytest.approx(100)
    assert part.weights[:, :2].numpy() / float(part.weights[0, 0]) == pytest.approx(expected / expected[0, 0])
    assert not part.weights[:, 2].any()


def test_a_smaller_beta_levels_the_weights():
    ratios = []
    for beta in (0.0, 0.9, 0.99, 1.0):
        _, part = of("cell_weights", beta=beta)
        ratios.append(float(part.weights[0, 0] / part.weights[0, 1]))
    assert ratios == sorted(ratios)
    assert (ratios[0], ratios[-1]) == pytest.approx((1, 4))


def test_a_class_without_samples_has_no_margin_and_no_probability():
    assert margins(torch.tensor([16.0, 1.0, 0.0]), 0.5).tolist() == pytest.approx([0.25, 0.5, 0])
    composite, _ = of("bsoftmax")
    example = random_example(Y, GROUPS)
    loss = composite.task_loss(example.student, example.batch)
    logits = example.student.logits[:, :2] + torch.tensor([40.0, 60.0]).log()
    torch.testing.assert_close(loss, F.cross_entropy(logits, Y))
    (gradient,) = torch.autograd.grad(loss, example.student.logits)
    assert torch.isfinite(gradient).all()


def test_margins_are_taken_off_the_true_class():
    composite, part = of("ldam", max_margin=0.5, scale=2.0)
    example = random_example(Y, GROUPS)
    logits = example.student.logits.clone()
    logits[torch.arange(4), Y] -= part.margins[Y]
    torch.testing.assert_close(composite.task_loss(example.student, example.batch), F.cross_entropy(2 * logits, Y))


@pytest.mark.parametrize(("method", "values"), [("focal", {"gamma": 0.0}), ("cvar_dro", {"alpha": 1.0}), ("sam", {"radius": 0.0})])
def test_at_the_plain_end_of_its_range_it_is_plain_training(method, values):
    plain = tiny_training("scratch")
    ours = tiny_training(method, {f"{method}.{name}": value for name, value in values.items()})
    for training in (plain, ours):
        train_epochs(training, 2)
    for name, value in parameters(plain).items():
        torch.testing.assert_close(parameters(ours)[name], value, rtol=1e-5, atol=1e-7)


def test_a_sure_sample_counts_less_and_has_a_finite_gradient():
    y = torch.tensor([0, 0])
    logits = torch.tensor([[2.0, 0.0], [400.0, 0.0]], requires_grad=True)
    losses = (
        started("focal", {"focal.gamma": 0.5}, num_classes=2)
        .parts["focal"]
        .task_loss(random_example(y, y, num_classes=2).student._replace(logits=logits), random_example(y, y, num_classes=2).batch)
    )
    p = torch.sigmoid(torch.tensor(2.0))
    torch.testing.assert_close(losses[0], -((1 - p) ** 0.5) * p.log())
    (gradient,) = torch.autograd.grad(losses.sum(), logits)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("alpha", [0.05, 0.29, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("losses", [[5.0, 1.0, 4.0, 2.0, 3.0], [1.0, 2.0, 2.0, 2.0, 0.0], [0.0] * 5, list(range(100))])
def test_the_worst_share_has_all_the_weight_and_equals_share_alike(losses, alpha):
    drawn = torch.tensor(losses, dtype=torch.float64)
    weights = worst_share_weights(drawn, alpha)
    official = worst_share_weights(drawn, alpha, break_ties=True)
    assert float(weights.mean()) == pytest.approx(1)
    assert float(weights.max()) <= max(1 / alpha, len(losses)) + 1e-9
    assert float((weights * drawn).mean()) == pytest.approx(float((official * drawn).mean()))
    for value in drawn.unique():
        assert float(weights[drawn == value].std(correction=0)) == pytest.approx(0)
