"""What a search tries next: the proposals of samplers, held to settings that no trial has had.

Behind every method stands a study in memory, and one more behind the choice among the methods of a joint search. So every sampler
sees a space of fixed dimensions, whatever methods are searched together, and a proposal that repeats an earlier setting never
becomes a trial.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import optuna

from fairtune.samplers._base import Problem, Sampler
from fairtune.samplers._learner import Learner, Outcome, Params
from fairtune.samplers._untried import untried
from fairtune.seeding import stream_seed
from fairtune.space import Options, Space, Value
from fairtune.spec import Direction, SearchSpec


class Proposal(NamedTuple):
    """A setting to try.

    Attributes:
        method: which of the methods searched.
        values: of what is searched, by full name.
        point: position of the point it comes from among those of all methods, or None.
        marks: what the sampler wants to know of this trial later, if it has to be built anew.
    """

    method: str
    values: Params
    point: int | None
    marks: dict[str, object]


class Proposals:
    """Proposes settings of a search, none of them twice.

    Points come first, one of each method in turn. Then it is the turn of the method with the fewest trials that no earlier run has
    trained, or in a joint search of the one that the search's sampler chooses (TPE, where it cannot), and the sampler chooses the
    method's values.
    Where a sampler only repeats itself, one of the settings that are left takes the place of its proposal. What is proposed for a
    trial follows from the search's seed, the trial's number and what is known of other trials, in whichever session it is asked.

    Args:
        spec: the search.
        directions: of the objectives.
    """

    def __init__(self, spec: SearchSpec, directions: Sequence[Direction]) -> None:
        self._seed = spec.seed
        self._spaces = spec.spaces
        self._taken: dict[str, set[tuple[Value, ...]]] = {method: set() for method in spec.spaces}
        self._taken_over: dict[str, set[int]] = {method: set() for method in spec.spaces}
        self._points = deque(_in_turn(spec.spaces))
        trials = -(-spec.trials // (1 if spec.joint else len(spec.spaces)))
        start = max(5, spec.trials // (4 * len(spec.spaces)))
        seeds = [stream_seed(spec.seed, "sampler", index) % 2**32 for index in range(len(spec.spaces) + 1)]
        sampler = Sampler.load(spec.sampler).build()
        chooser = sampler if sampler.chooses_methods else Sampler.load("tpe").build()
        methods = {"method": Options(values=tuple(spec.spaces))}
        several = len(spec.spaces) > 1
        chosen = Problem(methods, directions, seeds[-1], start, spec.trials)
        self._chooser = Learner(chooser, chosen) if several and spec.joint else None
        self._learners = {
            method: Learner(sampler, Problem(space.search, directions, seed, start, trials))
            for seed, (method, space) in zip(seeds, spec.spaces.items(), strict=False)
        }

    def explain(self) -> dict[str, str]:
        """What the sampler says of each method's space, if anything."""
        return {method: said for method, learner in self._learners.items() if (said := learner.explain())}

    def propose(self, number: int) -> Proposal | None:
        """A new setting for the trial of this number; None if nothing is left to try."""
        while self._points:
            index, method, point = self._points.popleft()
            if (trial := self._draw(number, method, point)) is not None:
                if self._chooser is not None:
                    self._chooser.draw(number, {"method": method}, lambda _: True)
                return Proposal(method, trial.params, index, _marks(trial))
        left = [method for method, space in self._spaces.items() if len(self._taken[method]) < space.size]
        while left:
            method = self._choose(number, left)
            if (trial := self._draw(number, method, {})) is not None:
                return Proposal(method, trial.params, None, _marks(trial))
            left.remove(method)
            if self._chooser is not None:
                self._chooser.withdraw(number)
        return None

    def remember(self, number: int, proposal: Proposal) -> None:
        """Take up a trial that an earlier session began."""
        self._learners[proposal.method].begin(number, proposal.values, proposal.marks)
        if self._chooser is not None:
            self._chooser.begin(number, {"method": proposal.method}, {})
        self._taken[proposal.method].add(self._key(proposal.method, proposal.values))
        self._points = deque(point for point in self._points if point[0] != proposal.point)

    def tell(self, number: int, method: str, outcome: Outcome) -> None:
        """Let the samplers learn from a trial that has ended."""
        self._learners[method].tell(number, outcome)
        if outcome.taken_over:
            self._taken_over[method].add(number)
        if self._chooser is not None:
            self._chooser.tell(number, outcome)

    def take_up(self, number: int, method: str) -> None:
        """Forget what came of a trial that was told: it goes on, or more is known of it."""
        self._learners[method].take_up(number)
        if self._chooser is not None:
            self._chooser.take_up(number)

    def _choose(self, number: int, left: Sequence[str]) -> str:
        if self._chooser is None:
            return min(left, key=lambda method: len(self._taken[method]) - len(self._taken_over[method]))
        chosen = self._chooser.draw(number, {}, lambda params: params["method"] in left)
        if chosen is None:
            chosen = self._chooser.draw(number, {"method": self._chance(number, 0).choice(left)}, lambda _: True)
        assert chosen is not None
        return str(chosen.params["method"])

    def _draw(self, number: int, method: str, given: Params) -> optuna.Trial | None:
        """A setting of a method that no trial has had, with these values given; None if there is none."""
        learner, taken = self._learners[method], self._taken[method]
        trial = learner.draw(number, given, lambda params: self._key(method, params) not in taken)
        if trial is None:
            domains = {**self._spaces[method].search, **{name: Options(values=(value,)) for name, value in given.items()}}
            left = untried(domains, taken, self._chance(number, 1))
            trial = None if left is None else learner.draw(number, left, lambda _: True)
        if trial is not None:
            taken.add(self._key(method, trial.params))
        return trial

    def _chance(self, number: int, purpose: int) -> random.Random:
        return random.Random(stream_seed(self._seed, "untried", number, purpose))

    def _key(self, method: str, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """Equal for settings that are the same training: all else of a trial's specification follows from the search's."""
        return tuple(values[name] for name in self._spaces[method].search)


def _in_turn(spaces: Mapping[str, Space]) -> list[tuple[int, str, Params]]:
    """The points of all methods, the first of each before the second of any: position among all, method, values.

    Among several methods one without points has an empty one, so that each is tried.
    """
    several = len(spaces) > 1
    every = [(place, method, p) for method, space in spaces.items() for place, p in enumerate(_points(space, several))]
    numbered = [(place, index, method, point) for index, (place, method, point) in enumerate(every)]
    return [(index, method, point) for _, index, method, point in sorted(numbered, key=lambda one: one[:2])]


def _points(space: Space, several: bool) -> list[Params]:
    return space.usable_points() or ([{}] if several else [])


def _marks(trial: optuna.Trial) -> dict[str, object]:
    return dict(trial.storage.get_trial_system_attrs(trial._trial_id))
