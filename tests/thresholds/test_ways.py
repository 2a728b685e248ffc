"""Ways to move decisions: what each reaches, what it may look at, and what it is held against."""

import numpy as np
import pytest

from fairtune.errors import DataError
from fairtune.metrics import scores
from fairtune.thresholds import WAYS, WEIGHTS, Scored, adjust
from fairtune.thresholds._front import FOLDS
from fairtune.thresholds._scored import decide
from fairtune.thresholds.shared_thresholds import MergedOffsets

NAMES = sorted(WAYS)


def drawn(classes, groups, n=400, seed=0):
    """A net that sees the group, and leans towards class 0 in later groups."""
    rng = np.random.default_rng(seed)
    y, a = rng.integers(classes, size=n), rng.integers(groups, size=n)
    embedding = rng.normal(size=(n, 12))
    embedding[np.arange(n), y] += 2.2
    embedding[:, 11] += 2.0 * a
    head = np.vstack([1.5 * np.eye(11, classes), np.eye(1, classes)])
    return Scored(embedding @ head, embedding, y, a, groups)


def of(counts):
    found = scores(counts)
    return found["accuracy"], found["deo_m"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("classes", "groups"), [(2, 2), (2, 3), (4, 2)])
def test_it_is_fairer_on_samples_that_it_was_not_fitted_on_and_hardly_less_accurate(name, classes, groups):
    fitted_on, held = drawn(classes, groups, n=1500), drawn(classes, groups, n=1500, seed=1)
    accuracy, gap = of(decide(held.logits).counts(held))
    *_, adjustment = WAYS[name].fit(fitted_on, WEIGHTS, "samples")
    found = of(adjustment(held).counts(held))
    assert found[1] < gap - 0.05
    assert found[0] > accuracy - 0.02


@pytest.mark.parametrize("name", NAMES)
def test_more_weight_gives_a_smaller_gap_where_it_was_fitted(name):
    fitted_on = drawn(2, 2, n=800)
    gaps = [of(found(fitted_on).counts(fitted_on))[1] for found in WAYS[name].fit(fitted_on, [0.0, 5.0], "samples")]
    assert gaps[1] <= gaps[0]


@pytest.mark.parametrize("name", NAMES)
def test_decisions_do_not_depend_on_labels_and_on_the_group_only_where_that_is_said(name):
    fitted_on, held = drawn(3, 2), drawn(3, 2, seed=1)
    (adjustment,) = WAYS[name].fit(fitted_on, [0.5], "samples")
    decided = adjustment(held).classes
    assert (adjustment(held._replace(y=1 + 0 * held.y)).classes == decided).all()
    assert (adjustment(held._replace(a=1 - held.a)).classes != decided).any() == WAYS[name].needs_group


@pytest.mark.parametrize("name", NAMES)
def test_a_cell_without_samples_is_left_out(name):
    whole = drawn(3, 3)
    fitted_on = whole.take(np.flatnonzero((whole.y != 2) | (whole.a != 1)))
    for adjustment in WAYS[name].fit(fitted_on, WEIGHTS, "cells"):
        assert np.isfinite(adjustment(whole).probabilities).all()
        assert np.allclose(adjustment(whole).probabilities.sum(axis=1), 1)


def test_probabilities_say_what_is_decided_where_no_lots_are_drawn():
    held = drawn(4, 2)
    for name in ("group_thresholds", "shared_thresholds"):
        (adjustment,) = WAYS[name].fit(held, [0.5], "samples")
        decided = adjustment(held)
        assert (decided.probabilities.argmax(axis=1) == decided.classes).all()


def test_what_was_inferred_can_be_merged_into_the_last_layer():
    held = drawn(4, 2)
    (adjustment,) = WAYS["shared_thresholds"].fit(held, [0.5], "samples")
    assert isinstance(adjustment, MergedOffsets)
    merged = held.logits + held.embedding @ adjustment.weight.T + adjustment.bias
    assert (merged.argmax(axis=1) == adjustment(held).classes).all()
    assert (adjustment.weight.shape, adjustment.bias.shape) == ((4, 12), (4,))


def test_a_front_has_a_point_for_each_weight_and_way_scored_on_held_out_samples():
    validation, test = drawn(2, 2), drawn(2, 2, seed=1)
    points = adjust(validation, test)
    assert [(point.way, point.weight) for point in points] == [(way, weight) for way in WAYS for weight in WEIGHTS]
    for point in points:
        assert (point.val.cells == validation.cells).all()
        assert (point.test.cells == test.cells).all()
    expected = np.zeros((2, 2, 2), dtype=np.int64)
    for others, part in validation.folds(FOLDS):
        (fitted,) = WAYS["group_thresholds"].fit(others, [WEIGHTS[0]], "samples")
        expected = expected + fitted(part).counts(part).hard
    first = next(point for point in points if point.way == "group_thresholds")
    assert (first.val.hard == expected).all()


def test_a_group_without_validation_samples_is_refused_by_name():
    validation = drawn(2, 3)
    seen = validation.take(np.flatnonzero(validation.a != 2))
    with pytest.raises(DataError, match=r"cannot be fitted for green: the validation split has 0 samples of it.*val_frac"):
        adjust(seen, validation, groups=("red", "blue", "green"))
