import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.methods.reweight import Reweighing, reweighing
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import digits_splits, digits_training

CELLS = np.array([[30, 10], [10, 50]])
TABLE = [[16 / 30, 2.4], [2.4, 0.72]]


def weights(cells, **values):
    composite = started("reweight", {f"reweight.{name}": value for name, value in values.items()}, num_classes=2)
    part = composite.parts["reweight"]
    part.start(part.context._replace(shares=np.array(cells) / np.sum(cells)))
    assert isinstance(part, Reweighing)
    return composite, part.weights


def test_by_hand():
    np.testing.assert_allclose(reweighing(CELLS), TABLE)


def test_weighted_cells_are_independent_and_keep_their_marginals():
    cells = np.array([[30, 10, 7], [1, 50, 200]])
    weighted = cells * reweighing(cells)
    np.testing.assert_allclose(weighted.sum(0), cells.sum(0))
    np.testing.assert_allclose(weighted.sum(1), cells.sum(1))
    np.testing.assert_allclose(weighted, np.outer(cells.sum(1), cells.sum(0)) / cells.sum())


def test_an_empty_cell_divides_by_nothing():
    table = reweighing(np.array([[30, 0], [10, 60]]))
    assert table[0, 1] == 1
    np.testing.assert_allclose(table[[0, 1, 1], [0, 0, 1]], [30 * 40 / 100 / 30, 70 * 40 / 100 / 10, 70 * 60 / 100 / 60])


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("cells", [CELLS, [[30, 0], [10, 60]]], ids=["full", "an empty cell"])
def test_the_mean_weight_is_one_over_the_training_set(exponent, cells):
    _, table = weights(cells, weight=exponent)
    assert float((table * torch.tensor(cells)).sum() / np.sum(cells)) == pytest.approx(1)


def test_the_weight_is_an_exponent():
    _, plain = weights(CELLS, weight=0.0)
    _, once = weights(CELLS)
    _, twice = weights(CELLS, weight=2.0)
    assert (plain == 1).all()
    np.testing.assert_allclose(once, TABLE)
    np.testing.assert_allclose(twice / twice[0, 0], np.square(TABLE) / TABLE[0][0] ** 2)


def test_each_loss_counts_by_the_cell_of_its_sample():
    y, a = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    example = random_example(y, a, num_classes=2)
    composite, _ = weights(CELLS)
    losses = F.cross_entropy(example.student.logits, y, reduction="none")
    expected = (losses * torch.tensor([TABLE[0][0], TABLE[1][0], TABLE[0][1], TABLE[1][1]], dtype=torch.float64)).mean()
    torch.testing.assert_close(composite.task_loss(example.student, example.batch), expected)


def test_a_training_weighs_by_its_own_training_split():
    training = digits_training("reweight")
    cells = digits_splits()["train"].cells
    part = training.method.parts["reweight"]
    assert isinstance(part, Reweighing)
    np.testing.assert_allclose(part.weights, torch.from_numpy(reweighing(cells)), rtol=1e-6)
