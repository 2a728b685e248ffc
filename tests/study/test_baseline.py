from pathlib import Path

import pytest

from fairtune.spec import Epoch, TrialResult
from fairtune.study.baseline import Baseline
from tests.search_helpers import small_search


def test_the_floor_of_an_epoch_is_lower_by_what_the_baseline_lacked_then():
    accuracies = [0.5, 0.7, 0.85, 0.8]
    history = tuple(Epoch(number=k, val={"accuracy": accuracy}) for k, accuracy in enumerate(accuracies, start=1))
    spec = small_search(Path("unused"))[0].baseline()
    baseline = Baseline(TrialResult(spec=spec, state="complete", history=history, val=history[-1].val), floor=0.75)
    floors = [baseline.floor_at(epoch) for epoch in range(1, 5)]
    assert floors == pytest.approx([0.45, 0.65, 0.75, 0.75]), "never above the floor, though the baseline was better for a while"
