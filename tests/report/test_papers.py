"""The figures of papers: what each draws of the data it is given."""

import numpy as np
import pytest
import torch
from torch import nn

from fairtune.errors import InvalidInput
from fairtune.metrics import Interval
from fairtune.names import Names
from fairtune.report.attention import Look, Looked, attention_chart
from fairtune.report.chart import Bars, Level, Line, Picture, Points, Text
from fairtune.report.embeddings import Seen, embedding_charts, in_plane
from fairtune.report.pairs import Pair, pair_charts
from fairtune.report.progressions import Followed, progression_charts
from fairtune.report.pruned import layers_of, pruned_charts
from fairtune.report.strengths import Weighed, strength_charts
from fairtune.spec import Epoch

NAMES = Names(("cat", "dog", "horse"), ("gray", "colour"))


def marks(chart, kind):
    return [mark for mark in chart.marks if isinstance(mark, kind)]


@pytest.fixture(scope="module")
def seen():
    """Three far clusters, one for each class."""
    rng = np.random.default_rng(0)
    y, a = np.arange(90) % 3, np.arange(90) // 3 % 2
    return Seen("teacher", 9 * np.eye(8)[y] + rng.normal(size=(90, 8)), y, a)


def test_samples_of_a_class_lie_together_in_the_plane_and_every_time_at_the_same_place(seen):
    plane = in_plane(seen.z)
    middles = np.stack([plane[seen.y == y].mean(0) for y in range(3)])
    nearest = np.linalg.norm(plane[:, None] - middles, axis=2).argmin(1)
    assert (nearest == seen.y).mean() > 0.95
    np.testing.assert_array_equal(plane, in_plane(seen.z))


def test_a_net_is_drawn_by_class_and_by_group(seen):
    by_class, by_group = embedding_charts([seen], NAMES)
    drawn = [mark for mark in marks(by_class, Points) if len(mark.x)]
    assert sum(len(mark.x) for mark in drawn) == sum(len(mark.x) for mark in marks(by_group, Points)) == 90
    assert len({mark.colour for mark in drawn}) == 3
    assert len({mark.marker for mark in drawn}) == 2
    assert [mark.label for mark in marks(by_group, Points)] == ["gray", "colour"]
    assert [mark.words for mark in marks(by_class, Text)] == ["cat", "dog", "horse"]
    assert by_class.table["class"].value_counts().to_dict() == {"cat": 30, "dog": 30, "horse": 30}


def test_what_shows_nothing_is_refused():
    with pytest.raises(InvalidInput, match="t-SNE of 9 samples shows nothing: give at least 10"):
        in_plane(np.eye(9))
    with pytest.raises(InvalidInput, match="t-SNE shows nothing of a net that has 1 embedding for 20 samples"):
        in_plane(np.ones((20, 4)))


def interval(mean, low, high):
    return Interval(mean=mean, std=0.01, low=low, high=high, values=(mean, mean))


def test_teachers_and_students_are_bars_with_their_intervals():
    pair = Pair("resnet18 on CIFAR-10S", {"deo_m": interval(0.27, 0.2, 0.3)}, {"deo_m": interval(0.15, 0.1, 0.2)})
    gap, accuracy = pair_charts([pair])
    assert [(bars.label, bars.values) for bars in marks(gap, Bars)] == [("teacher", [0.27]), ("student", [0.15])]
    assert [points.x_ends for points in marks(gap, Points)] == [[(0.2, 0.3)], [(0.1, 0.2)]]
    assert gap.table.loc[0, ["pair", "teacher", "student_high", "student_seeds"]].tolist() == [
        "resnet18 on CIFAR-10S",
        0.27,
        0.2,
        2,
    ]
    assert "teacher 0.2700, student 0.1500" in gap.alt
    assert "teacher -, student -" in accuracy.alt


def test_trials_that_beat_the_baseline_in_both_scores_are_told_apart():
    trials = [
        Weighed(0, 0.1, {"sigma_iou": 0.07, "accuracy": 0.91}),
        Weighed(1, 10.0, {"sigma_iou": 0.05, "accuracy": 0.9}),
        Weighed(2, 900.0, {"sigma_iou": 0.02, "accuracy": 0.8}),
    ]
    spread, accuracy = strength_charts(trials, "weight", {"sigma_iou": 0.06, "accuracy": 0.88})
    for chart in (spread, accuracy):
        others, better = marks(chart, Points)
        assert (others.x, better.x) == ([0.1, 900.0], [10.0])
        assert chart.x.log
    assert [level.value for chart in (spread, accuracy) for level in marks(chart, Level)] == [0.06, 0.88]
    assert spread.table["weight"].tolist() == [0.1, 10.0, 900.0]


def test_a_weight_of_0_is_drawn_too():
    (chart,) = strength_charts([Weighed(n, n / 2, {"accuracy": 0.9}) for n in range(3)], "weight", {"accuracy": 0.8}, ["accuracy"])
    assert not chart.x.log


def history(estimate):
    reported = {} if estimate is None else {"estimate": estimate}
    return [Epoch(number=n, reported=reported | {"accuracy": n / 10}, val={"accuracy": n / 20}) for n in (1, 2, 3)]


def test_trainings_are_followed_as_far_as_they_recorded():
    information, validation, training = progression_charts([Followed("plain", history(None)), Followed("weight 1", history(0.5))])
    assert [line.label for line in marks(information, Line)] == ["weight 1"]
    assert [line.label for line in marks(training, Line)] == ["plain", "weight 1"]
    assert marks(information, Line)[0].colour == marks(training, Line)[1].colour
    assert marks(training, Line)[0].y == [0.1, 0.2, 0.3]
    assert validation.table["validation"].tolist() == [0.05, 0.1, 0.15] * 2


def test_what_nobody_recorded_is_not_drawn():
    only = [Epoch(number=1, val={"accuracy": 0.5})]
    assert [chart.name for chart in progression_charts([Followed("plain", only)])] == ["progression-validation"]


def test_pruned_weights_are_counted_layer_by_layer():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Linear(4, 2))
    with torch.no_grad():
        net[0].weight.fill_(1.0)[0] = 0.0
        net[2].weight.fill_(1.0)
        net[1].weight.zero_()
    assert layers_of(net) == [("0", 18, 9), ("2", 8, 0)]
    counts, shares = pruned_charts(layers_of(net))
    assert [bars.values for bars in marks(counts, Bars)] == [[18, 8], [9, 0]]
    assert marks(shares, Bars)[0].values == [0.5, 0.0]
    assert "9 of 26 weights of the net are pruned, 34.6%" in shares.alt


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 1), (8, 8, 3), (200, 100, 3)])
def test_each_sample_is_beside_what_every_net_looks_at(shape):
    picture = np.full(shape, 100, np.uint8)
    corner = np.zeros((2, 2))
    corner[0, 0] = 3.0
    sample = Looked(picture, 1, 0, {"baseline": Look(np.zeros((2, 2)), 2), "chosen": Look(corner, 1)})
    chart = attention_chart([sample], NAMES)
    plain, nowhere, looked = marks(chart, Picture)
    assert (plain.pixels == 100).all()
    assert plain.pixels.shape == looked.pixels.shape
    assert max(plain.pixels.shape) <= 96
    height, width = looked.pixels.shape[:2]
    red = looked.pixels[..., 0].astype(int) - looked.pixels[..., 2]
    assert red[: height // 4, : width // 4].min() > 0 > red[height * 3 // 4 :, width * 3 // 4 :].max()
    assert (nowhere.pixels == nowhere.pixels[0, 0]).all()
    assert looked.told == "dog · gray: where the chosen looks, which predicts dog"
    assert chart.table.query("net == 'chosen'")["heat"].tolist() == [3.0, 0.0, 0.0, 0.0]
