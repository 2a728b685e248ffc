"""What TPE sees of a long search: the latest trials and the best of those before, whichever session it is."""

import math
import random
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from fairtune.samplers import Outcome, Proposal, Proposals, _window
from fairtune.samplers._window import Window
from tests.search_helpers import small_search

SPACE: dict[str, optuna.distributions.BaseDistribution] = {"x": optuna.distributions.FloatDistribution(0, 1)}


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(_window, "_BLOCK", 20)
    monkeypatch.setattr(_window, "_BEST", 4)


def study_of(trials):
    study = optuna.create_study(directions=["maximize", "minimize"])
    study.add_trials(trials)
    return study


def trial(chance, state=TrialState.COMPLETE, excess=-1.0):
    complete = state == TrialState.COMPLETE
    return optuna.trial.create_trial(
        state=state,
        params={"x": chance.random()},
        distributions=SPACE,
        values=[chance.random(), chance.random()] if complete else None,
        system_attrs={"constraints:accuracy_floor": excess} if complete else {},
    )


def seen(study):
    return [trial.number for trial in Window(study)._get_trials(deepcopy=False)]


@pytest.mark.parametrize("count", [0, 19, 39])
def test_a_short_search_is_seen_as_a_whole(count):
    chance = random.Random(1)
    assert seen(study_of([trial(chance) for _ in range(count)])) == list(range(count))


@pytest.mark.parametrize("count", [40, 59, 60, 333])
def test_a_long_search_is_seen_in_part(count):
    chance = random.Random(1)
    found = seen(study_of([trial(chance) for _ in range(count)]))
    latest = 20 * (count // 20 - 1)
    assert found[4:] == list(range(latest, count))
    assert all(number < latest for number in found[:4])


def test_the_best_of_long_ago_are_seen():
    chance = random.Random(1)
    trials = [trial(chance, excess=1.0) for _ in range(200)]
    good = optuna.trial.create_trial(
        params={"x": 0.5}, distributions=SPACE, values=[0.9, 0.1], system_attrs={"constraints:accuracy_floor": -0.1}
    )
    trials[7] = trials[51] = good
    assert {7, 51} < set(seen(study_of(trials)))


def test_what_is_seen_does_not_depend_on_when_it_is_looked_at():
    chance = random.Random(1)
    trials = [trial(chance) for _ in range(150)]
    growing = study_of([])
    for number, one in enumerate(trials, start=1):
        growing.add_trial(one)
        assert seen(growing) == seen(study_of(trials[:number]))


def test_failed_draws_are_not_counted():
    chance = random.Random(1)
    trials = [trial(chance) for _ in range(100)]
    failed = [trial(chance, TrialState.FAIL) for _ in range(30)]
    mixed = study_of([*trials[:50], *failed, *trials[50:]])
    at = [*range(50), *range(80, 130)]
    assert seen(mixed) == [at[number] for number in seen(study_of(trials))]


def test_a_block_with_a_running_trial_is_not_old():
    chance = random.Random(1)
    trials = [trial(chance) for _ in range(100)]
    trials[25] = trial(chance, TrialState.RUNNING)
    found = seen(study_of(trials))
    assert found[4:] == list(range(20, 100))


def test_an_interrupted_search_tries_the_same():
    def tried(sessions):
        spec = small_search(Path("unused"), sampler="tpe", trials=110)[0]
        asked: list[Proposal] = []
        outcomes: list[Outcome] = []
        proposals: Proposals | None = None
        for number in range(110):
            if proposals is None or number in sessions:
                proposals = Proposals(spec, ["maximize", "minimize"])
                for earlier, before in enumerate(asked):
                    proposals.remember(earlier, before)
                    proposals.tell(earlier, "mfd", outcomes[earlier])
            proposal = proposals.propose(number)
            assert proposal is not None
            share = math.log(float(proposal.values["mfd.weight"]))
            asked.append(proposal)
            outcomes.append(Outcome("complete", [math.sin(share), math.cos(3 * share)], 0.1 - math.sin(share)))
            proposals.tell(number, "mfd", outcomes[-1])
        return [proposal.values for proposal in asked]

    assert tried([]) == tried([30, 61, 97])
