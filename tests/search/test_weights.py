"""Weights are kept for the front, and each trial's are removed once."""

import random

from fairtune.rules import View, front
from fairtune.search import weights as weights_module
from fairtune.search.weights import Weights
from fairtune.study.folders import RunFolder

OBJECTIVES = ("accuracy", "deo_m")


def views(count, seed=0):
    chance = random.Random(seed)
    values = [0.1, 0.2, 0.3, 0.4, 0.5, float("nan")]
    return [View(k, {}, {"accuracy": chance.choice(values), "deo_m": chance.choice(values)}, True) for k in range(count)]


def kept_and_removed(monkeypatch, tmp_path, before, after):
    removed = []
    monkeypatch.setattr(weights_module, "remove", lambda path: removed.append(int(path.parent.name)))
    weights = Weights(RunFolder(tmp_path), OBJECTIVES, before)
    for view in after:
        weights.keep(view)
    return removed


def test_what_is_kept_is_the_front_of_all(monkeypatch, tmp_path):
    for seed in range(20):
        trials = views(40, seed)
        removed = kept_and_removed(monkeypatch, tmp_path, trials[:seed], trials[seed:])
        assert {view.number for view in front(trials, OBJECTIVES)} == set(range(40)) - set(removed)
        assert len(removed) == len(set(removed))


def test_a_trial_touches_the_files_of_the_front_alone(monkeypatch, tmp_path):
    best = View(0, {}, {"accuracy": 1.0, "deo_m": 0.0}, True)
    worse = [View(number, {}, {"accuracy": 0.5, "deo_m": 0.5}, True) for number in range(1, 50)]
    assert kept_and_removed(monkeypatch, tmp_path, [], [best, *worse]) == list(range(1, 50))
