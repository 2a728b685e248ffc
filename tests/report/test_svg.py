import math
import xml.etree.ElementTree as ET

import pytest

from fairtune.report.chart import Axis, Bars, Chart, Level, Line, Points, Text
from fairtune.report.svg import draw_svg, keys


def chart(*marks, x=Axis("across"), y=Axis("up"), **more):  # noqa: B008
    return Chart("name", "title", x, y, marks, "what <is> seen", **more)


def paths(drawn, kind):
    return [one for one in ET.fromstring(drawn).iter() if kind in one.get("class", "").split()]


def place(point):
    x, y = point.get("d")[1:].partition("m")[0].split()
    return float(x), float(y)


def test_points_lie_as_their_values_do_and_say_which_trials_they_are():
    drawn = draw_svg(chart(Points([0.1, 0.2, math.nan], [1.0, 3.0, 2.0], "method0", trials=[4, 7, 9])))
    first, second = paths(drawn, "point")
    assert (first.get("data-trial"), second.get("data-trial")) == ("4", "7")
    (x, y), (other_x, other_y) = place(first), place(second)
    assert x < other_x
    assert y > other_y, "more is higher up"


def test_a_logarithmic_axis_gives_decades_the_same_room():
    drawn = draw_svg(chart(Points([0.1, 1, 10], [1, 1, 1], "method0"), x=Axis(log=True)))
    a, b, c = (place(point)[0] for point in paths(drawn, "point"))
    assert b - a == pytest.approx(c - b, abs=0.2)


def test_names_count_from_above():
    drawn = draw_svg(chart(Bars([1.0, 0.5], "method0"), x=Axis(low=0.0), y=Axis(names=("first", "second"))))
    first, second = paths(drawn, "bar")
    assert float(first.get("y")) < float(second.get("y"))
    assert float(first.get("width")) == pytest.approx(2 * float(second.get("width")), abs=0.2)


def test_bars_begin_where_their_names_end():
    drawn = draw_svg(chart(Bars([0.5, 0.4], "method0"), y=Axis(names=("first", "second"))))
    names = [one for one in ET.fromstring(drawn).iter() if one.get("class") == "tick right"]
    assert max(float(str(name.get("x"))) for name in names) < min(float(bar.get("x")) for bar in paths(drawn, "bar"))


def test_words_are_no_markup():
    drawn = draw_svg(chart(Points([1], [1], "ink", told=['"><b>']), Text(1, 1, "<i>"), x=Axis("<x>")))
    root = ET.fromstring(drawn)
    assert root.get("aria-label") == "what <is> seen"
    assert paths(drawn, "point")[0].get("data-told") == '"><b>'
    assert "<i>" in [one.text for one in root.iter()]


def test_a_step_goes_across_before_it_goes_up():
    (line,) = paths(draw_svg(chart(Line([0, 1], [0, 1], "method0", step=True))), "stroke")
    assert line.get("d").index("H") < line.get("d").index("V")


def test_an_interval_without_ends_is_not_drawn():
    drawn = draw_svg(chart(Points([1, 2], [1, 2], "ink", x_ends=[(0.5, 1.5), (math.nan, math.nan)])))
    assert len(paths(drawn, "reach")) == 1


def test_the_legend_has_what_is_labelled():
    found = keys(chart(Points([1], [1], "ink", label="baseline"), Level("y", 0.5, "floor 0.5"), Line([1], [1], "muted")))
    assert [said for _, said in found] == ["baseline", "floor 0.5"]
    assert all(ET.fromstring(drawn).tag == "svg" for drawn, _ in found)


def test_nothing_to_draw_says_why():
    assert "not confirmed yet" in draw_svg(chart(empty="not confirmed yet"))
