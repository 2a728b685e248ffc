import math
from dataclasses import replace

import pytest

from fairtune.metrics import cell_accuracy
from fairtune.report.recalls import recall_chart, recalls
from fairtune.study.retrained import setting_of
from tests.builders import counts_of_recalls
from tests.report.test_page import material_of

pytestmark = pytest.mark.usefixtures("trained_once")


def test_the_cells_of_the_test_split_once_both_were_scored_on_it(mixed):
    split, found = recalls(material_of(mixed))
    assert split == "test"
    assert len(found) == 20
    results = [result for result in mixed.study.finals.values() if result.state == "complete"]
    chosen = mixed.trials[mixed.study.choice.number].result.id
    of_chosen = [result for result in results if setting_of(result.spec, mixed.spec) == chosen]
    expected = sum(cell_accuracy(result.counts("test")) for result in of_chosen) / len(of_chosen)
    for cell in found:
        assert cell.chosen == pytest.approx(expected[cell.a, cell.y])
        assert cell.samples == results[0].counts("test").cells[cell.a, cell.y]


def test_the_validation_split_before_that(unfinished):
    split, found = recalls(material_of(unfinished))
    assert split == "validation"
    assert all(math.isnan(cell.chosen) for cell in found)
    assert [mark.label for mark in recall_chart(material_of(unfinished)).marks] == ["baseline"]


def test_an_interval_holds_the_share_and_ends_within_the_scale(mixed):
    material = material_of(mixed)
    counts = counts_of_recalls([[0, 5], [10, 3]], [[10, 10], [10, 0]])
    result = mixed.study.baseline.result.model_copy(update={"val_counts": counts})
    _, found = recalls(replace(material, baseline=result, chosen=None, finals={}))
    none, all_right, half, empty = found
    assert none.baseline_ends[0] == 0 < none.baseline_ends[1] < 0.4
    assert all_right.baseline_ends[1] == 1 > all_right.baseline_ends[0] > 0.6
    assert half.baseline_ends == pytest.approx((0.2235, 0.7765), abs=1e-3)
    assert math.isnan(empty.baseline)
    assert empty.samples == 0


def test_many_cells_are_cut_to_those_that_differ_most(mixed):
    material = material_of(mixed)
    right = [[50] * 30, [50] * 29 + [10]]
    baseline = counts_of_recalls(right, [[50] * 30] * 2)
    chosen = counts_of_recalls([[50] * 30] * 2, [[50] * 30] * 2)
    result = mixed.study.baseline.result
    other = replace(
        material,
        summary=material.summary.model_copy(update={"classes": (), "groups": ()}),
        baseline=result.model_copy(update={"val_counts": baseline}),
        chosen=result.model_copy(update={"val_counts": chosen}),
        finals={},
    )
    chart = recall_chart(other)
    assert len(chart.y.names) == 24
    assert "class 29 · group 1 (50)" in chart.y.names
    assert len(chart.table) == 60
