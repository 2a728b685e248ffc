import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.testing.examples import A, K, random_example, started

Y, GROUPS = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2]), torch.tensor([0, 0, 1, 0, 1, 0, 1, 1])
CELL = GROUPS * K + Y


def group_dro(cells=None, **values):
    composite = started("group_dro", {f"group_dro.{name}": value for name, value in values.items()})
    part = composite.parts["group_dro"]
    if cells is not None:
        part.start(part.context._replace(cells=np.array(cells)))
    return composite, part


def q_of(part):
    return part.cells.log_q.exp()


def losses_of(example):
    return F.cross_entropy(example.student.logits, example.batch.y, reduction="none").detach()


def cell_losses(losses, cell=CELL):
    return torch.stack([losses[cell == c].mean() if (cell == c).any() else torch.tensor(0.0) for c in range(A * K)])


def test_starts_from_equal_weights_of_the_cells_that_have_samples():
    _, part = group_dro(cells=[[5, 0, 3], [1, 2, 0]])
    torch.testing.assert_close(q_of(part), torch.tensor([1, 0, 1, 1, 1, 0], dtype=torch.float64) / 4)


def test_weights_are_multiplied_by_the_exponential_of_their_loss():
    composite, part = group_dro(eta=0.5)
    example = random_example(Y, GROUPS)
    losses = cell_losses(losses_of(example))
    composite.task_loss(example.student, example.batch)
    expected = (0.5 * losses).exp() / (0.5 * losses).exp().sum()
    torch.testing.assert_close(q_of(part), expected)
    composite.task_loss(example.student, example.batch)
    torch.testing.assert_close(q_of(part), expected**2 / expected.square().sum())


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_the_loss_mixes_plain_training_and_the_weighted_cells(weight):
    composite, part = group_dro(weight=weight, eta=0.5)
    example = random_example(Y, GROUPS)
    loss = composite.task_loss(example.student, example.batch)
    losses = losses_of(example)
    expected = (1 - weight) * losses.mean() + weight * (q_of(part) * cell_losses(losses)).sum()
    torch.testing.assert_close(loss.detach(), expected)


def test_the_gradient_is_that_of_the_weighted_cells_alone():
    composite, part = group_dro(eta=0.5)
    example = random_example(Y, GROUPS)
    logits = example.student.logits
    ours = torch.autograd.grad(composite.task_loss(example.student, example.batch), logits)[0]
    q = q_of(part)
    twin = sum(q[c] * F.cross_entropy(logits[c == CELL], Y[c == CELL]) for c in range(A * K))
    torch.testing.assert_close(ours, torch.autograd.grad(twin, logits)[0])


def test_weights_follow_the_worst_cell():
    _, part = group_dro(eta=1.0)
    losses = torch.where(CELL == 4, 2.0, 1.0).double()
    for _ in range(20):
        part.sample_weights(losses, random_example(Y, GROUPS).batch)
    assert q_of(part).argmax() == 4
    assert q_of(part)[4] > 0.99


def test_a_batch_lacking_cells_leaves_their_shares_and_does_not_shrink_the_loss():
    _, part = group_dro(eta=0.5)
    some = random_example(torch.tensor([0, 0, 1, 1]), torch.tensor([0, 0, 1, 1]))
    weights = part.sample_weights(torch.tensor([3.0, 1.0, 0.5, 0.5], dtype=torch.float64), some.batch)
    q = q_of(part)
    absent = [1, 2, 3, 5]
    torch.testing.assert_close(q[absent], q[1].expand(4))
    assert float(q[0] / q[1]) == pytest.approx(np.exp(0.5 * 2.0))
    assert float(q[4] / q[1]) == pytest.approx(np.exp(0.5 * 0.5))
    assert float(weights.mean()) == pytest.approx(1)
    torch.testing.assert_close(weights[0] / weights[2], q[0] / q[4])


def test_a_cell_that_lost_nothing_for_long_comes_back():
    _, part = group_dro(eta=1.0)
    batch = random_example(Y, GROUPS).batch
    for _ in range(2000):
        part.sample_weights(torch.where(CELL == 4, 5.0, 0.0).double(), batch)
    alone = random_example(torch.tensor([0, 0]), torch.tensor([0, 0]))
    assert part.sample_weights(torch.ones(2, dtype=torch.float64), alone.batch).tolist() == pytest.approx([1, 1])
    for _ in range(2001):
        part.sample_weights(torch.where(CELL == 0, 5.0, 0.0).double(), batch)
    assert q_of(part).argmax() == 0


def test_small_cells_get_a_bonus():
    cells = [[100, 4, 25], [100, 100, 100]]
    _, part = group_dro(cells, adjustment=2.0, eta=1.0)
    part.sample_weights(torch.zeros(len(Y), dtype=torch.float64), random_example(Y, GROUPS).batch)
    expected = torch.tensor([0.2, 1.0, 0.4, 0.2, 0.2, 0.2], dtype=torch.float64).exp()
    torch.testing.assert_close(q_of(part), expected / expected.sum())


def test_a_bonus_goes_to_cells_in_the_batch_only():
    _, part = group_dro([[100, 4, 25], [100, 100, 100]], adjustment=2.0, eta=1.0)
    some = random_example(torch.tensor([0, 0]), torch.tensor([0, 0]))
    part.sample_weights(torch.zeros(2, dtype=torch.float64), some.batch)
    assert float(q_of(part)[0] / q_of(part)[1]) == pytest.approx(np.exp(0.2))
    torch.testing.assert_close(q_of(part)[1:], q_of(part)[1].expand(5))
