"""What every selection rule must do."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import pytest

from fairtune import plugins
from fairtune.metrics import BOUNDS, SCORES, scores
from fairtune.plugins import Pluggable
from fairtune.records import GroupCounts
from fairtune.rules import Rule, View, objectives_of
from fairtune.testing.plug_ins import PlugInContract


class RuleContract(PlugInContract):
    """What a selection rule must do.

    Attributes:
        plug_in: the class.
    """

    plug_in: ClassVar[type[Rule]]

    @pytest.fixture
    def rule(self) -> Rule:
        """The rule."""
        return self.plug_in()

    @pytest.fixture
    def plug_ins(self, rule: Rule) -> Sequence[type[Pluggable]]:
        """The class."""
        return [type(rule)]

    def test_it_searches_for_scores_that_there_are(self, rule: Rule) -> None:
        assert rule.objectives == objectives_of(plugins.give("rule", type(rule)))

    def test_it_chooses_only_what_is_feasible(self, rule: Rule) -> None:
        infeasible, feasible = view(0, 0.9, 0.1, feasible=False), view(1, 0.5, 0.5)
        assert rule.choose([]) is None
        assert rule.choose([infeasible]) is None
        assert rule.choose([infeasible, feasible]) == feasible

    def test_it_does_not_depend_on_the_order(self, rule: Rule) -> None:
        views = [view(0, 0.5, 0.5), view(1, 0.5, 0.5), view(2, 0.4, 0.5), view(3, 0.5, 0.6)]
        assert all(rule.choose(order) == views[0] for order in itertools.permutations(views))

    def test_it_bounds_scores_by_what_it_says(self, rule: Rule) -> None:
        right = np.array([[[40, 10], [5, 45]], [[30, 20], [8, 42]]])
        bounds = rule.bound(GroupCounts(right, right.astype(float)), scores(GroupCounts(right, right.astype(float))))
        assert tuple(bounds) == rule.bounds
        assert set(bounds) <= BOUNDS

    @pytest.mark.parametrize("seed", range(10))
    def test_it_never_chooses_what_a_feasible_trial_beats(self, rule: Rule, seed: int) -> None:
        views = random_views(seed)
        chosen = rule.choose(views)
        assert chosen is not None
        assert not any(dominates(other, chosen, rule.objectives) for other in views if other.feasible)


def view(number: int, accuracy: float, gap: float, *, feasible: bool = True, **others: float) -> View:
    """A trial of which every measured score that grows is ``accuracy``, every one that falls ``gap``, but for ``others``."""
    measured = {name: score for name, score in SCORES.items() if name not in BOUNDS}
    lower = {name: gap for name, score in measured.items() if score.better == "lower"}
    higher = {name: accuracy for name, score in measured.items() if score.better == "higher"}
    return View(number, {}, lower | higher | others, feasible)


def random_views(seed: int, count: int = 12) -> list[View]:
    """Views of independent scores, from a few values each, so that some are equal."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, (count, len(SCORES))) / 4
    scored = [dict(zip(SCORES, map(float, row), strict=True)) for row in values]
    return [View(number, {}, val, val["accuracy"] >= 0.5) for number, val in enumerate(scored)]


def dominates(one: View, other: View, objectives: tuple[str, ...]) -> bool:
    """Whether a trial is better in one objective and worse in none."""
    pairs = list(zip(one.costs(*objectives), other.costs(*objectives), strict=True))
    return all(mine <= its for mine, its in pairs) and any(mine < its for mine, its in pairs)
