"""A row whose search failed, in the figures and on the page."""

import pytest
import yaml

from fairtune.metrics import Interval
from fairtune.pipeline.charts import charts_of
from fairtune.pipeline.material import Material
from fairtune.pipeline.reading import load
from fairtune.pipeline.rows import Row
from fairtune.pipeline.statistics import Statistics
from fairtune.pipeline.writing import in_html
from fairtune.report.chart import Points
from fairtune.report.svg import draw_svg

FIGURES = [
    {"kind": "bars", "y": "deo_m"},
    {"kind": "points", "x": "deo_m", "y": "accuracy"},
    {"kind": "fronts", "x": "deo_m", "y": "accuracy"},
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
    bars, points, fronts = charts_of(material(row("ss"), row("hkd", failed=REASON)))
    assert bars.limits[0][0] == 0
    assert bars.alt == "DEO_M: ss 0.5000, hkd without a score"
    assert [mark.label for mark in points.marks if isinstance(mark, Points)] == ["ss"]
    assert "no search has a score here" in draw_svg(fronts)


def test_figures_of_none_but_failed_rows_say_so(material):
    _, points, _ = charts_of(material(row("hkd", failed=REASON)))
    assert "no search has a score here" in draw_svg(points)


def test_its_reason_stands_below_the_table_and_widens_no_column(material):
    page = in_html(material(row("ss"), row("hkd", failed=REASON)))
    assert page.count(REASON) == 1
    cell = page.index("<td>hkd")
    assert page.index("</table>", cell) < page.index(f"hkd failed: {REASON}")
