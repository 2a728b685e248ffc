import inspect
import itertools

import numpy as np
import pytest

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.metrics import GAPS
from fairtune.rules import Rule, View, fairness_score, front
from fairtune.rules.accuracy import HighestAccuracy
from fairtune.rules.deo_m import LowestDEOM
from fairtune.rules.sigma_iou import LowestSigmaIOU

RULES = plugins.names("rule")


def view(number, accuracy, gap, *, feasible=True):
    return View(
        number,
        {},
        {"accuracy": accuracy, "deo_m": gap, "deo_a": gap / 2, "sigma_iou": gap / 4, "mutual_information": gap / 2},
        feasible,
    )


def random_views(seed, count=12):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 5, (count, 2)) / 4
    return [view(n, accuracy, gap, feasible=bool(accuracy >= 0.5)) for n, (accuracy, gap) in enumerate(scores)]


def dominates(one, other):
    better_or_equal = one.val["accuracy"] >= other.val["accuracy"] and one.val["deo_m"] <= other.val["deo_m"]
    return better_or_equal and (one.val["accuracy"], one.val["deo_m"]) != (other.val["accuracy"], other.val["deo_m"])


def test_a_view_has_no_test_field():
    assert View._fields == ("number", "params", "val", "feasible")


@pytest.mark.parametrize("name", RULES)
class TestEveryRule:
    def test_says_what_it_is_and_what_it_optimises(self, name):
        rule = plugins.load("rule", name)
        assert issubclass(rule, Rule)
        assert plugins.summary(rule)
        assert rule.__doc__ != Rule.__doc__
        assert rule.objectives == (("accuracy", "maximize"), (fairness_score(name), "minimize"))
        assert fairness_score(name) in {*GAPS, "mutual_information"}

    def test_chooses_only_what_is_feasible(self, name):
        choose = plugins.load("rule", name)().choose
        assert choose([]) is None
        assert choose([view(0, 0.9, 0.1, feasible=False)]) is None
        assert choose([view(0, 0.9, 0.1, feasible=False), view(1, 0.5, 0.5)]).number == 1

    def test_does_not_depend_on_the_order(self, name):
        choose = plugins.load("rule", name)().choose
        views = [view(0, 0.5, 0.5), view(1, 0.5, 0.5), view(2, 0.4, 0.5), view(3, 0.5, 0.6)]
        assert {choose(order).number for order in itertools.permutations(views)} == {0}

    @pytest.mark.parametrize("seed", range(10))
    def test_never_chooses_what_a_feasible_trial_beats(self, name, seed):
        views = random_views(seed)
        chosen = plugins.load("rule", name)().choose(views)
        assert chosen is None or not any(dominates(other, chosen) for other in views)

    def test_has_a_name_on_disk(self, name):
        assert inspect.getfile(plugins.load("rule", name)).endswith(f"{name}.py")


def test_lowest_deo_m_takes_the_fairest_then_the_most_accurate_then_the_earliest():
    views = [view(0, 0.9, 0.3), view(1, 0.7, 0.1), view(2, 0.8, 0.1), view(3, 0.8, 0.1), view(4, 0.1, 0.0, feasible=False)]
    assert LowestDEOM().choose(views).number == 2


def test_highest_accuracy_takes_the_most_accurate_then_the_fairest_then_the_earliest():
    views = [view(0, 0.8, 0.1), view(1, 0.9, 0.4), view(2, 0.9, 0.3), view(3, 0.9, 0.3), view(4, 1.0, 0.9, feasible=False)]
    assert HighestAccuracy().choose(views).number == 2


def test_lowest_sigma_iou_takes_the_fairest_then_the_most_accurate_then_the_earliest():
    views = [view(0, 0.9, 0.3), view(1, 0.7, 0.1), view(2, 0.8, 0.1), view(3, 0.8, 0.1), view(4, 0.1, 0.0, feasible=False)]
    assert LowestSigmaIOU().choose(views).number == 2
    views[0].val["sigma_iou"] = 0.01
    assert (LowestSigmaIOU().choose(views).number, LowestDEOM().choose(views).number) == (0, 2)


class LossRule(LowestDEOM):
    """A rule of the user's own that searches for a score without an interval."""

    objectives = (("accuracy", "maximize"), ("loss", "minimize"))


def test_a_rule_weighs_accuracy_against_a_gap():
    assert fairness_score("sigma_iou") == "sigma_iou"
    assert fairness_score("tests.test_rules:LowestDEOM") == "deo_m"
    with pytest.raises(InvalidInput, match=r"LossRule has the objectives .*'loss'.*: give \('accuracy', 'maximize'\).*sigma_iou"):
        fairness_score("tests.test_rules:LossRule")
    with pytest.raises(InvalidInput, match="did you mean 'deo_m'"):
        fairness_score("deom")


def test_the_front_is_of_the_score_that_was_searched_for():
    views = [view(0, 0.9, 0.5), view(1, 0.6, 0.1)]
    views[0].val["sigma_iou"] = 0.0
    assert [found.number for found in front(views, "sigma_iou")] == [0]
    assert [found.number for found in front(views)] == [1, 0]


def test_the_front_goes_from_the_fairest_to_the_most_accurate():
    views = [view(0, 0.9, 0.5), view(1, 0.6, 0.1), view(2, 0.8, 0.3), view(3, 0.7, 0.3), view(4, 0.6, 0.1, feasible=False)]
    assert [found.number for found in front(views)] == [1, 4, 2, 0]
    assert front([]) == []


def test_a_score_that_is_not_defined_is_not_on_the_front():
    assert [found.number for found in front([view(0, 0.9, float("nan")), view(1, 0.1, 0.9)])] == [1]
