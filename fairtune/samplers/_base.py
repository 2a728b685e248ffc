"""What a sampler is, and all that it is told of a search."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import optuna

from fairtune.errors import InvalidInput
from fairtune.plugins import Pluggable
from fairtune.space import Domain, Real, Space
from fairtune.spec import Direction


@dataclass(frozen=True)
class Problem:
    """What a sampler is to propose settings of.

    Attributes:
        search: the domain of each value, by full name. All are proposed together: the space has no conditions, because each method
            searched has a problem of its own.
        directions: of the objectives.
        search_seed: the same for all trials of a search, for what walks through the space in one sequence.
        start: settings that a sampler which learns draws at random before it trusts what it has learnt.
        trials: how many settings of this space the search tries, if there are as many.
        seed: of the draws for one trial: another one for each trial of a search.
        trials_so_far: how many settings of this space earlier trials have had: a place in such a sequence.
    """

    search: Mapping[str, Domain]
    directions: Sequence[Direction]
    search_seed: int
    start: int
    trials: int
    seed: int = 0
    trials_so_far: int = 0


class Sampler(Pluggable, ABC):
    """A sampler.

    It only proposes. Points, settings tried before, exhausted spaces and resumed searches are seen to by
    :class:`fairtune.samplers.Proposals`, whatever the sampler.

    Attributes:
        several_objectives: whether it can weigh several objectives; if not, a rule with more than one is refused.
        chooses_methods: whether it also chooses among the methods of ``--joint``, each with a space of its own; if not, TPE does.
        finite_only: whether it needs a space whose settings can be counted; if so, one with a real range is refused.
    """

    kind: ClassVar = "sampler"
    several_objectives: ClassVar[bool] = True
    chooses_methods: ClassVar[bool] = True
    finite_only: ClassVar[bool] = False

    @abstractmethod
    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """The sampler for one trial of a problem, in Optuna's terms.

        It is made anew for each trial, so that what it proposes follows from the seed and the trials so far, and not from when the
        search was begun or resumed: whatever it learns it must read from the study. It is asked on an Optuna study of this problem
        alone, several trials at a time, and told complete, pruned and failed ones.
        The accuracy floor is a constraint of each complete trial (``accuracy_floor``, feasible at 0 or less).
        """

    def explain(self, problem: Problem) -> str:
        """What depends on the problem in how it works, in words; nothing if nothing does."""
        return ""


def check(name: str, directions: Sequence[Direction], spaces: Mapping[str, Space]) -> None:
    """Check that a sampler can search these spaces for these objectives.

    Args:
        name: of the sampler.
        directions: of the objectives.
        spaces: the space of each method searched.

    Raises:
        InvalidInput: there is no such sampler, it is none, it cannot weigh so many objectives, or it needs finite spaces.
    """
    sampler, faults = Sampler.load(name), []
    if len(directions) > 1 and not sampler.several_objectives:
        faults.append(
            f"the sampler {name!r} takes one objective, and --select weighs {len(directions)}: choose another --sampler, or a rule "
            "of one objective, as --select deo_m_alone"
        )
    if sampler.finite_only:
        searched = [item for space in spaces.values() for item in space.search.items()]
        faults += [
            f"the sampler {name!r} tries values that can be counted, and {key} is searched over {domain}: give its values, as "
            f"--set {key}={domain.low:g},{domain.at(0.5):g},{domain.high:g}, or choose another --sampler"
            for key, domain in searched
            if isinstance(domain, Real) and math.isinf(domain.size)
        ]
    if faults:
        raise InvalidInput(faults)
