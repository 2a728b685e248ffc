"""The harness of benchmarks/search_efficiency, on small tables that are made up here."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.search_efficiency import early
from benchmarks.search_efficiency.compare import Arena, interval
from benchmarks.search_efficiency.grids import RECORDED, Recorded, Replicate, Setting
from benchmarks.search_efficiency.measures import Truth, chosen, volume
from benchmarks.search_efficiency.policies import Policy, grid_points, values_of
from benchmarks.search_efficiency.racing import Race
from benchmarks.search_efficiency.record import _save, record, training_file
from benchmarks.search_efficiency.replay import Replay, Scores
from benchmarks.search_efficiency.table import Table, Tables, read
from fairtune.metrics import deo_m
from fairtune.space import Value

EPOCHS, SAMPLES = 10, 100
MADE_UP = Recorded(
    "digits",
    {
        "reweight": {"reweight.weight": (0, 1, 2), "optimizer.lr": (1e-3, 1e-2)},
        "eo_l2": {"eo_l2.weight": (0.1, 1, 10), "optimizer.lr": (1e-3, 1e-2)},
    },
    splits=4,
    seeds=1,
)
BASELINE, BEST = 0, 3


def tables(gaps, reached=None):
    """A table in which every class of a group is recognised in 90 % less, in the second group, a gap ``(S, R)`` that grows."""
    gaps = np.asarray(gaps, dtype=float)[:, :, None] * np.linspace(0.5, 1, EPOCHS)
    right = np.stack([np.full_like(gaps, 90), np.round(90 - 100 * gaps)], axis=-1)[..., None].repeat(2, axis=-1)
    hard = np.zeros((*right.shape, 2), dtype=np.int64)
    hard[..., [0, 1], [0, 1]] = right
    hard[..., [0, 1], [1, 0]] = SAMPLES - right
    val, last = Tables(hard, hard / 1.0), Tables(hard[:, :, -1], hard[:, :, -1] / 1.0)
    epochs = np.full(gaps.shape[:2], EPOCHS)
    return Table(MADE_UP.settings(), [Replicate(split, 0) for split in range(4)], val=val, test=last, averaged=last, epochs=epochs)


@pytest.fixture
def table():
    """Every setting has the baseline's gap but one, which is fair."""
    gaps = np.full((13, 4), 0.2)
    gaps[BEST] = 0.0
    return tables(gaps)


def search(table, policy, epochs=1000, seed=0):
    replay = Replay(MADE_UP, table, 0, policy, Scores(table, 0, policy.estimate), epochs=epochs, workers=3, seed=seed)
    return replay, replay.run()


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_with_budget_enough_every_setting_is_trained_once(table, sampler):
    replay, trained = search(table, Policy(sampler=sampler))
    assert sorted(trial.setting for trial in trained) == list(range(1, 13))
    assert replay.spent == 12 * EPOCHS


def test_a_budget_is_spent_and_not_exceeded(table):
    replay, trained = search(table, Policy(), epochs=5 * EPOCHS)
    assert (replay.spent, len(trained)) == (5 * EPOCHS, 5)
    assert [trial.spent for trial in trained] == [10, 20, 30, 40, 50]


def test_what_a_scheduler_stops_costs_less_and_is_no_result():
    gaps = np.linspace(0.02, 0.38, 13)[:, None].repeat(4, axis=1)
    replay, trained = search(tables(gaps), Policy(scheduler="median"))
    assert 0 < len(trained) < 12
    assert len(trained) * EPOCHS < replay.spent < 12 * EPOCHS
    assert {1, 7} <= {trial.setting for trial in trained}, "the best of each method"


def test_a_training_that_diverged_is_no_result(table):
    table.epochs[BEST] = 4
    _, trained = search(table, Policy())
    assert BEST not in {trial.setting for trial in trained}
    assert len(trained) == 11


def test_the_rule_sees_the_estimate_and_chooses_the_fair_setting(table):
    _, trained = search(table, Policy())
    assert chosen(trained, "deo_m") == BEST
    table.val.hard[BEST, 0, :, :, :, 0] = SAMPLES
    table.val.hard[BEST, 0, :, :, :, 1] = 0
    _, trained = search(table, Policy())
    assert chosen(trained, "deo_m") != BEST, "infeasible: it answers one class alone"


def test_the_papers_points_come_first_and_their_grid_keeps_the_learning_rate(table):
    _, trained = search(table, Policy(points=True), epochs=EPOCHS)
    assert MADE_UP.settings()[trained[0].setting].values["reweight.weight"] == 1
    _, trained = search(table, Policy(grid=True))
    settings = [MADE_UP.settings()[trial.setting] for trial in trained]
    assert {setting.values["optimizer.lr"] for setting in settings} == {1e-3}
    assert len(settings) == 6


def test_a_truth_is_of_splits_that_the_search_does_not_see():
    gaps = np.full((13, 4), 0.2)
    gaps[BEST, :2] = 0.0
    table = tables(gaps)
    assert [table.replicates[number].split for number in Truth(table, 0).left] == [0, 1]
    assert Truth(table, 0).deo_m[BEST] == pytest.approx(0.2)
    assert Truth(table, 0).best == pytest.approx(0.2), "chosen by the splits that the search sees, valued by the others"
    assert Truth(table, 2).deo_m[BEST] == pytest.approx(0.0)


def test_a_lucky_setting_loses_the_race():
    lucky, gaps = 5, np.full((13, 4), 0.2)
    gaps[BEST], gaps[lucky, 0] = 0.05, 0
    table = tables(gaps)
    _, trained = search(table, Policy())
    assert Truth(table, 0).through(1) == [0], "one training on each split"
    assert Truth(table, 0).through(2) == [0, 1]
    race = Race(table, lambda replicate: Scores(table, replicate, "DEO_M"), Truth(table, 0).through(2), "deo_m", seed=0)
    assert chosen(race.run(trained, epochs=0), "deo_m") == lucky
    assert chosen(race.run(trained, epochs=3 * EPOCHS), "deo_m") == BEST


def test_a_volume_is_what_lies_beyond_the_floor_and_the_baseline():
    assert volume([(0.9, 0.2)], floor=0.89, baseline_deo_m=0.2) == 0
    assert volume([(0.8, 0.0)], floor=0.89, baseline_deo_m=0.2) == 0
    assert volume([(1.0, 0.0)], floor=0.89, baseline_deo_m=0.2) == pytest.approx(1)
    assert volume([(0.95, 0.1), (0.95, 0.15)], floor=0.91, baseline_deo_m=0.2) == pytest.approx(0.25)


def test_a_comparison_says_what_was_reached_for_which_epochs(table):
    result = Arena(MADE_UP, table).run(Policy(), repeats=4, shares=(0.5, 1.0))
    assert result.reached.shape == (4, 2, 4)
    assert result.reached[:, 1, 0] == pytest.approx(1)
    assert result.reached[:, 1, 2] == pytest.approx(0)
    assert result.final == pytest.approx(1)
    first = [next(spent for spent, volume in curve if volume > 0.9) for curve in result.curves]
    assert result.epochs_to(np.full(4, 0.95)) == pytest.approx(first)
    assert result.epochs_to(np.full(4, 1.1)) == pytest.approx(np.inf)


def test_fair_settings_that_learn_late_are_expected_below_the_floor_at_rungs(table, monkeypatch):
    monkeypatch.setattr(early, "FAIREST", 1)
    table.val.hard[BEST, :, :5] = table.val.hard[BEST, :, :5, :, :, ::-1]
    found = list(early.below_early_floors(table))
    assert [epoch for epoch, _, _ in found] == [2, 4, 10]
    assert [fairest for _, fairest, _ in found] == [1, 1, 0]
    assert {others for _, _, others in found} == {0}


def test_an_interval_holds_its_mean():
    mean, low, high = interval(np.array([0.0, 1.0, 2.0, 3.0]))
    assert low < mean == 1.5 < high


@pytest.mark.parametrize("name", RECORDED)
def test_grids_hold_the_papers_settings(name):
    recorded = RECORDED[name]
    assert len({str(setting) for setting in recorded.settings()}) == len(recorded.settings())
    for method, levels in recorded.grids.items():
        points = [values_of(recorded, method, point) for point in grid_points(recorded, method)]
        assert {point["optimizer.lr"] for point in points} == {1e-3}
        assert len(points) == np.prod([len(found) for key, found in levels.items() if key not in ("optimizer.lr", "mfd.sigma")])
    values: dict[str, Value] = {"mfd.weight": 3, "optimizer.lr": 1e-3}
    kernel: dict[str, Value] = {"mfd.sigma": 1} if name == "digits" else {}
    assert Setting("mfd", values | kernel) in recorded.settings()


def test_a_recording_that_was_stopped_goes_on(tmp_path):
    small = Recorded("digits", {"reweight": {"reweight.weight": (0, 1)}}, splits=1, seeds=1, epochs=2, train_fraction=0.2)
    told: list[str] = []
    record(small, tmp_path, Path(), tell=told.append)
    table = read(small, tmp_path, Path())
    assert table.val.hard.shape == (3, 1, 2, 2, 10, 10)
    assert (table.epochs == 2).all()
    assert deo_m(table.last(1, 0)) == deo_m(table.last(0, 0)), "weight 0 is the baseline"
    assert (table.test.hard.sum((2, 3, 4)) == 2 * 450).all()
    training_file(tmp_path, small.training(small.settings()[2], small.replicates()[0], Path())).unlink()
    with pytest.raises(SystemExit, match="no replicate of all 3 settings"):
        read(small, tmp_path, Path())
    record(small, tmp_path, Path(), tell=told.append)
    assert [line.partition(":")[2].split()[0] for line in told] == ["3", "1"]
    assert (read(small, tmp_path, Path()).val.hard == table.val.hard).all()


def test_a_training_that_diverged_in_its_first_epoch_is_read(tmp_path):
    small = Recorded("digits", {"reweight": {"reweight.weight": (1,)}}, splits=1, seeds=1, epochs=2, train_fraction=0.2)
    record(small, tmp_path, Path(), tell=lambda _: None)
    _save(training_file(tmp_path, small.training(small.settings()[1], small.replicates()[0], Path())), {"epochs": []})
    table = read(small, tmp_path, Path())
    assert table.epochs.tolist() == [[2], [0]]
    assert not table.ended(1, 0)
    assert np.isnan(table.test_accuracy[1, 0])
