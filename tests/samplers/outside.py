"""Samplers as somebody else would write them."""

import threading
from typing import Any, ClassVar

import optuna
from optuna.trial import TrialState

from fairtune.samplers import Problem, Sampler


class Grid(Sampler):
    """Walks over the options in order; knows one objective only."""

    several_objectives: ClassVar[bool] = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        return optuna.samplers.GridSampler({name: domain.values for name, domain in problem.search.items()}, seed=problem.seed)


class Chance(Sampler):
    """Draws at random, for however many objectives."""

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=problem.seed)


class Slow(Sampler):
    """Draws at random when it is let, and notes how many complete trials it knows of; fails where it is told to."""

    let: ClassVar = threading.Event()
    at_work: ClassVar = threading.Event()
    knew: ClassVar[list[int]] = []
    fails: ClassVar = False

    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        return _Waiting(problem.seed)

    @classmethod
    def begin(cls) -> None:
        """As for a new search."""
        cls.let.set()
        cls.at_work.clear()
        cls.knew.clear()
        cls.fails = False


class _Waiting(optuna.samplers.RandomSampler):
    def sample_independent(self, study: optuna.Study, trial: optuna.trial.FrozenTrial, *param: Any) -> Any:
        Slow.knew.append(len(study.get_trials(states=[TrialState.COMPLETE])))
        Slow.at_work.set()
        assert Slow.let.wait(60)
        if Slow.fails:
            raise RuntimeError("out of luck")
        return super().sample_independent(study, trial, *param)
