import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.batches.split import DeviceSplit
from fairtune.records import Outputs, Split
from fairtune.testing.trainings import CPU
from fairtune.training.evaluate import count, evaluate

SAMPLES, CLASSES, GROUPS = 1203, 4, 3


class Verbatim(torch.nn.Module):
    """Takes the logits as its input, in evaluation mode only."""

    def forward(self, x, *, want_maps=False):
        assert not self.training
        return Outputs(x, x)


@pytest.fixture(scope="module")
def split():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(SAMPLES, CLASSES)).astype(np.float32)
    y, a = rng.integers(0, CLASSES, SAMPLES), rng.integers(0, GROUPS - 1, SAMPLES)
    return Split(logits, np.arange(SAMPLES), y, a, np.arange(SAMPLES), num_groups=GROUPS, num_classes=CLASSES)


def test_tables_are_those_of_a_loop_over_samples(split):
    logits = torch.from_numpy(split.pool)
    hard, soft = np.zeros((2, GROUPS, CLASSES, CLASSES))
    for row, y, a in zip(split.pool.astype(np.float64), split.y, split.a, strict=True):
        hard[a, y, row.argmax()] += 1
        soft[a, y] += np.exp(row) / np.exp(row).sum()
    counted = count(logits, torch.from_numpy(split.y), torch.from_numpy(split.a), GROUPS)
    np.testing.assert_array_equal(counted[0].numpy(), hard)
    np.testing.assert_allclose(counted[1].numpy(), soft)
    assert (counted[0].dtype, counted[1].dtype) == (torch.int64, torch.float64)


def test_a_split_of_several_batches_is_scored_whole(split):
    counts, loss, *_ = evaluate(Verbatim(), DeviceSplit(split, CPU, torch.float32))
    y = torch.from_numpy(split.y)
    hard, soft = count(torch.from_numpy(split.pool), y, torch.from_numpy(split.a), GROUPS)
    np.testing.assert_array_equal(counts.hard, hard.numpy())
    np.testing.assert_allclose(counts.soft, soft.numpy())
    assert loss == pytest.approx(float(F.cross_entropy(torch.from_numpy(split.pool), y)), rel=1e-6)
    assert counts.cells.sum() == SAMPLES
    np.testing.assert_array_equal(counts.cells, split.cells)


def test_a_group_without_samples_keeps_its_empty_table(split):
    counts, *_ = evaluate(Verbatim(), DeviceSplit(split, CPU, torch.float32))
    assert counts.hard.shape == (GROUPS, CLASSES, CLASSES)
    assert counts.hard[GROUPS - 1].sum() == 0


def test_no_graph_is_kept(split):
    net = torch.nn.Linear(CLASSES, CLASSES)

    class Net(torch.nn.Module):
        def forward(self, x, *, want_maps=False):
            assert not torch.is_grad_enabled()
            return Outputs(net(x), x)

    evaluate(Net(), DeviceSplit(split, CPU, torch.float32))
    assert torch.is_grad_enabled()
