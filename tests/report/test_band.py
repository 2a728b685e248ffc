"""The band of the front on the page; rectangles that are made up, and those of a real search."""

import re

import numpy as np
import pytest

from fairtune.report.band import band_area, explain_band, tell_rectangle
from fairtune.report.chart import Area
from fairtune.report.figure import draw_front
from fairtune.report.front import front_charts
from fairtune.report.page import tips
from fairtune.report.svg import draw_svg, keys
from fairtune.study.band import Band, Rectangle
from fairtune.study.summary import summarise

PAIR = ("deo_m", "accuracy")


def rectangle(trial, deo_m, accuracy):
    ends = {"accuracy": accuracy, "deo_m": deo_m}
    return Rectangle(
        trial=trial, low={name: end[0] for name, end in ends.items()}, high={name: end[1] for name, end in ends.items()}
    )


@pytest.fixture
def summary(mixed):
    found = summarise(mixed.spec, mixed.place, mixed.study)
    return found.model_copy(
        update={
            "band": Band(
                level=0.95, nets=7, rectangles=[rectangle(0, (0.1, 0.3), (0.7, 0.8)), rectangle(1, (0.2, 0.4), (0.75, 0.9))]
            )
        }
    )


def is_inside(area, x, y):
    """Whether a ray to the right crosses the outline an odd number of times."""
    outline = np.column_stack([area.x, area.y])
    crossed = 0
    for (a, b), (c, d) in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        crossed += (b > y) != (d > y) and x < a + (y - b) * (c - a) / (d - b)
    return crossed % 2 == 1


def test_the_band_lies_between_the_best_and_the_worst_corners(summary):
    (area,) = band_area(summary, PAIR)
    assert not is_inside(area, 0.09, 0.85), "no net can be as fair"
    assert is_inside(area, 0.11, 0.79)
    assert not is_inside(area, 0.15, 0.81), "nor as accurate at this gap"
    assert is_inside(area, 0.21, 0.89)


def test_the_figure_draws_it_and_the_page_tells_each_rectangle(summary):
    validation = front_charts(summary)[0]
    assert isinstance(validation.marks[0], Area), "behind everything"
    assert 'class="area method0"' in draw_svg(validation)
    assert "true scores, 95 % at once, cut off" in [said for _, said in keys(validation)]
    assert "95 % at once" in validation.alt
    row = validation.table.set_index("trial").loc[0]
    assert row[["accuracy_low", "accuracy_high", "deo_m_low", "deo_m_high"]].tolist() == [0.7, 0.8, 0.1, 0.3]
    assert "true scores with 95 % for all of the front at once: accuracy 0.700 to 0.800, DEO_M 0.100 to 0.300" in tips(summary)[0]
    assert len(draw_front(summary).axes[0].patches) == 1
    assert "shared among all nets that were scored (7)" in explain_band(summary)


def test_axes_end_where_trials_do_and_what_reaches_beyond_them_is_cut_off(summary):
    validation, bare = (front_charts(one)[0] for one in (summary, summary.model_copy(update={"band": None})))
    (area,) = band_area(summary, PAIR)
    assert validation.limits == bare.limits
    (left, right), (low, high) = validation.limits
    assert min(area.x) < left or max(area.x) > right or min(area.y) < low or max(area.y) > high
    (drawn,) = re.findall(r'class="area method0" d="([^"]+)"', draw_svg(validation)[draw_svg(validation).index("grid") :])
    numbers = [float(number) for number in re.findall(r"[\d.]+", drawn)]
    assert min(numbers) >= 10
    assert max(numbers) <= 460 - 16


def test_without_it_nothing_is_drawn_or_said(summary):
    bare = summary.model_copy(update={"band": None})
    assert not [mark for mark in front_charts(bare)[0].marks if isinstance(mark, Area)]
    assert tell_rectangle(bare, 0) is None
    assert explain_band(bare) is None


def test_a_real_search_has_one_around_every_point_of_its_front(mixed):
    found = summarise(mixed.spec, mixed.place, mixed.study)
    assert [one.trial for one in found.band.rectangles] == found.front
    assert found.band.nets == sum(bool(trial.val) for trial in found.trials)
    for number in found.front:
        trial, one = found.trials[number], found.band.of(number)
        for name in PAIR:
            low, high = one.ends(name)
            assert low <= trial.score(name) <= high
            assert high - low > 0.01
