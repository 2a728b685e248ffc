from pathlib import Path

import pytest

from fairtune.samplers import Problem, Proposals
from fairtune.samplers.auto import Auto, pick
from fairtune.space import Domain, Integer, Options, Real
from tests.search_helpers import small_search

FINITE: dict[str, Domain] = {"m.kernel": Options(values=("a", "b", "c")), "m.steps": Integer(low=1, high=4)}
REAL: dict[str, Domain] = {**FINITE, "m.weight": Real(low=0, high=1)}


def problem(search: dict[str, Domain], trials: int) -> Problem:
    return Problem(search, ["maximize", "minimize"], search_seed=0, start=max(5, trials // 4), trials=trials)


@pytest.mark.parametrize(
    ("search", "trials", "sampler"),
    [
        ({}, 1, "grid"),
        (FINITE, 12, "grid"),
        (FINITE, 11, "tpe"),
        (FINITE, 9, "qmc"),
        (REAL, 9, "qmc"),
        (REAL, 10, "tpe"),
        (REAL, 1000, "tpe"),
    ],
)
def test_space_and_trials_decide(search, trials, sampler):
    assert pick(problem(search, trials)).name == sampler
    assert Auto().explain(problem(search, trials)).startswith(f"{sampler}, ")


@pytest.mark.parametrize(
    ("options", "sampler"), [({"trials": 20}, "tpe"), ({"trials": 3}, "qmc"), ({"set": ["weight=1,3,9"]}, "grid")]
)
def test_it_proposes_as_the_one_it_picks(options, sampler):
    def proposed(name: str) -> list[object]:
        proposals = Proposals(small_search(Path("unused"), sampler=name, **options)[0], ["maximize", "minimize"])
        return [proposals.propose(number) for number in range(3)]

    assert proposed("auto") == proposed(sampler)


def test_it_is_the_default():
    assert small_search(Path("unused"))[0].sampler == "auto"
