"""The search for offsets against brute force."""

import itertools

import numpy as np
import pytest

from fairtune.metrics import accuracy, deo_m
from fairtune.thresholds._offsets import Aim, best_offsets
from fairtune.thresholds._scored import Scored, decide
from tests.builders import random_predictions


def scored(classes, groups, n=60, seed=0):
    rng = np.random.default_rng(seed)
    y, a = rng.integers(classes, size=n), rng.integers(groups, size=n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[y] + 0.8 * a[:, None] * np.eye(classes)[0]
    return Scored(logits, logits, y, a, groups)


@pytest.mark.parametrize("weighting", ["samples", "cells"])
def test_the_aim_is_accuracy_less_a_weight_times_deo_m(weighting):
    *_, counts = random_predictions(3, 2)
    recalls = np.diagonal(counts.hard, axis1=1, axis2=2) / counts.cells
    cells = counts.cells
    share = cells / cells.sum() if weighting == "samples" else np.full(cells.shape, 1 / cells.size)
    expected = accuracy(counts, weighting=weighting) - 0.3 * deo_m(counts)
    assert Aim(cells, share, 0.3).of_accuracies(recalls) == pytest.approx(expected)


@pytest.mark.parametrize("weight", [0.0, 0.3, 2.0])
def test_two_groups_of_two_classes_get_the_best_of_all_pairs_of_thresholds(weight):
    given = scored(2, 2)
    aim = Aim.of(given, weight, "samples")

    def reached(offsets):
        counts = decide(given.logits + offsets[given.a]).counts(given)
        return float(aim.of_accuracies(np.diagonal(counts.hard, axis1=1, axis2=2) / counts.cells))

    (found,) = best_offsets(given, given.groups, [weight], "samples")
    ordered = [np.sort(given.logits[given.a == group] @ [1, -1]) for group in (0, 1)]
    thresholds = [np.concatenate([[turns[0] - 1, turns[-1] + 1], (turns[1:] + turns[:-1]) / 2]) for turns in ordered]
    best = max(reached(np.array([[0, one], [0, other]])) for one, other in itertools.product(*thresholds))
    assert reached(found) == pytest.approx(best, abs=0.01)


@pytest.mark.parametrize("classes", [2, 5])
def test_no_step_makes_the_aim_smaller(classes):
    given = scored(classes, 3, n=150)
    aim = Aim.of(given, 0.5, "samples")
    (found,) = best_offsets(given, given.groups, [0.5], "samples")
    before, after = (decide(given.logits + offsets[given.a]).counts(given) for offsets in (np.zeros_like(found), found))
    values = [float(aim.of_accuracies(np.diagonal(counts.hard, axis1=1, axis2=2) / counts.cells)) for counts in (before, after)]
    assert values[1] > values[0]
