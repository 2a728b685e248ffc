import numpy as np
import pytest
from matplotlib.lines import Line2D

from fairtune.report.chart import Axis, Chart, Points
from fairtune.report.figure import draw, draw_front
from fairtune.study.summary import summarise


def summary_of(session, select=None):
    summary = summarise(session.spec, session.place, session.study)
    return summary if select is None else summary.model_copy(update={"spec": session.spec.model_copy(update={"select": select})})


def titles(figure):
    return [(axes.get_xlabel(), axes.get_ylabel()) for axes in figure.axes]


def legend(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_two_objectives_are_a_pair_of_panels(by_iou):
    figure = draw_front(summary_of(by_iou))
    assert titles(figure) == [("sigma_IOU (lower is fairer)", "accuracy (higher is better)")] * 2
    assert "front" in legend(figure.axes[0])
    assert any(said.startswith("floor 0.000") for said in legend(figure.axes[0]))


def test_one_objective_alone_stands_against_accuracy_and_accuracy_against_deo_m(by_iou):
    for select in ("deo_m_alone", "tests.rules.test_rules:OneRule"):
        figure = draw_front(summary_of(by_iou, select))
        assert titles(figure)[0] == ("DEO_M (lower is fairer)", "accuracy (higher is better)")
        assert len(figure.axes) == 2


def test_three_objectives_are_two_pairs_against_the_first(by_three):
    figure = draw_front(summary_of(by_three))
    across = ["DEO_M (lower is fairer)"] * 2 + ["worst group accuracy (higher is better)"] * 2
    assert titles(figure) == [(label, "accuracy (higher is better)") for label in across]
    roles = {role for said in legend(figure.axes[3]) for role in said.partition(": mean of")[0].split(", ")}
    assert roles == {"baseline", "chosen", "most accurate", "fairest", "highest worst group accuracy"}


def coordinates(line: Line2D) -> tuple[list[float], list[float]]:
    """Of the points of a line, across and up."""
    return np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()


def test_the_panels_hold_the_scores(by_three):
    views = {view.number: view for view in by_three.study.views()}
    summary = summary_of(by_three)
    for axes, name in zip(draw_front(summary).axes[::2], ("deo_m", "worst_group_accuracy"), strict=True):
        (line,) = [line for line in axes.get_lines() if line.get_label() == "front"]
        points = list(zip(*coordinates(line), strict=True))
        assert points == [(views[number].val[name], views[number].val["accuracy"]) for number in summary.front]


def test_the_staircase_is_what_the_front_reaches(by_iou):
    summary = summary_of(by_iou)
    (line,) = [line for line in draw_front(summary).axes[0].get_lines() if line.get_label() == "front"]
    assert line.get_drawstyle() == "steps-post"
    for along in coordinates(line):
        assert along == sorted(along)


def test_without_accuracy_there_is_no_floor_to_draw(by_three):
    figure = draw_front(summary_of(by_three, "tests.rules.test_rules:LossRule"))
    assert titles(figure)[0] == ("worst group accuracy (higher is better)", "loss (lower is better)")
    assert not any(said.startswith("floor") for said in legend(figure.axes[0]))


@pytest.mark.parametrize("name", ["unfinished", "infeasible", "mixed"])
def test_a_search_that_confirmed_nothing_says_so(request, name):
    session = request.getfixturevalue(name)
    said = [text.get_text() for text in draw_front(summary_of(session)).axes[1].texts]
    assert said == {"unfinished": ["not confirmed yet"], "infeasible": ["nothing to confirm"], "mixed": []}[name]


def boxes(figure):
    """Where things are on a picture, in pixels: its axes, its legend and the label of its x axis."""
    figure.draw_without_rendering()
    (axes,) = figure.axes
    return axes.get_window_extent(), axes.get_legend().get_window_extent(), axes.xaxis.label.get_window_extent()


def of_labels(count, label, x="x"):
    marks = [Points((0.0, 1.0), (0.0, 1.0), colour="ink", label=f"{label} {number}") for number in range(count)]
    return draw([Chart("name", "title", Axis(x), Axis("y"), marks, alt="")])


@pytest.mark.parametrize("labels", [1, 3, 8])
def test_a_legend_covers_no_point_and_a_long_label_is_whole(labels):
    figure = of_labels(labels, "method number", x="a label of an axis that is longer than this picture is wide, by some words")
    axes, legend, label = boxes(figure)
    assert legend.y0 >= axes.y1
    assert legend.x1 <= figure.bbox.x1
    assert figure.bbox.x0 <= label.x0 < label.x1 <= figure.bbox.x1


def test_a_legend_of_very_many_lines_leaves_room_for_the_chart():
    axes, legend, _ = boxes(of_labels(40, "one of very many methods, with a long name"))
    assert axes.height > 200
    assert legend.y0 < axes.y1
