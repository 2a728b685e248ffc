"""What every sampler must do; what is made of its proposals is the search's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from fairtune.plugins import Pluggable
from fairtune.samplers import Outcome, Problem, Sampler
from fairtune.samplers._learner import Learner
from fairtune.space import Domain, Integer, Options, Real, Value
from fairtune.spec import Direction
from fairtune.testing.plug_ins import PlugInContract

SEARCH: dict[str, Domain] = {
    "m.weight": Real(low=0.1, high=30, log=True),
    "m.share": Real(low=0, high=1),
    "m.steps": Integer(low=1, high=6),
    "m.kernel": Options(values=("rbf", "poly")),
}
FINITE: dict[str, Domain] = {
    "m.weight": Options(values=(0.1, 0.3, 1.0, 3.0)),
    "m.share": Options(values=(0.0, 0.5, 1.0)),
    **{name: SEARCH[name] for name in ("m.steps", "m.kernel")},
}
"""For samplers that walk through what can be counted."""
DIRECTIONS: tuple[Direction, ...] = ("maximize", "minimize", "minimize")


class SamplerContract(PlugInContract):
    """What a sampler must do.

    Attributes:
        plug_in: the class.
    """

    plug_in: ClassVar[type[Sampler]]

    @pytest.fixture
    def sampler(self) -> type[Sampler]:
        """The class."""
        return self.plug_in

    @pytest.fixture
    def plug_ins(self, sampler: type[Sampler]) -> Sequence[type[Pluggable]]:
        """The class."""
        return [sampler]

    def test_every_kind_of_domain_is_proposed_within_its_ends(self, sampler: type[Sampler]) -> None:
        search = _search(sampler)
        for values in _proposed(sampler):
            assert list(values) == list(search)
            assert all(domain.contains(values[key]) for key, domain in search.items())

    def test_the_seed_alone_decides(self, sampler: type[Sampler]) -> None:
        random.seed(1)
        np.random.seed(1)
        before = random.getstate(), np.random.get_state(legacy=False)
        first = _proposed(sampler)
        np.testing.assert_equal((random.getstate(), np.random.get_state(legacy=False)), before, "no global generator is touched")
        random.seed(2)
        np.random.seed(2)
        assert _proposed(sampler) == first
        assert _proposed(sampler, seed=1)[1:] != first[1:]

    @pytest.mark.parametrize("objectives", [1, 3])
    def test_it_takes_as_many_objectives_as_it_says(self, sampler: type[Sampler], objectives: int) -> None:
        if objectives > 1 and not sampler.several_objectives:
            pytest.skip("it takes one")
        assert len(_proposed(sampler, objectives=objectives)) == 7


def _search(sampler: type[Sampler]) -> dict[str, Domain]:
    return FINITE if sampler.finite_only else SEARCH


def _proposed(sampler: type[Sampler], *, seed: int = 0, objectives: int | None = None, trials: int = 7) -> list[dict[str, Value]]:
    """Settings of a search that trains nothing; two trials are under way at a time, and every fate is met."""
    directions = DIRECTIONS[: objectives or 1 + sampler.several_objectives]
    learner = Learner(sampler(), Problem(_search(sampler), directions, seed, start=3, trials=trials))
    found: list[dict[str, Value]] = []
    for number in range(trials):
        drawn = learner.draw(number, {}, lambda _: True)
        assert drawn is not None
        found.append(drawn.params)
        if number:
            learner.tell(number - 1, _outcome(number, found[-2], len(directions)))
    return found


def _outcome(number: int, values: dict[str, Value], objectives: int) -> Outcome:
    if number % 4 == 3:
        return Outcome("pruned" if number == 3 else "failed")
    share, weight, steps = (float(values[f"m.{name}"]) for name in ("share", "weight", "steps"))
    return Outcome("complete", [share, weight, steps][:objectives], excess=share - 0.8)
