"""Rows in the figures and on the page: failed ones, those on several data, and those beside published ones."""

import pytest
import yaml

from fairtune.metrics import Interval
from fairtune.pipeline.charts import charts_of
from fairtune.pipeline.material import Material
from fairtune.pipeline.published import Quoted
from fairtune.pipeline.reading import load
from fairtune.pipeline.rows import Row
from fairtune.pipeline.statistics import Statistics
from fairtune.pipeline.writing import in_html
from fairtune.report.chart import Line, Points
from fairtune.report.svg import draw_svg

FIGURES = [
    {"kind": "bars", "y": "deo_m"},
    {"kind": "points", "x": "deo_m", "y": "accuracy"},
    {"kind": "fronts", "x": "deo_m", "y": "accuracy"},
    {"kind": "lines", "x": "weight", "y": "accuracy"},
]
REASON = "the baseline could not be trained: train.loss became nan in epoch 1"


def row(label, *, failed=""):
    score = Interval(mean=0.5, std=0.1, low=0.4, high=0.6, values=(0.5,))
    scores = {} if failed else {"accuracy": score, "deo_m": score}
    return Row("", label, label, label, label, 0 if failed else 2, {}, ("plain", 2), scores, {}, failed)


@pytest.fixture
def material(tmp_path):
    def of(*rows):
        file = tmp_path / "small.yaml"
        searches = [{"method": "ss"}, {"method": "hkd"}]
        file.write_text(yaml.safe_dump({"title": "Small", "searches": searches, "report": {"figures": FIGURES}}))
        return Material(load(file), "small", "fairtune run small", (), 2, rows, (), Statistics(), ())

    return of


def test_it_has_no_point_and_its_bar_is_said_to_be_missing(material):
    bars, points, fronts, *_ = charts_of(material(row("ss"), row("hkd", failed=REASON)))
    assert bars.limits[0][0] == 0
    assert bars.alt == "DEO_M: ss 0.5000, hkd without a score"
    assert [mark.label for mark in points.marks if isinstance(mark, Points)] == ["ss"]
    assert "no search has a score here" in draw_svg(fronts)


def test_figures_of_none_but_failed_rows_say_so(material):
    _, points, *_ = charts_of(material(row("hkd", failed=REASON)))
    assert "no search has a score here" in draw_svg(points)


def test_its_reason_stands_below_the_table_and_widens_no_column(material):
    page = in_html(material(row("ss"), row("hkd", failed=REASON)))
    assert page.count(REASON) == 1
    cell = page.index("<td>hkd")
    assert page.index("</table>", cell) < page.index(f"hkd failed: {REASON}")


def test_a_line_joins_the_rows_of_one_method_on_the_same_data(material):
    rows = [
        row(f"hkd-{data}-{weight}")._replace(data=data, method="hkd", values={"weight": weight})
        for data, weight in (("adult", 0.5), ("german", 0.25), ("german", 0.5))
    ]
    (lines,) = [chart for chart in charts_of(material(*rows)) if chart.name.startswith("lines")]
    assert [list(mark.x) for mark in lines.marks if isinstance(mark, Line)] == [[0.5], [0.25, 0.5]]
    assert [mark.label for mark in lines.marks if isinstance(mark, Points)] == ["hkd, adult", "hkd, german"]


def test_plain_models_of_two_data_sets_look_different(material):
    rows = [
        row(f"baseline-{data}-{weight}")._replace(data=data, method="baseline", values={"weight": weight})
        for data in ("adult", "german")
        for weight in (0.25, 0.5)
    ]
    found = []
    for chosen in (rows, rows[:2]):
        (lines,) = [chart for chart in charts_of(material(*chosen)) if chart.name.startswith("lines")]
        found.append({(mark.colour, mark.marker) for mark in lines.marks if isinstance(mark, Points)})
    assert len(found[0]) == 2
    assert found[1] == {("ink", "diamond")}


def test_hollow_points_are_spoken_of_where_there_are_some(material):
    quoted = {name: Quoted(0.4, 0.1, "table.csv") for name in ("accuracy", "deo_m")}
    points = [charts_of(material(row("ss")._replace(published=found)))[1] for found in ({}, quoted)]
    assert [chart.title for chart in points] == ["accuracy against DEO_M", "accuracy against DEO_M; hollow as published"]
