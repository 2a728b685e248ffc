from pathlib import Path

import numpy as np
import pytest
from scipy.stats import beta

from fairtune.metrics import SCORES
from fairtune.options import Floor
from fairtune.spec import Epoch, TrialResult
from fairtune.study.baseline import Baseline, floor_on
from tests.builders import counts_of_recalls
from tests.search_helpers import small_search


def test_the_floor_of_an_epoch_is_lower_by_what_the_baseline_lacked_then():
    accuracies = [0.5, 0.7, 0.85, 0.8]
    history = tuple(Epoch(number=k, val={"accuracy": accuracy}) for k, accuracy in enumerate(accuracies, start=1))
    spec = small_search(Path("unused"))[0].baseline()
    baseline = Baseline(TrialResult(spec=spec, state="complete", history=history, val=history[-1].val), floor=0.75)
    floors = [baseline.floor_at(epoch) for epoch in range(1, 5)]
    assert floors == pytest.approx([0.45, 0.65, 0.75, 0.75]), "never above the floor, though the baseline was better for a while"


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
