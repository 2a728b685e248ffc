import itertools
import time
from dataclasses import replace

import pytest

from fairtune.schedulers.median import Median
from fairtune.spec import Stop
from fairtune.testing.schedulers import standing
from tests.schedulers.test_ladder import OBJECTIVES
from tests.search_helpers import Session, small_search

CROWD = [standing(0, 0.6, 0.4), standing(1, 0.7, 0.3), standing(2, 0.8, 0.2), standing(3, 0.9, 0.1), standing(4, 0.75, 0.25)]


def verdict(trial, others=CROWD):
    return Median(OBJECTIVES).verdict(trial, others)


@pytest.mark.parametrize(
    ("accuracy", "deo_m", "expected"),
    [
        (0.74, 0.26, "stop"),
        (0.74, 0.25, "go_on"),
        (0.75, 0.26, "go_on"),
        (0.74, 0.1, "go_on"),
        (0.9, 0.9, "go_on"),
    ],
)
def test_a_trial_is_stopped_that_is_worse_than_the_median_in_every_objective(accuracy, deo_m, expected):
    assert verdict(standing(9, accuracy, deo_m)) == expected


@pytest.mark.parametrize(("deo_m", "expected"), [(0.31, "stop"), (0.3, "go_on")])
def test_of_two_middle_values_the_worse_is_the_median(deo_m, expected):
    assert verdict(standing(9, 0.5, deo_m), CROWD[:4]) == expected


def test_nobody_is_stopped_before_four_others_of_its_method_were_there():
    bad = standing(9, 0.1, 0.9)
    assert verdict(bad, CROWD[:3]) == "go_on"
    assert verdict(bad, [*CROWD[:3], standing(5, 0.9, 0.1, method="fitnet")]) == "go_on"
    assert verdict(bad, CROWD[:4]) == "stop"


def test_what_is_infeasible_is_worse_than_what_is_feasible_however_fair():
    assert verdict(standing(9, 0.99, 0.0, shortfall=0.1)) == "stop"
    below = [replace(other, shortfall=0.1) for other in CROWD]
    assert verdict(standing(9, 0.99, 0.0, shortfall=0.1), below) == "go_on"
    assert verdict(standing(9, 0.1, 0.9), below) == "go_on", "it is feasible, as most are not"
    assert verdict(standing(9, 0.1, 0.9, shortfall=0.1), below) == "stop"


@pytest.mark.parametrize(
    ("epochs", "rungs"), [(1, []), (2, [1]), (5, [1, 2, 3, 4]), (10, [2, 3, 4, 5, 6, 7, 8, 9]), (200, [*range(40, 200, 20)])]
)
def test_rungs_are_tenths_after_the_grace_period(epochs, rungs):
    assert Median(OBJECTIVES).rungs(epochs) == rungs


def test_the_same_seed_stops_the_same_trials_whatever_the_clock_says(tmp_path, monkeypatch):
    space = tmp_path / "points.yaml"
    points = [{"weight": number + 1, "lr": rate} for number, rate in enumerate([1e-3, 1e-3, 1e-3, 1e-3, 1e-6])]
    space.write_text(repr({"points": points, "search": {"weight": {"low": 0.1, "high": 10}, "lr": {"low": 1e-6, "high": 1e-2}}}))
    options = {"scheduler": "median", "epochs": 3, "trials": 5, "space": str(space), "accuracy_floor": "teacher-0.3"}

    def ends(name, jobs):
        session = Session(*small_search(tmp_path, **options, name=name)).run(jobs)
        return [(record.state, record.result.epochs, record.result.stopped) for record in session.trials]

    first = ends("first", 6)
    clock = itertools.count(step=100)
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    assert ends("slow", 5) == first
    assert first[:4] == [("complete", 3, None)] * 4
    state, epochs, stopped = first[4]
    assert (state, stopped) == ("pruned", Stop(by="median", epoch=epochs)), "it does not come near the floor that the others reach"
