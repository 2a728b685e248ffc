from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from fairtune.metrics import SCORES
from fairtune.options import Floor
from fairtune.spec import Epoch, TrialResult
from fairtune.study.baseline import Baseline, constant_accuracy, floor_on
from tests.builders import counts_of_recalls
from tests.search_helpers import small_search

SIZES = np.full((2, 10), 50)
"""Of ten classes: what gives all samples one of them has an accuracy of 0.1."""


def trained(accuracies, floor, total=SIZES):
    history = tuple(Epoch(number=k, val={"accuracy": accuracy}) for k, accuracy in enumerate(accuracies, start=1))
    spec = small_search(Path("unused"))[0].baseline()
    counts = counts_of_recalls(np.round(accuracies[-1] * total).astype(int), total)
    result = TrialResult(spec=spec, state="complete", history=history, val=history[-1].val, val_counts=counts)
    return Baseline(result, floor)


@pytest.mark.parametrize("epoch", [5, 14, 39])
def test_what_gives_all_one_class_is_not_expected_to_learn(epoch):
    curve = [*np.linspace(0.75, 0.92, 40)]
    assert trained(curve, floor=0.87, total=np.full((2, 2), 50)).lacking(0.5, epoch, epochs=40) > 0.1
    few = trained(curve, floor=0.87, total=np.array([[90, 10], [90, 10]]))
    assert constant_accuracy(few.result.counts("val"), curve[-1]) == 0.9
    unknown = Baseline(few.result.model_copy(update={"val_counts": None}), 0.87)
    assert unknown.lacking(0.5, epoch, epochs=40) > 0.1


def test_a_trial_is_expected_to_gain_as_much_as_the_baseline_did():
    baseline = trained([0.5, 0.7, 0.85, 0.8], floor=0.75)
    lacking = [baseline.lacking(accuracy, epoch=1, epochs=4) for accuracy in (0.45, 0.5)]
    assert lacking == [0, 0], "the baseline gained .3 from there"
    assert baseline.lacking(0.3, epoch=2, epochs=4) == pytest.approx(0.75 - 0.5), "it comes in 4 as far as in 1"
    assert baseline.lacking(0.65, epoch=4, epochs=4) == pytest.approx(0.1), "nothing is to come"


@pytest.mark.parametrize(("slowness", "end"), [(2, 0.9), (4, 0.9), (16 / 3, 0.7), (8, 0.5)])
def test_a_trial_that_is_slower_by_a_factor_is_expected_where_the_baseline_was_at_that_share(slowness, end):
    """The baseline gains .2 in each of the first four of its 16 epochs; a trial gains that in as many epochs each."""
    baseline = trained([0.3, 0.5, 0.7, 0.9, *[0.9] * 12], floor=0.9)
    for epoch in (4, 8):
        assert baseline.lacking(0.1 + 0.2 * epoch / slowness, epoch, epochs=16) == pytest.approx(0.9 - end)


def test_what_is_better_than_the_baseline_misses_a_higher_floor_by_what_it_lacks():
    baseline = trained([0.5, 0.6, 0.7], floor=0.75)
    assert [baseline.lacking(0.74, epoch, epochs=3) for epoch in (1, 2, 3)] == pytest.approx([0, 0, 0.01])
    assert [baseline.lacking(0.7, epoch, epochs=6) for epoch in (3, 5)] == pytest.approx([0.05] * 2), "it gained no more either"
    assert baseline.lacking(float("nan"), epoch=1, epochs=3) == float("inf")


def test_who_is_expected_exactly_at_the_floor_misses_nothing():
    assert trained([0.1, 0.1, 0.2], floor=0.1 + 0.2).lacking(0.2, epoch=2, epochs=3) == 0


def test_the_baseline_sets_the_floor():
    right, total = [[90, 40], [30, 20]], [[100, 50], [40, 30]]
    counts = counts_of_recalls(right, total)
    by_cell = SCORES["accuracy"].of(counts, "cells")
    spec = small_search(Path("unused"))[0].baseline()
    plain = TrialResult(spec=spec, state="complete", val={"accuracy": 180 / 220}, val_counts=counts)
    weighed = plain.model_copy(update={"val": {"accuracy": by_cell}})
    floors = {text: floor_on("val", Floor.parse(text), plain) for text in ("0.4", "teacher-0.25", "q0.05", "q0.5", "q0.95")}
    assert (floors["0.4"], floors["teacher-0.25"]) == (0.4, 180 / 220 - 0.25)
    assert floors["q0.05"] < floors["q0.5"] < floors["q0.95"]
    assert floors["q0.5"] == pytest.approx(180 / 220, abs=0.005)
    assert floors["q0.05"] == pytest.approx(beta.ppf(0.05, 180.5, 40.5), abs=1e-9)
    assert floor_on("val", Floor.parse("q0.5"), weighed) == pytest.approx(by_cell, abs=0.01)
    tested = plain.model_copy(update={"test": {"accuracy": 180 / 220}, "test_counts": counts})
    assert floor_on("test", Floor.parse("q0.05"), tested) == floor_on("val", Floor.parse("q0.05"), plain)


def test_the_floor_of_a_baseline_that_is_always_right_is_that_of_nearly_the_same():
    """Its accuracy is 1 however cells weigh."""
    spec, total = small_search(Path("unused"))[0].baseline(), np.array([[300, 3], [3, 300]])
    floors = {}
    for wrong in (0, 1):
        counts = counts_of_recalls(total - [[wrong, 0], [0, 0]], total)
        result = TrialResult(
            spec=spec, state="complete", val={"accuracy": SCORES["accuracy"].of(counts, "cells")}, val_counts=counts
        )
        tested = result.model_copy(update={"test": {"accuracy": SCORES["accuracy"].of(counts)}, "test_counts": counts})
        floors[wrong] = [floor_on("val", Floor.parse("q0.05"), result), floor_on("test", Floor.parse("q0.05"), tested)]
    assert floors[0] == pytest.approx(floors[1], abs=0.01)
