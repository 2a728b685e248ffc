import math
import sys

import numpy as np
import pytest

from fairtune import metrics
from fairtune.metrics import HEADLINES, SCORES, Score, accuracy, label, scores
from fairtune.records import GroupCounts
from tests.builders import counts_of_recalls, group_counts, random_predictions

COUNTS = counts_of_recalls([[8, 3], [1, 20]], [[10, 4], [2, 40]])
DEVIATIONS = [metrics.dp_l2, metrics.eo_l2, metrics.dp_mi, metrics.eo_mi, metrics.iou, metrics.iou_paired]
OF_COUNTS = {name: score for name, score in SCORES.items() if score.source == "counts"}
GAPS = [score.compute for score in OF_COUNTS.values() if score.gap]
EVERY = [*dict.fromkeys(score.compute for score in OF_COUNTS.values()), *DEVIATIONS]
OF_ANY_CLASSES = [*dict.fromkeys(score.compute for score in OF_COUNTS.values() if not score.two_classes), *DEVIATIONS]
ZERO_IF_FAIR = [*GAPS, *DEVIATIONS]
BUILT_IN = [
    *("accuracy", "sample_accuracy", "balanced_accuracy", "worst_group_accuracy", "worst_cell_accuracy", "deo_m", "deo_a"),
    *("sigma_iou", "equalized_odds", "equal_opportunity", "demographic_parity", "auc", "loss"),
    *("mutual_information", "private_accuracy", "private_auc"),
]


def named(functions):
    return [pytest.param(function, id=function.__name__) for function in functions]


def reordered(counts, *, groups=None, classes=None):
    groups = np.arange(counts.hard.shape[0]) if groups is None else groups
    classes = np.arange(counts.hard.shape[1]) if classes is None else classes
    return GroupCounts(*(table[np.ix_(groups, classes, classes)] for table in (counts.hard, counts.soft)))


def random_counts(seed, classes=2):
    return random_predictions(classes=classes, groups=3, n=300, seed=seed)[-1]


def test_those_that_come_with_fairtune_are_found_in_the_order_of_tables():
    assert [name for name in SCORES if name in BUILT_IN] == BUILT_IN
    assert set(HEADLINES) >= {"accuracy", "deo_m", "deo_a"}


@pytest.mark.parametrize("name", SCORES)
class TestEveryScore:
    def test_says_what_it_is(self, name):
        score = SCORES[name]
        assert name == score.name
        assert name.isidentifier()
        assert score.label
        assert score.summary
        assert not score.summary.endswith(".")
        assert "|" not in score.summary

    def test_goes_from_its_worst_to_its_best(self, name):
        score = SCORES[name]
        worst, best = score.ends
        assert score.cost(worst) > score.cost(best)
        assert score.low <= min(worst, best) < max(worst, best) <= score.high
        assert (score.better == "higher") == (score.direction == "maximize") == (best > worst)

    def test_a_gap_is_fair_at_0(self, name):
        score = SCORES[name]
        assert not score.gap or (score.better, score.low) == ("lower", 0)

    @pytest.mark.parametrize("classes", [2, 3])
    def test_is_a_number_of_its_range_where_it_is_defined(self, name, classes):
        score = SCORES[name]
        found = [scores(random_counts(seed, classes)) for seed in range(3)]
        assert all((name in values) == (name in OF_COUNTS and (classes == 2 or not score.two_classes)) for values in found)
        assert all(isinstance(values.get(name, 0.0), float) for values in found)
        assert all(score.low <= values.get(name, score.low) <= score.high for values in found)

    def test_has_no_value_or_one_of_its_range_where_groups_or_classes_are_missing(self, name):
        score = SCORES[name]
        for table in (np.zeros((2, 2, 2)), [[[3, 1], [0, 0]], [[0, 0], [1, 4]]], [[[3, 1], [2, 2]], [[0, 0], [0, 0]]]):
            value = scores(group_counts(np.array(table, dtype=int))).get(name, score.low)
            assert math.isnan(value) or score.low <= value <= score.high


def test_each_score_is_the_metric_of_its_name():
    found = scores(COUNTS)
    assert found == {name: score.compute(COUNTS) for name, score in OF_COUNTS.items() if score.compute is not None}
    assert all(
        score.compute is getattr(metrics, name) for name, score in SCORES.items() if name in metrics.__all__ and score.compute
    )
    assert found["accuracy"] == found["sample_accuracy"] == accuracy(COUNTS)


def test_a_file_that_defines_a_score_is_all_that_it_takes(tmp_path, monkeypatch):
    from fairtune.metrics import _scores

    (tmp_path / "mine.py").write_text(
        "from fairtune.metrics._accuracy import ACCURACY\n"
        "from fairtune.metrics._score import Score\n"
        "MINE = Score('mine', 'mine', 'lower', 'samples', compute=lambda counts: float(counts.hard.sum()), high=float('inf'))\n"
    )
    for file in ("_accuracy.py", "_deo.py", "_auc.py"):
        (tmp_path / file).touch()
    monkeypatch.setattr(metrics, "__path__", [*metrics.__path__, str(tmp_path)])
    monkeypatch.setattr(_scores, "__file__", str(tmp_path / "_scores.py"))
    found = _scores._by_name()
    monkeypatch.delitem(sys.modules, "fairtune.metrics.mine")
    monkeypatch.delattr(metrics, "mine")
    assert [name for name in found if name in SCORES] == [name for name in SCORES if name in found]
    measured = [name for name, score in found.items() if score.source != "rule"]
    assert (measured[-2:], found["mine"].of(COUNTS), found["mine"].ends) == (["mine", "auc"], COUNTS.hard.sum(), (1, 0))


def test_a_score_says_how_it_is_computed_and_where_it_ends():
    with pytest.raises(ValueError, match="the score x of group counts needs the function"):
        Score("x", "x", "lower", "x")
    with pytest.raises(ValueError, match="the score x has no end"):
        Score("x", "x", "lower", "x", compute=accuracy, low=-math.inf, high=math.inf)


def test_an_interval_ends_where_the_score_does():
    wide = Score("x", "x", "higher", "x", compute=lambda counts: 5.0, high=10.0)
    assert (wide.over([COUNTS], [5.0]).low, wide.range) == (5.0, "0 to 10")


def test_cells_weigh_alike_where_it_is_asked_for():
    found = scores(COUNTS, weighting="cells")
    assert found["accuracy"] == accuracy(COUNTS, weighting="cells")
    assert found["sample_accuracy"] == accuracy(COUNTS)
    for name in ("balanced_accuracy", "worst_group_accuracy", "demographic_parity", "sigma_iou"):
        assert found[name] == getattr(metrics, name)(COUNTS, weighting="cells")


@pytest.mark.parametrize("weighting", ["samples", "cells"])
def test_an_interval_weighs_cells_as_the_scores_did(weighting):
    score = SCORES["accuracy"]
    value, limits = score.of(COUNTS, weighting), score.within(COUNTS, weighting=weighting)
    found = score.over([COUNTS], [value])
    assert (found.low, found.high) == pytest.approx((limits.low, limits.high))


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "worst_group_accuracy", "sigma_iou"])
def test_a_net_that_is_always_right_is_no_surer_than_cells_make_it(name):
    """By its score of 1 alone its cells of 3 could weigh as little as those of 300."""
    score, total = SCORES[name], np.array([[300, 3], [3, 300]])
    counts = counts_of_recalls(total, total)
    by_cells, by_samples = (score.within(counts, weighting=weighting) for weighting in ("cells", "samples"))
    assert score.over([counts], [score.of(counts)]).low == pytest.approx(by_cells.low)
    assert score.over([counts], [score.of(counts)], weighting="samples").low == pytest.approx(by_samples.low)
    equal = counts_of_recalls([[9, 9], [9, 9]], [[9, 9], [9, 9]])
    assert score.weighting_of(equal, score.of(equal)) == "samples"


def test_on_cells_of_equal_size_the_weighting_makes_no_difference():
    counts = counts_of_recalls([[8, 3], [1, 5]], np.full((2, 2), 10))
    assert scores(counts, weighting="cells") == pytest.approx(scores(counts))


def test_there_is_no_equal_opportunity_without_a_positive_class():
    assert "equal_opportunity" in scores(COUNTS)
    assert "equal_opportunity" not in scores(random_counts(0, classes=3))


@pytest.mark.parametrize("score", named(EVERY))
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_groups_changes_nothing(score, seed):
    counts = random_counts(seed)
    assert score(reordered(counts, groups=[2, 0, 1])) == pytest.approx(score(counts))


@pytest.mark.parametrize("score", named(OF_ANY_CLASSES))
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_classes_changes_nothing(score, seed):
    counts = random_counts(seed, classes=4)
    assert score(reordered(counts, classes=[2, 0, 3, 1])) == pytest.approx(score(counts))


def test_the_positive_class_moves_with_its_name():
    counts = random_counts(0)
    assert metrics.equal_opportunity(reordered(counts, classes=[1, 0]), positive=0) == metrics.equal_opportunity(counts)


@pytest.mark.parametrize("score", named(ZERO_IF_FAIR))
def test_groups_that_are_treated_alike_give_0(score):
    one = np.array([[7, 3], [2, 18]])
    assert score(group_counts(np.stack([one, 5 * one, 2 * one]))) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("score", named(ZERO_IF_FAIR))
def test_groups_that_are_not_give_more(score):
    assert score(random_counts(1)) > 1e-5


@pytest.mark.parametrize("score", named(EVERY))
def test_values_are_in_their_range(score):
    found = [score(random_counts(seed)) for seed in range(5)]
    worst = score(group_counts([[[5, 0], [5, 0]], [[0, 9], [0, 9]]]))
    bounds = {metrics.sigma_iou: 1 / np.sqrt(2), metrics.dp_l2: 2 * 2, metrics.eo_l2: 2 * 2 * 2, metrics.eo_mi: 2 * np.log(2)}
    bound = bounds.get(score, max((known.high for known in OF_COUNTS.values() if known.compute is score), default=1))
    assert all(0 <= value <= bound for value in [*found, worst])


@pytest.mark.parametrize(
    "score",
    [metrics.deo_m, metrics.deo_a, metrics.equalized_odds, metrics.equal_opportunity, metrics.demographic_parity],
)
def test_opposite_groups_give_1(score):
    assert score(group_counts([[[5, 0], [5, 0]], [[0, 9], [0, 9]]])) == 1


def test_labels_are_the_published_names():
    assert [label(name) for name in ("deo_m", "sigma_iou", "worst_cell_accuracy")] == ["DEO_M", "sigma_IOU", "worst cell accuracy"]
