"""What a search tries next: the proposals of Optuna's samplers, held to settings that no trial has had.

Behind every method stands a study in memory, and one more behind the choice among methods. So every sampler sees a space of fixed
dimensions, whatever methods are searched together, and a proposal that repeats an earlier setting never becomes a trial.
"""

from __future__ import annotations

import math
import random
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import Any, Literal, NamedTuple

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from fairtune.seeding import stream_seed
from fairtune.space import Domain, Integer, Options, Value
from fairtune.spec import SamplerName, SearchSpec

optuna.logging.set_verbosity(optuna.logging.WARNING)

_DRAWS = 4
"""How often a sampler is asked before what it has not tried is looked for without it."""
_RANDOM_DRAWS = 100
"""How often a real range is drawn from before it counts as exhausted: floats are finite too."""

Params = dict[str, Value]


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
    marks: dict[str, Any]


class Outcome(NamedTuple):
    """What a sampler is told of a trial.

    Attributes:
        state: how it ended.
        values: of the objectives, if it is complete.
        excess: by how much it misses the accuracy floor, if it is complete; feasible at 0 or less.
    """

    state: Literal["complete", "pruned", "failed"]
    values: Sequence[float] = ()
    excess: float = 0.0


class Proposals:
    """Proposes settings of a search, none of them twice.

    Points come first. Then TPE chooses the method (or chance, where the sampler is ``random``) and the search's sampler its values.
    Where a sampler only repeats itself, one of the settings that are left takes the place of its proposal.

    Args:
        spec: the search.
        directions: of the objectives.
        trials_so_far: seeds the samplers, with the search's seed, so that a resumed search does not draw the same again.
    """

    def __init__(self, spec: SearchSpec, directions: Sequence[Literal["maximize", "minimize"]], trials_so_far: int) -> None:
        self._spaces = spec.spaces
        self._taken: dict[str, set[tuple[Value, ...]]] = {method: set() for method in spec.spaces}
        self._open = list(spec.spaces)
        several = len(spec.spaces) > 1
        points = [(method, p) for method, space in spec.spaces.items() for p in space.usable_points() or ([{}] if several else [])]
        self._points = deque((index, method, point) for index, (method, point) in enumerate(points))
        start = max(5, spec.trials // (4 * len(spec.spaces)))
        keys = [(trials_so_far, index) for index in range(len(spec.spaces) + 2)] if several else [(trials_so_far,)] * 3
        seeds = [stream_seed(spec.seed, "sampler", *key) % 2**32 for key in keys]
        self._random = random.Random(seeds[-1])
        chooser = _sampler("random" if spec.sampler == "random" else "tpe", start, seeds[-2])
        self._chooser = _Learner(chooser, directions, {"method": CategoricalDistribution(list(spec.spaces))})
        self._learners = {
            method: _Learner(
                _sampler(spec.sampler, start, seed),
                directions,
                {name: distribution(domain) for name, domain in space.search.items()},
            )
            for seed, (method, space) in zip(seeds, spec.spaces.items(), strict=False)
        }

    def propose(self, number: int) -> Proposal | None:
        """A new setting for the trial of this number; None if nothing is left to try."""
        while self._points:
            index, method, point = self._points.popleft()
            if (trial := self._draw(number, method, point)) is not None:
                self._chooser.draw(number, {"method": method}, lambda _: True)
                return Proposal(method, trial.params, index, _marks(trial))
        while self._open:
            method = self._choose(number)
            if (trial := self._draw(number, method, {})) is not None:
                return Proposal(method, trial.params, None, _marks(trial))
            self._open.remove(method)
            self._chooser.tell(number, Outcome("failed"))
        return None

    def remember(self, number: int, proposal: Proposal) -> None:
        """Take up a trial that an earlier session began."""
        self._learners[proposal.method].begin(number, proposal.values, proposal.marks)
        self._chooser.begin(number, {"method": proposal.method}, {})
        self._taken[proposal.method].add(self._key(proposal.method, proposal.values))
        self._points = deque(point for point in self._points if point[0] != proposal.point)

    def tell(self, number: int, method: str, outcome: Outcome) -> None:
        """Let the samplers learn from a trial that has ended."""
        self._learners[method].tell(number, outcome)
        self._chooser.tell(number, outcome)

    def _choose(self, number: int) -> str:
        chosen = self._chooser.draw(number, {}, lambda params: params["method"] in self._open)
        if chosen is None:
            chosen = self._chooser.draw(number, {"method": self._random.choice(self._open)}, lambda _: True)
        assert chosen is not None
        return str(chosen.params["method"])

    def _draw(self, number: int, method: str, given: Params) -> optuna.Trial | None:
        """A setting of a method that no trial has had, with these values given; None if there is none."""
        learner, taken = self._learners[method], self._taken[method]
        trial = learner.draw(number, given, lambda params: self._key(method, params) not in taken)
        if trial is None:
            domains = {**self._spaces[method].search, **{name: Options(values=(value,)) for name, value in given.items()}}
            left = _untried(domains, taken, self._random)
            trial = None if left is None else learner.draw(number, left, lambda _: True)
        if trial is not None:
            taken.add(self._key(method, trial.params))
        return trial

    def _key(self, method: str, values: Mapping[str, Value]) -> tuple[Value, ...]:
        """Equal for settings that are the same training: all else of a trial's specification follows from the search's."""
        return tuple(values[name] for name in self._spaces[method].search)


class _Learner:
    """A sampler on a space of fixed dimensions, with what it has learnt."""

    def __init__(
        self,
        sampler: optuna.samplers.BaseSampler,
        directions: Sequence[Literal["maximize", "minimize"]],
        distributions: dict[str, BaseDistribution],
    ) -> None:
        self._study = optuna.create_study(directions=directions, sampler=sampler)
        self._distributions = distributions
        self._running: dict[int, optuna.Trial] = {}

    def draw(self, number: int, given: Params, accepted: Callable[[Params], bool]) -> optuna.Trial | None:
        """The first of a few draws, with some values given, that is accepted."""
        for _ in range(_DRAWS):
            if given:
                self._study.enqueue_trial(given)
            trial = self._study.ask(self._distributions)
            if accepted(trial.params):
                self._running[number] = trial
                return trial
            self._study.tell(trial, state=TrialState.FAIL)
        return None

    def begin(self, number: int, params: Params, marks: dict[str, Any]) -> None:
        self._running[number] = begin(self._study, params, self._distributions, marks)

    def tell(self, number: int, outcome: Outcome) -> None:
        settle(self._study, self._running.pop(number), outcome)


def begin(
    study: optuna.Study, params: Params, distributions: dict[str, BaseDistribution], marks: dict[str, Any], **notes: Any
) -> optuna.Trial:
    """Add a running trial with all its parameters to a study, in one write."""
    template = optuna.trial.create_trial(
        state=TrialState.RUNNING, params=params, distributions=distributions, system_attrs=marks, user_attrs=notes
    )
    return optuna.Trial(study, study._storage.create_new_trial(study._study_id, template))


def settle(study: optuna.Study, trial: optuna.Trial, outcome: Outcome) -> None:
    """End a running trial; of a complete one the excess over the accuracy floor is a constraint."""
    if outcome.state == "complete":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a process killed between this and the next line has set it already
            trial.set_constraint("accuracy_floor", outcome.excess)
        study.tell(trial, list(outcome.values))
    else:
        study.tell(trial, state=TrialState.PRUNED if outcome.state == "pruned" else TrialState.FAIL)


def _marks(trial: optuna.Trial) -> dict[str, Any]:
    return dict(trial.storage.get_trial_system_attrs(trial._trial_id))


def distribution(domain: Domain) -> BaseDistribution:
    """A domain in Optuna's terms."""
    if isinstance(domain, Options):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Integer):
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)


def _sampler(name: SamplerName, start: int, seed: int) -> optuna.samplers.BaseSampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        match name:
            case "tpe":
                return optuna.samplers.TPESampler(n_startup_trials=start, multivariate=True, constant_liar=True, seed=seed)
            case "gp":
                return optuna.samplers.GPSampler(n_startup_trials=start, seed=seed)
            case "nsga2":
                return optuna.samplers.NSGAIISampler(population_size=min(50, start), seed=seed)
            case "random":
                return optuna.samplers.RandomSampler(seed=seed)


def _untried(domains: Mapping[str, Domain], taken: Set[tuple[Value, ...]], chance: random.Random) -> Params | None:
    """A setting that is not among those taken: in a finite space the first from a random one onwards, else one drawn at random."""
    for shares in _shares(list(domains.values()), len(taken), chance):
        values = {name: domain.at(share) for share, (name, domain) in zip(shares, domains.items(), strict=True)}
        if tuple(values.values()) not in taken:
            return values
    return None


def _shares(domains: Sequence[Domain], taken: int, chance: random.Random) -> Iterator[list[float]]:
    """Settings as a share of the way through each domain; of a finite space one more than are taken, if it has as many."""
    sizes = [domain.size for domain in domains]
    if math.isinf(math.prod(sizes)):
        yield from ([chance.random() for _ in domains] for _ in range(_RANDOM_DRAWS))
        return
    settings = math.prod(map(int, sizes))
    first = chance.randrange(settings)
    for step in range(min(settings, taken + 1)):
        index, shares = (first + step) % settings, []
        for size in map(int, sizes):
            index, digit = divmod(index, size)
            shares.append((digit + 0.5) / size)
        yield shares
