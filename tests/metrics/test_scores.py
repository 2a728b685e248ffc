import numpy as np
import pytest

from fairtune import metrics
from fairtune.metrics import GAPS, PROBED, SCORES, accuracy, label, scores
from fairtune.records import GroupCounts
from tests.builders import counts_of_recalls, group_counts, random_predictions

OF_A_NET = {"loss", "auc", *PROBED}
COUNTS = counts_of_recalls([[8, 3], [1, 20]], [[10, 4], [2, 40]])
DEVIATIONS = [metrics.dp_l2, metrics.eo_l2, metrics.dp_mi, metrics.eo_mi, metrics.iou, metrics.iou_paired]
SHARES = [metrics.accuracy, metrics.balanced_accuracy, metrics.worst_group_accuracy, metrics.worst_cell_accuracy]
EVERY = [*GAPS.values(), *DEVIATIONS, *SHARES]
ZERO_IF_FAIR = [*GAPS.values(), *DEVIATIONS]


def named(functions):
    return [pytest.param(function, id=function.__name__) for function in functions]


def reordered(counts, *, groups=None, classes=None):
    groups = np.arange(counts.hard.shape[0]) if groups is None else groups
    classes = np.arange(counts.hard.shape[1]) if classes is None else classes
    return GroupCounts(*(table[np.ix_(groups, classes, classes)] for table in (counts.hard, counts.soft)))


def random_counts(seed, classes=2):
    return random_predictions(classes=classes, groups=3, n=300, seed=seed)[-1]


def test_scores_are_all_in_the_table_of_directions():
    assert set(scores(COUNTS)) | OF_A_NET == set(SCORES)
    assert set(GAPS) == {name for name in scores(COUNTS) if SCORES[name].better == "lower"}


def test_each_score_is_the_metric_of_its_name():
    found = scores(COUNTS)
    assert {name: found[name] for name in GAPS} == {name: gap(COUNTS) for name, gap in GAPS.items()}
    assert found["worst_group_accuracy"] == metrics.worst_group_accuracy(COUNTS)
    assert found["balanced_accuracy"] == metrics.balanced_accuracy(COUNTS)
    assert found["accuracy"] == found["sample_accuracy"] == accuracy(COUNTS)


def test_cells_weigh_alike_where_it_is_asked_for():
    found = scores(COUNTS, weighting="cells")
    assert found["accuracy"] == accuracy(COUNTS, weighting="cells")
    assert found["sample_accuracy"] == accuracy(COUNTS)
    for name in ("balanced_accuracy", "worst_group_accuracy", "demographic_parity", "sigma_iou"):
        assert found[name] == getattr(metrics, name)(COUNTS, weighting="cells")


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


@pytest.mark.parametrize("score", named([score for score in EVERY if score is not metrics.equal_opportunity]))
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
    bound = {metrics.sigma_iou: 1 / np.sqrt(2), metrics.dp_l2: 2 * 2, metrics.eo_l2: 2 * 2 * 2}.get(score, 1)
    bound = 2 * np.log(2) if score is metrics.eo_mi else bound
    assert all(0 <= value <= bound for value in [*found, worst])


@pytest.mark.parametrize("score", named([gap for gap in GAPS.values() if gap is not metrics.sigma_iou]))
def test_opposite_groups_give_1(score):
    assert score(group_counts([[[5, 0], [5, 0]], [[0, 9], [0, 9]]])) == 1


def test_labels_are_the_published_names():
    assert [label(name) for name in ("deo_m", "sigma_iou", "worst_cell_accuracy")] == ["DEO_M", "sigma_IOU", "worst cell accuracy"]
