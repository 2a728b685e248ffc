"""Which setting is trained once more before one is chosen: racing, for any rule.

What a rule would choose is drawn again and again, each setting's scores as uncertain as its seeds leave them. The race is over when
the rule chooses the same setting in 95 % of the draws. Until then the next seed goes to the setting that is chosen now, or to the
one that is chosen most often in its place, whichever has fewer.

D. Russo, "Simple Bayesian Algorithms for Best Arm Identification", COLT 2016, draws the two likewise; which of them is trained he
leaves to a coin. The scores' covariance is that of seeds about their settings' means, pooled over all settings with several.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from fairtune.metrics import ranked, reaches
from fairtune.rules import Rule, View
from fairtune.space import Value

CANDIDATES = 8
"""Settings that race: those that the rule chooses one after the other."""
SURE = 0.95
"""Share of the draws that have to choose the same."""
MOST_SEEDS = 10
"""Of one setting, those that failed too: what more would separate is no difference to anybody."""
_LEAST_KNOWN = 3
"""Settings with several seeds before anything is drawn: fewer do not tell how far seeds lie apart."""
_DRAWS = 200


class Runner(NamedTuple):
    """A setting in the race.

    Attributes:
        number: of the trial.
        params: what was searched.
        scored: its scores on each seed that has ended.
        floor: accuracy that it must reach.
        unscored: seeds that have been begun and have no scores: they are being trained, or have failed.
    """

    number: int
    params: dict[str, Value]
    scored: Sequence[Mapping[str, float]]
    floor: float
    unscored: int = 0

    @property
    def seeds(self) -> int:
        """How many have been begun, whatever came of them."""
        return len(self.scored) + self.unscored


def next_up(runners: Sequence[Runner], rule: Rule, rng: np.random.Generator) -> int | None:
    """The setting whose turn it is, by its trial's number; None if the race is over.

    Args:
        runners: all settings that have been scored.
        rule: chooses among them.
        rng: for the draws.
    """
    names = sorted(set.intersection(*(set(runner.scored[0]) for runner in runners))) if runners else []
    racing = _candidates(runners, names, rule)
    left = [runner for runner in racing if runner.seeds < MOST_SEEDS]
    if len(racing) < 2 or not left:
        return None
    several = [runner for runner in runners if len(runner.scored) > 1]
    known = len(several) >= min(_LEAST_KNOWN, len(racing))
    if not known:
        return min(left, key=lambda runner: runner.seeds).number
    chosen = _drawn(racing, several, names, rule, rng)
    leader = racing[0].number
    if chosen[leader] >= SURE * _DRAWS:
        return None
    rivals = [number for number, _ in chosen.most_common() if number not in (leader, None)]
    pair = [runner for runner in left if runner.number in (leader, *rivals[:1])]
    return min(pair or left, key=lambda runner: runner.seeds).number


def _candidates(runners: Sequence[Runner], names: Sequence[str], rule: Rule) -> list[Runner]:
    """Those that the rule chooses one after the other, the choice first."""
    views = [_view(runner, dict(zip(names, _mean(runner, names), strict=True))) for runner in runners]
    found: list[Runner] = []
    by_number = {runner.number: runner for runner in runners}
    while len(found) < CANDIDATES and (chosen := rule.choose(views)) is not None:
        found.append(by_number[chosen.number])
        views = [view for view in views if view.number != chosen.number]
    return found


def _drawn(
    racing: Sequence[Runner], several: Sequence[Runner], names: Sequence[str], rule: Rule, rng: np.random.Generator
) -> Counter[int | None]:
    """How often the rule chooses each, and none, as the scores are drawn within what their seeds leave open."""
    apart = np.concatenate([_scores(runner, names) - _mean(runner, names) for runner in several])
    free = sum(len(runner.scored) - 1 for runner in several)
    means = np.array([_mean(runner, names) for runner in racing])
    reach = 1 / np.sqrt([[len(runner.scored)] for runner in racing])
    found: Counter[int | None] = Counter()
    for _ in range(_DRAWS):
        noise = rng.standard_normal((len(racing), len(apart))) @ apart / np.sqrt(free)
        drawn = means + reach * noise
        views = [_view(runner, dict(zip(names, row, strict=True))) for runner, row in zip(racing, drawn.tolist(), strict=True)]
        chosen = rule.choose(views)
        found[None if chosen is None else chosen.number] += 1
    return found


def _view(runner: Runner, val: dict[str, float]) -> View:
    return View(runner.number, runner.params, val, reaches(ranked(val)["accuracy"], runner.floor))


def _scores(runner: Runner, names: Sequence[str]) -> np.ndarray:
    return np.array([[scored.get(name, np.nan) for name in names] for scored in runner.scored])


def _mean(runner: Runner, names: Sequence[str]) -> np.ndarray:
    mean: np.ndarray = _scores(runner, names).mean(axis=0)
    return mean
