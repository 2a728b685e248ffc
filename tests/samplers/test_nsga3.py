import math
import random

import optuna
import pytest

from fairtune.samplers import Problem
from fairtune.samplers.nsga3 import NSGA3, _divisions
from fairtune.space import Real
from fairtune.spec import Direction

DIRECTIONS: list[Direction] = ["maximize", "minimize", "minimize"]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_who_survives_does_not_depend_on_which_trial_asks_first():
    """The first of a generation does, or in a resumed search the first of a session."""
    chance = random.Random(0)
    study = optuna.create_study(directions=DIRECTIONS)
    space: dict[str, optuna.distributions.BaseDistribution] = {"x": optuna.distributions.FloatDistribution(0, 1)}
    for _ in range(40):
        values = [chance.random() for _ in DIRECTIONS]
        study.add_trial(optuna.trial.create_trial(params={"x": chance.random()}, distributions=space, values=values))
    survivors = []
    for seed in range(6):
        problem = Problem({"x": Real(low=0, high=1)}, DIRECTIONS, search_seed=5, start=15, trials=60, seed=seed)
        sampler = NSGA3().on(problem)
        assert isinstance(sampler, optuna.samplers.NSGAIIISampler)
        chosen = sampler._elite_population_selection_strategy(study, study.trials)
        survivors.append(sorted(trial.number for trial in chosen))
    assert len(survivors[0]) == 15
    assert survivors == [survivors[0]] * 6


@pytest.mark.parametrize("objectives", [1, 2, 3, 4])
@pytest.mark.parametrize("population", [5, 15, 50])
def test_there_are_no_more_directions_than_survivors_where_there_is_a_choice(population, objectives):
    parts = _divisions(population, objectives)
    directions = math.comb(parts + objectives - 1, objectives - 1)
    assert directions <= population
    if objectives > 1:
        assert math.comb(parts + objectives, objectives - 1) > population
