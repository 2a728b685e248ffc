"""Weights are kept for the front, and each trial's are removed once."""

import itertools
import random

import pytest

from fairtune.rules import View, front
from fairtune.search import weights as weights_module
from fairtune.search.weights import Weights, keep_first
from fairtune.spec import TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from tests.search_helpers import small_search

OBJECTIVES = ("accuracy", "deo_m")


def views(count, seed=0):
    chance = random.Random(seed)
    values = [0.1, 0.2, 0.3, 0.4, 0.5, float("nan")]
    return [View(k, {}, {"accuracy": chance.choice(values), "deo_m": chance.choice(values)}, True) for k in range(count)]


def kept_and_removed(monkeypatch, tmp_path, before, after):
    removed = []
    monkeypatch.setattr(weights_module, "remove", lambda path: removed.append(int(path.parent.name)))
    weights = Weights(RunFolder(tmp_path), OBJECTIVES, before, moving=False)
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


def test_where_seeds_move_trials_all_are_kept_until_the_choice(monkeypatch, tmp_path):
    removed = []
    monkeypatch.setattr(weights_module, "remove", lambda path: removed.append(int(path.parent.name)))
    fair, unfair = (View(number, {}, {"accuracy": 0.9, "deo_m": gap}, True) for number, gap in enumerate((0.1, 0.2)))
    weights = Weights(RunFolder(tmp_path), OBJECTIVES, [fair], moving=True)
    weights.keep(unfair)
    assert removed == []
    weights.judge([fair._replace(val={"accuracy": 0.9, "deo_m": 0.3}), unfair])
    assert removed == [0]


class TestOneNetOfEachSettingIsLeft:
    """Whatever the order in which its retrainings end: that of the first seed which completed."""

    @pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
    @pytest.mark.parametrize(("failed", "left"), [((), {1}), ((1,), {2}), ((1, 2), {3}), ((1, 2, 3), set())])
    def test_however_they_end(self, tmp_path, order, failed, left):
        spec, place = small_search(tmp_path, final_seeds=3)
        folder = RunFolder.of(place)
        folder.save(spec, place)
        study = SearchStudy(folder.study, spec)
        for seed in order:
            key = JobKey.final("chosen", seed)
            setting = spec.baseline(seed)
            folder.job(key, setting).path.mkdir(parents=True)
            study.keep_final(key, TrialResult(spec=setting, state="failed" if seed in failed else "complete"))
            keep_first(spec, study, folder, setting)
        assert {int(path.name.rpartition("-")[2]) for path in (folder.path / "finals").iterdir()} == left

    def test_a_setting_keeps_its_own_net_beside_others(self, tmp_path):
        spec, place = small_search(tmp_path)
        folder = RunFolder.of(place)
        folder.save(spec, place)
        study = SearchStudy(folder.study, spec)
        for role, setting in {"baseline": spec.baseline(1), "chosen": spec.baseline(1).model_copy(update={"epochs": 9})}.items():
            folder.final(role, 1).path.mkdir(parents=True)
            study.keep_final(JobKey.final(role, 1), TrialResult(spec=setting, state="complete"))
            keep_first(spec, study, folder, setting)
        assert all(folder.final(role, 1).path.is_dir() for role in ("baseline", "chosen"))
