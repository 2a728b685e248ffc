"""Against fairlearn's and OxonFair's own numbers."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from fairtune.thresholds._scored import Scored, softmax
from fairtune.thresholds.drawn_thresholds import fit
from fairtune.thresholds.shared_thresholds import MergedOffsets
from tests.conftest import SHARED

FILE = Path(os.environ.get("FAIRTUNE_GOLDEN") or SHARED / "golden") / "neighbours" / "thresholds.npz"
if not FILE.is_file():
    pytest.skip(f"no golden values: {FILE} does not exist; set FAIRTUNE_GOLDEN", allow_module_level=True)


@lru_cache
def stored():
    with np.load(FILE) as found:
        return dict(found)


def rates(probability, labels, groups):
    """False and true positive rate of every group, ``(A, 2)``."""
    return np.array([[probability[(groups == a) & (labels == y)].mean() for y in (0, 1)] for a in np.unique(groups)])


def chance_of_class_1(adjustment, scored):
    """Over the lots that are drawn."""
    chance = np.zeros(len(scored.y))
    for group, (offsets, shares) in enumerate(zip(adjustment.offsets, adjustment.shares, strict=True)):
        own = scored.a == group
        for offset, share in zip(offsets, shares, strict=True):
            chance[own] += share * (scored.logits[own] + offset).argmax(axis=1)
    return chance


@pytest.mark.parametrize("case", ["g2", "g2_ties", "g4_large", "perfect_g2"])
def test_equal_rates_and_no_less_accuracy_than_fairlearn(case):
    values = {name: stored()[f"fairlearn/{case}/{name}"] for name in ("scores", "labels", "groups")}
    theirs = stored()[f"fairlearn/{case}/equalized_odds_accuracy_score_positive_probability"]
    y, a = values["labels"].astype(np.int64), values["groups"].astype(np.int64)
    logits = np.stack([np.zeros_like(values["scores"]), values["scores"]], axis=1)
    scored = Scored(logits, logits, y, a, int(a.max()) + 1)
    (adjustment,) = fit(scored, [100.0], "samples")
    ours = chance_of_class_1(adjustment, scored)
    assert np.ptp(rates(theirs, y, a), axis=0).max() < 1e-9
    assert np.ptp(rates(ours, y, a), axis=0).max() < 1e-9
    accuracies = [np.where(y == 1, chance, 1 - chance).mean() for chance in (ours, theirs)]
    assert accuracies[0] >= accuracies[1] - 1e-9
    assert accuracies[0] - accuracies[1] < 0.02


@pytest.mark.parametrize("case", ["g2", "g2_ties"])
def test_the_drawn_decisions_come_as_often_as_they_should(case):
    values = {name: stored()[f"fairlearn/{case}/{name}"] for name in ("scores", "labels", "groups")}
    y, a = values["labels"].astype(np.int64), values["groups"].astype(np.int64)
    logits = np.stack([np.zeros_like(values["scores"]), values["scores"]], axis=1)
    logits, y, a = (np.repeat(part, 2000, axis=0) for part in (logits, y, a))
    many = Scored(logits, logits, y, a, 2)
    (adjustment,) = fit(many, [100.0], "samples")
    expected, drawn = chance_of_class_1(adjustment, many), adjustment(many).classes
    assert np.abs(rates(drawn, many.y, many.a) - rates(expected, many.y, many.a)).max() < 0.02


@pytest.mark.parametrize("case", ["g2", "g2_tpr"])
def test_oxonfairs_two_heads_merge_into_one_layer(case):
    of_case = {name.removeprefix(f"oxonfair/{case}/"): value for name, value in stored().items() if f"/{case}/" in name}
    task, group = of_case["heads_weight"]
    task_bias, group_bias = of_case["heads_bias"]
    slope, constant = of_case["coefficients"]
    embedding, y, a = of_case["embeddings"], of_case["labels"].astype(np.int64), of_case["groups"].astype(np.int64)
    logits = np.stack([np.zeros(len(y)), embedding @ task + task_bias], axis=1)
    added = np.stack([0 * group, slope * group]), np.array([0.0, slope * group_bias + constant])
    decided = MergedOffsets(*added)(Scored(logits, embedding, y, a, 2))
    assert (decided.classes == of_case["prediction"]).all()
    merged = embedding @ of_case["merged_weight"][0] + of_case["merged_bias"][0]
    assert np.allclose(decided.probabilities, softmax(np.stack([np.zeros_like(merged), merged], axis=1)), atol=2e-3)
