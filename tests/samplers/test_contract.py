"""What every sampler promises; what is made of its proposals is tested in ``test_proposals.py``, on every sampler too."""

import random

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.plugins import load, names, overview
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.samplers import Outcome, Problem, Sampler, check
from fairtune.samplers._learner import Learner
from fairtune.space import Integer, Options, Real

SAMPLERS = names("sampler")
SEARCH = {
    "m.weight": Real(low=0.1, high=30, log=True),
    "m.share": Real(low=0, high=1),
    "m.steps": Integer(low=1, high=6),
    "m.kernel": Options(values=("rbf", "poly")),
}
TWO = ("maximize", "minimize")


def proposed(name, *, seed=0, directions=TWO, trials=7):
    """Settings of a search that trains nothing; two trials are under way at a time, and every fate is met."""
    learner = Learner(load("sampler", name)(), Problem(SEARCH, directions, seed, start=3))
    found = []
    for number in range(trials):
        found.append(learner.draw(number, {}, lambda _: True).params)
        if number:
            learner.tell(number - 1, outcome(number, found[-2], len(directions)))
    return found


def outcome(number, values, objectives):
    if number % 4 == 3:
        return Outcome("pruned" if number == 3 else "failed")
    return Outcome(
        "complete", [values["m.share"], values["m.weight"], values["m.steps"]][:objectives], excess=values["m.share"] - 0.8
    )


@pytest.mark.parametrize("name", SAMPLERS)
def test_it_says_what_it_is_and_can_be_used(name):
    assert issubclass(load("sampler", name), Sampler)
    assert len(overview("sampler")[name]) > 20
    check(name, TWO)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_kind_of_domain_is_proposed_within_its_ends(name):
    for values in proposed(name):
        assert list(values) == list(SEARCH)
        assert all(domain.contains(values[key]) for key, domain in SEARCH.items())


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_seed_alone_decides(name):
    random.seed(1)
    np.random.seed(1)
    before = random.getstate(), np.random.get_state()[1].tolist()
    first = proposed(name)
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before, "no global generator is touched"
    random.seed(2)
    np.random.seed(2)
    assert proposed(name) == first
    assert proposed(name, seed=1)[1:] != first[1:]


@pytest.mark.parametrize("objectives", [1, 3])
@pytest.mark.parametrize("name", SAMPLERS)
def test_it_takes_as_many_objectives_as_it_says(name, objectives):
    directions = ("maximize", "minimize", "minimize")[:objectives]
    if objectives == 1 or load("sampler", name).several_objectives:
        assert len(proposed(name, directions=directions, trials=7)) == 7


def test_a_sampler_of_somebody_else_is_used_by_its_address(tmp_path):
    request = Request.read({"sampler": "tests.samplers.outside:Chance", "runs": str(tmp_path), "name": "run"})
    assert resolve(request)[0].sampler == "tests.samplers.outside:Chance"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("tests.samplers.outside:Grid", "takes one objective, and --select weighs 2: choose another --sampler or --select"),
        ("tests.samplers.outside:Nobody", "has no attribute 'Nobody'"),
        ("fairtune.spec:SearchSpec", "must derive from fairtune.samplers.Sampler"),
    ],
)
def test_one_that_cannot_search_is_refused_before_anything_is_trained(tmp_path, name, reason):
    with pytest.raises(InvalidInput, match=reason):
        resolve(Request.read({"sampler": name, "runs": str(tmp_path), "name": "run"}))


def test_one_objective_is_enough_for_a_sampler_that_knows_one():
    check("tests.samplers.outside:Grid", ["minimize"])
