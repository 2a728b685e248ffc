"""What a sampler is, and all that it is told of a search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import optuna

from fairtune.errors import InvalidInput
from fairtune.plugins import Pluggable
from fairtune.space import Domain
from fairtune.spec import Direction


@dataclass(frozen=True)
class Problem:
    """What a sampler is to propose settings of.

    Attributes:
        search: the domain of each value, by full name. All are proposed together: the space has no conditions, because each method
            searched has a problem of its own.
        directions: of the objectives.
        seed: of its draws: another one in each session of a search that is resumed, so that none repeats what another drew.
        start: settings that a sampler which learns draws at random before it trusts what it has learnt.
        trials_so_far: trials of earlier sessions; their outcomes are told before anything is proposed.
    """

    search: Mapping[str, Domain]
    directions: Sequence[Direction]
    seed: int
    start: int
    trials_so_far: int = 0


class Sampler(Pluggable, ABC):
    """A sampler.

    It only proposes. Points, settings tried before, exhausted spaces and resumed searches are seen to by
    :class:`fairtune.samplers.Proposals`, whatever the sampler.

    Attributes:
        several_objectives: whether it can weigh several objectives; if not, a rule with more than one is refused.
        chooses_methods: whether it also chooses among several methods, each with a space of its own; if not, TPE does.
    """

    kind: ClassVar = "sampler"
    several_objectives: ClassVar[bool] = True
    chooses_methods: ClassVar[bool] = True

    @abstractmethod
    def on(self, problem: Problem) -> optuna.samplers.BaseSampler:
        """The sampler for one problem, in Optuna's terms.

        It is asked on an Optuna study of this problem alone, several trials at a time, and told complete, pruned and failed ones.
        The accuracy floor is a constraint of each complete trial (``accuracy_floor``, feasible at 0 or less).
        """


def check(name: str, directions: Sequence[Direction]) -> None:
    """Check that a sampler can search for these objectives.

    Raises:
        InvalidInput: there is no such sampler, it is none, or it cannot weigh so many objectives.
    """
    if len(directions) > 1 and not Sampler.load(name).several_objectives:
        raise InvalidInput(
            f"the sampler {name!r} takes one objective, and --select weighs {len(directions)}: choose another --sampler or --select"
        )
