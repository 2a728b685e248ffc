"""Steps timed before a search starts."""

from pathlib import Path

import numpy as np
import pytest
import torch

from fairtune.methods.jtt import JustTrainTwice
from fairtune.training.data import open_data
from fairtune.training.pace import seconds_of_training
from tests.search_helpers import small_search


@pytest.mark.parametrize("options", [{}, {"model": "cnn", "epochs": 5, "batch_size": 64}])
def test_nothing_is_left_of_them(tmp_path, options):
    spec, place = small_search(tmp_path, **options)
    baseline, data = spec.baseline(), open_data(spec.baseline(), Path(place.data))
    pixels, state, threads = np.array(data.train.pool), torch.get_rng_state(), torch.get_num_threads()
    assert seconds_of_training(baseline, data, torch.device("cpu"), threads=1, how="off") > 0
    assert np.array_equal(data.train.pool, pixels)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert not (tmp_path / "baselines").exists()


def test_steps_of_both_stages_are_timed(tmp_path, monkeypatch):
    spec, place = small_search(tmp_path, dataset="digits", model="cnn", method="jtt", epochs=4)
    (trial,) = (spec.trial(method, space.fixed, needs_baseline=False) for method, space in spec.spaces.items())
    timed = []
    begin = JustTrainTwice.begin_epoch

    def begun(method, loop, progress):
        timed.append(progress.epoch)
        begin(method, loop, progress)

    monkeypatch.setattr(JustTrainTwice, "begin_epoch", begun)
    seconds_of_training(trial, open_data(trial, Path(place.data)), torch.device("cpu"), threads=1, how="off")
    assert timed == [0] * 2 + [3] * 2
