"""The figures of every search, whatever became of it."""

import re

import pandas as pd
import pytest

from fairtune.report.figures import all_charts, write_figures
from tests.report.test_page import material_of

pytestmark = pytest.mark.usefixtures("trained_once")


def test_each_figure_is_three_files_and_no_other_stays(mixed, tmp_path):
    (tmp_path / "slice-other.png").write_bytes(b"of another choice")
    written = write_figures(material_of(mixed), tmp_path)
    charts = [chart for charts in all_charts(material_of(mixed)).values() for chart in charts]
    names = {f"{chart.name}.{kind}" for chart in charts for kind in ("csv", "png", "svg")}
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in written} == names
    assert len(names) == 3 * len(charts), "two figures have one name"
    for chart in charts:
        assert (tmp_path / f"{chart.name}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
        assert re.search("<text[^>]*>", (tmp_path / f"{chart.name}.svg").read_text())
        assert len(pd.read_csv(tmp_path / f"{chart.name}.csv")) == len(chart.table) > 0


@pytest.mark.parametrize("name", ["infeasible", "unfinished", "by_iou", "by_three"])
def test_every_search_has_figures(request, name):
    sections = all_charts(material_of(request.getfixturevalue(name)))
    assert sections["front"]
    assert sections["cells"]
    assert sections["curves"]
    assert len({chart.name for charts in sections.values() for chart in charts}) == sum(map(len, sections.values()))


def test_the_volume_ends_as_the_summary_says(mixed):
    material = material_of(mixed)
    (chart,) = all_charts(material)["hypervolume"]
    assert chart.table["hypervolume"].iloc[-1] == pytest.approx(material.summary.hypervolume)
    assert chart.table["epochs"].iloc[-1] == material.summary.cost.epochs
    assert chart.table["hypervolume"].is_monotonic_increasing


def test_curves_are_what_was_measured_after_each_epoch(mixed):
    accuracy = all_charts(material_of(mixed))["curves"][0]
    history = mixed.study.baseline.result.history
    assert accuracy.table["baseline"].tolist() == [epoch.val["accuracy"] for epoch in history]
    assert accuracy.table["epoch"].tolist() == [epoch.number for epoch in history]
