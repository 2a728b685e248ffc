import math
from typing import ClassVar

import pytest

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.metrics import ESTIMATES, SCORES
from fairtune.rules import Rule, View, check_classes, corner, covered, ends, front, objectives_of
from fairtune.rules._base import role_of
from fairtune.rules._one_score import OneScore
from fairtune.rules.accuracy import HighestAccuracy
from fairtune.rules.auc import HighestAUC
from fairtune.rules.deo_m import LowestDEOM
from fairtune.rules.dto import NearestToUtopia
from fairtune.rules.hypervolume import LargestContribution
from fairtune.rules.knee import Knee
from fairtune.rules.sigma_iou import LowestSigmaIOU
from fairtune.rules.worst_group import HighestWorstGroupAccuracy
from fairtune.testing import RuleContract
from fairtune.testing.rules import dominates, random_views, view

PLANE = ("accuracy", "deo_m")
THREE = ("accuracy", "deo_m", "worst_group_accuracy")


def test_a_view_has_no_test_field():
    assert View._fields == ("number", "params", "val", "feasible")


class TestEveryRule(RuleContract):
    @pytest.fixture(params=plugins.names("rule"))
    def rule(self, request):
        return plugins.load("rule", request.param)()


def test_any_score_can_be_chosen_by():
    improved = {rule.improves or rule.objectives[-1] for rule in map(Rule.load, plugins.names("rule"))}
    assert improved == set(SCORES) - ESTIMATES


@pytest.mark.parametrize("rule", [name for name in plugins.names("rule") if issubclass(Rule.load(name), OneScore)])
def test_a_rule_of_one_score_takes_the_best_then_the_most_accurate_then_the_earliest(rule):
    score = SCORES[Rule.load(rule).objectives[-1]]
    worse, better = (0.1, 0.2) if score.better == "higher" else (0.2, 0.1)
    views = [view(0, 0.9, 0.3), view(1, 0.7, 0.3), view(2, 0.8, 0.3), view(3, 0.8, 0.3), view(4, 0.8, 0.3, feasible=False)]
    for trial, value in zip(views, (worse, better, better, better, better), strict=True):
        trial.val[score.name] = value
    assert Rule.load(rule).build().choose(views).number == 2


def test_equal_opportunity_is_of_two_classes():
    check_classes("equal_opportunity", 2)
    with pytest.raises(InvalidInput, match="equal_opportunity takes two classes, and the data have 10"):
        check_classes("equal_opportunity", 10)


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


def test_worst_group_takes_the_trial_whose_worst_group_is_served_best():
    views = [
        view(0, 0.9, 0.1, worst_group_accuracy=0.6),
        view(1, 0.7, 0.0, worst_group_accuracy=0.65),
        view(2, 0.8, 0.2, worst_group_accuracy=0.65),
        view(3, 0.8, 0.2, worst_group_accuracy=0.65),
        view(4, 0.1, 0.0, worst_group_accuracy=1.0, feasible=False),
    ]
    rule = HighestWorstGroupAccuracy()
    assert rule.choose(views).number == 2
    assert [found.number for found in front(views, rule.objectives)] == [2, 3, 0]
    found = {role: best.number for role, best in ends(views, rule.objectives).items()}
    assert found == {"most_accurate": 0, "highest_worst_group_accuracy": 2}


def test_auc_takes_the_trial_that_ranks_best():
    views = [
        view(0, 0.9, 0.3, auc=0.7),
        view(1, 0.7, 0.4, auc=0.8),
        view(2, 0.7, 0.3, auc=0.8),
        view(3, 0.5, 0, auc=1, feasible=False),
    ]
    assert HighestAUC().choose(views).number == 2


def test_dto_takes_the_nearest_to_perfect_whatever_else_there_is():
    views = [view(0, 0.9, 0.5), view(1, 0.8, 0.2), view(2, 0.6, 0.0), view(3, 1.0, 0.0, feasible=False)]
    assert NearestToUtopia().choose(views).number == 1
    assert NearestToUtopia().choose([*views, view(4, 0.1, 1.0)]).number == 1
    assert NearestToUtopia().choose([view(0, 0.7, 0.4), view(1, 0.6, 0.3)]).number == 1


def test_knee_takes_the_bend_of_the_front():
    ends_of_front = [view(0, 0.9, 0.5), view(1, 0.5, 0.0)]
    bent = [view(2, 0.85, 0.1), view(3, 0.8, 0.1), view(4, 0.89, 0.3)]
    assert Knee().choose([*ends_of_front, *bent]).number == 2
    assert Knee().choose(ends_of_front).number == 1
    assert Knee().choose([*ends_of_front, view(2, 0.55, 0.4), view(3, 1.0, 0.0, feasible=False)]).number == 1
    assert Knee().choose([view(0, 0.9, 0.5), view(1, 0.9, 0.5)]).number == 0


class ThreeRule(LowestDEOM):
    """The lowest DEO_M of a front of three objectives."""

    objectives: ClassVar = THREE


class LossRule(LowestDEOM):
    """A rule without a gap, and without accuracy."""

    objectives: ClassVar = ("loss", "worst_group_accuracy")


class AucRule(LowestDEOM):
    """A rule for two classes."""

    objectives: ClassVar = ("auc", "deo_m", "equal_opportunity")


class OldRule(LowestDEOM):
    """A rule that says directions itself."""

    objectives: ClassVar = (("accuracy", "maximize"), ("loss", "minimize"))  # type: ignore[assignment]  # what is refused


class OneRule(LowestDEOM):
    """A rule with one objective."""

    objectives: ClassVar = ("accuracy",)


class NoRule(LowestDEOM):
    """A rule without objectives."""

    objectives: ClassVar = ()


class TwiceRule(LowestDEOM):
    """A rule that names an objective twice."""

    objectives: ClassVar = ("accuracy", "accuracy")


class UnknownRule(LowestDEOM):
    """A rule for scores that nothing records."""

    objectives: ClassVar = ("accuracy", "deo", "beauty")


def test_a_rule_searches_for_any_scores():
    assert objectives_of("sigma_iou") == ("accuracy", "sigma_iou")
    assert objectives_of("tests.rules.test_rules:LowestDEOM") == PLANE
    assert objectives_of("tests.rules.test_rules:ThreeRule") == THREE
    assert objectives_of("tests.rules.test_rules:OneRule") == ("accuracy",)
    assert objectives_of("tests.rules.test_rules:LossRule") == ("loss", "worst_group_accuracy")
    with pytest.raises(InvalidInput, match="did you mean 'deo_m'"):
        objectives_of("deom")


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            "OldRule",
            r"has the objectives \(\('accuracy', 'maximize'\), .*: give one or more different scores, such as \('accuracy', ",
        ),
        ("NoRule", r"has the objectives \(\): give one or more"),
        ("TwiceRule", r"has the objectives \('accuracy', 'accuracy'\): give one or more"),
        ("UnknownRule", r"unknown score 'deo': did you mean 'deo_m' .* unknown score 'beauty': .* fairtune list scores says what"),
    ],
)
def test_a_rule_without_scores_to_search_for_is_refused(rule, said):
    with pytest.raises(InvalidInput, match=f"the rule tests.rules.test_rules:{rule}.*{said}"):
        objectives_of(f"tests.rules.test_rules:{rule}")


def test_a_rule_of_two_classes_is_refused_on_more():
    check_classes("tests.rules.test_rules:AucRule", 2)
    check_classes("tests.rules.test_rules:ThreeRule", 10)
    with pytest.raises(
        InvalidInput, match="AucRule: auc, equal_opportunity takes two classes, and the data have 10: choose another"
    ):
        check_classes("tests.rules.test_rules:AucRule", 10)


def test_a_cost_is_least_for_the_best():
    assert view(0, 0.9, 0.2).costs("accuracy", "deo_m") == (-0.9, 0.2)
    assert view(0, 0.9, 0.2).costs("deo_m", "worst_group_accuracy") == (0.2, -0.9)


def test_the_front_is_of_the_scores_that_were_searched_for():
    views = [view(0, 0.9, 0.5, sigma_iou=0.0), view(1, 0.6, 0.1)]
    assert [found.number for found in front(views, ("accuracy", "sigma_iou"))] == [0]
    assert [found.number for found in front(views, PLANE)] == [1, 0]


def test_the_front_goes_from_the_fairest_to_the_most_accurate():
    views = [view(0, 0.9, 0.5), view(1, 0.6, 0.1), view(2, 0.8, 0.3), view(3, 0.7, 0.3), view(4, 0.6, 0.1, feasible=False)]
    assert [found.number for found in front(views, PLANE)] == [1, 2, 0]
    assert front([], PLANE) == []


@pytest.mark.parametrize(
    "objectives", [PLANE, THREE, ("auc", "mutual_information"), ("worst_group_accuracy", "deo_m", "sigma_iou")]
)
@pytest.mark.parametrize("seed", range(5))
def test_the_ends_are_the_best_of_the_front(objectives, seed):
    views = random_views(seed)
    choosable = [one for one in views if one.feasible]
    on_front = front(views, objectives)
    assert {found.number for found in on_front} == {
        one.number for one in choosable if not any(dominates(other, one, objectives) for other in choosable)
    }
    found = ends(views, objectives)
    assert len(found) == len(objectives)
    for name, best in zip(objectives, found.values(), strict=True):
        assert best in on_front
        assert best.costs(name) == min(one.costs(name) for one in choosable)


def test_ends_are_called_by_what_is_best_in_them():
    roles = {name: [role_of(name, objectives) for objectives in (PLANE, THREE)] for name in PLANE}
    assert roles == {"accuracy": ["most_accurate"] * 2, "deo_m": ["fairest"] * 2}
    assert role_of("mutual_information", ("accuracy", "mutual_information")) == "fairest"
    two_gaps = ("accuracy", "deo_m", "sigma_iou")
    assert [role_of(name, two_gaps) for name in two_gaps] == ["most_accurate", "lowest_deo_m", "lowest_sigma_iou"]
    assert role_of("auc", ("auc", "deo_m")) == "highest_auc"


CONSTANT = view(9, 0.1, 0.0, feasible=False)
"""A net that always gives one answer."""


def test_a_constant_classifier_is_no_end_of_the_front():
    views = [view(0, 0.9, 0.3), view(1, 0.8, 0.2), CONSTANT]
    assert [found.number for found in front(views, PLANE)] == [1, 0]
    assert {role: found.number for role, found in ends(views, PLANE).items()} == {"most_accurate": 0, "fairest": 1}
    assert (front([CONSTANT], PLANE), ends([CONSTANT], PLANE)) == ([], {})


def test_what_is_below_the_floor_dominates_nothing_that_can_be_chosen():
    """Where accuracy is no objective it could."""
    objectives = ("loss", "worst_group_accuracy")
    views = [view(0, 0.8, 0.3, worst_group_accuracy=0.5), view(1, 0.7, 0.1, worst_group_accuracy=0.6, feasible=False)]
    assert [found.number for found in front(views, objectives)] == [0]


def test_a_front_is_measured_from_the_baseline_and_just_below_the_floor():
    baseline = view(0, 0.9, 0.25, worst_group_accuracy=0.6, mutual_information=math.nan).val
    assert corner(baseline, 0.89, PLANE) == pytest.approx({"accuracy": 0.88, "deo_m": 0.25})
    assert corner(baseline, 0.89, THREE) == pytest.approx({"accuracy": 0.88, "deo_m": 0.25, "worst_group_accuracy": 0.6})
    assert corner(baseline, 0.89, ("deo_m", "worst_group_accuracy")) == {"deo_m": 0.25, "worst_group_accuracy": 0.6}
    assert corner(baseline, 0.89, ("accuracy", "mutual_information"))["mutual_information"] == 1, "not defined: the worst value"


@pytest.mark.parametrize("objectives", [PLANE, THREE, ("loss", "worst_group_accuracy"), ("accuracy", "sigma_iou")])
def test_the_baseline_alone_covers_nothing(objectives):
    baseline = view(0, 0.9, 0.25)
    worst = corner(baseline.val, 0.89, objectives)
    assert covered([baseline], objectives, worst) == 0
    assert covered([baseline, view(1, 1.0, 0.0)], objectives, worst) == pytest.approx(1)


def test_what_is_covered_is_of_what_can_be_chosen():
    views = [view(0, 0.95, 0.2), view(1, 0.9, 0.1), CONSTANT]
    worst = corner({"deo_m": 0.25, "accuracy": 0.91}, 0.86, PLANE)
    assert covered(views, PLANE, worst) == pytest.approx((0.1 * 0.05 + 0.05 * 0.1) / (0.15 * 0.25))
    assert covered([CONSTANT], PLANE, worst) == covered([], PLANE, worst) == 0


def test_a_score_that_is_not_defined_is_not_on_the_front():
    assert [found.number for found in front([view(0, 0.9, math.nan), view(1, 0.1, 0.9)], PLANE)] == [1]


def test_rules_and_the_front_go_by_the_estimate_of_a_gap():
    views = [view(0, 0.9, 0.1, deo_m_shrunken=0.3), view(1, 0.8, 0.2, deo_m_shrunken=0.1), view(2, 0.7, 0.0, deo_m_shrunken=0.2)]
    assert views[0].costs(*PLANE) == (-0.9, 0.3)
    assert LowestDEOM().choose(views).number == 1
    assert [found.number for found in front(views, PLANE)] == [1, 0]
    assert ends(views, PLANE)["fairest"].number == 1


@pytest.mark.parametrize("rule", [rule for rule in map(Rule.load, plugins.names("rule")) if not rule.bounds])
def test_a_rule_that_weighs_a_gap_by_its_estimate_says_so(rule):
    estimates = [estimate for name in rule.objectives if (estimate := SCORES[name].estimate)]
    assert all(f"``{estimate}``" in rule.summary() for estimate in estimates)


def test_without_the_estimate_the_gap_itself_counts():
    views = [View(0, {}, {"accuracy": 0.9, "deo_m": 0.1}, True), View(1, {}, {"accuracy": 0.9, "deo_m": 0.2}, True)]
    assert LowestDEOM().choose(views).number == 0
    assert [found.number for found in front(views, PLANE)] == [0]


def test_what_is_covered_is_measured_and_not_estimated():
    measured, estimated = view(0, 0.9, 0.1), view(0, 0.9, 0.1, deo_m_shrunken=0.9)
    worst = corner({"deo_m": 0.25, "accuracy": 0.91}, 0.86, PLANE)
    assert covered([measured], PLANE, worst) == covered([estimated], PLANE, worst) > 0


def test_hypervolume_takes_the_trial_without_which_the_front_covers_least():
    ends_of_front = [view(0, 0.9, 0.5), view(1, 0.5, 0.0), view(2, 0.4, 0.6)]
    bend, beside = view(3, 0.85, 0.1), view(4, 0.84, 0.09)
    rule = LargestContribution()
    assert rule.choose([*ends_of_front, bend, view(5, 1.0, 0.0, feasible=False)]).number == 3
    assert rule.choose([*ends_of_front, bend, beside]).number == 1, "either of the two could be missed"
    assert rule.choose([view(0, 0.9, 0.5), view(1, 0.5, 0.0)]).number == 1, "neither covers anything: the fairest"
