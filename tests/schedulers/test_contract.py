"""What every scheduler promises."""

import math

import pytest

from fairtune.plugins import load, names, overview
from fairtune.schedulers import Scheduler, Standing

OBJECTIVES = ("accuracy", "deo_m")
SCHEDULERS = names("scheduler")
EPOCHS = 20


def scheduler(name):
    return load("scheduler", name)(OBJECTIVES)


def standing(number, accuracy, deo_m, *, epoch=10, feasible=True, method="mfd"):
    return Standing(number, method, epoch, {"accuracy": accuracy, "deo_m": deo_m}, feasible)


CROWD = [standing(number, 0.5 + number / 40, 0.5 - number / 40) for number in range(12)]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_it_says_what_it_is(name):
    assert issubclass(load("scheduler", name), Scheduler)
    assert len(overview("scheduler")[name]) > 20


@pytest.mark.parametrize("name", SCHEDULERS)
def test_rungs_rise_and_end_before_the_training(name):
    for epochs in range(1, 301):
        rungs = list(scheduler(name).rungs(epochs))
        assert rungs == sorted(set(rungs))
        assert all(isinstance(rung, int) and 0 < rung < epochs for rung in rungs)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_who_is_alone_at_a_rung_goes_on(name):
    for epoch in scheduler(name).rungs(EPOCHS):
        assert scheduler(name).verdict(standing(0, 0.1, 0.9, epoch=epoch, feasible=False), []) == "go_on"


@pytest.mark.parametrize("feasible", [True, False])
@pytest.mark.parametrize("name", SCHEDULERS)
def test_who_dominates_all_others_goes_on(name, feasible):
    others = [other._replace(feasible=feasible) for other in CROWD]
    assert scheduler(name).verdict(standing(99, 0.99, 0.01, feasible=feasible), others) == "go_on"


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_verdict_depends_on_its_arguments_alone(name):
    judged = [standing(99, accuracy / 10, deo_m / 10) for accuracy in range(11) for deo_m in range(11)]
    once = scheduler(name)
    first = [once.verdict(trial, CROWD) for trial in judged]
    assert set(first) <= {"go_on", "stop"}
    assert [scheduler(name).verdict(trial, CROWD) for trial in reversed(judged)] == first[::-1]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_scores_that_are_not_defined_are_borne(name):
    undefined = standing(99, math.nan, math.nan)
    assert scheduler(name).verdict(undefined, CROWD) in ("go_on", "stop")
    others = [undefined._replace(number=number) for number in range(6)]
    assert scheduler(name).verdict(CROWD[0], others) == "go_on"
