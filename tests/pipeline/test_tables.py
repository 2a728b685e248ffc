"""Rows of a report: which plain model each is compared with, and beside what it stands."""

import pytest

from fairtune.metrics import UNDEFINED, Interval
from fairtune.pipeline.ordering import Order, check_order
from fairtune.pipeline.published import Quoted
from fairtune.pipeline.rows import Row
from fairtune.pipeline.tables import block_table, lines_of, ordering_table, told_of


def row(label, method, plain, mean):
    score = Interval(mean=mean, std=0.1, low=mean, high=mean, values=(mean,))
    return Row("", label, label, method, label, 2, {}, (plain, 2), {"accuracy": score}, {})


@pytest.mark.parametrize(("own", "arrow"), [("low", " ↑"), ("high", " ↓")])
def test_the_arrow_is_against_the_plain_model_of_the_search(own, arrow):
    rows = [
        *(row("baseline", "baseline", "low", 0.2), row("ss", "ss", "low", 0.3)),
        *(row("baseline of mfd", "baseline", "high", 0.8), row("mfd", "mfd", "high", 0.9)),
        row("hkd", "hkd", own, 0.5),
    ]
    (cell,) = lines_of(rows, ["accuracy"])[-1].cells
    assert cell.ours.endswith(arrow)


def test_a_row_without_a_score_is_neither_better_nor_worse():
    rows = [row("baseline", "baseline", "low", 0.2), row("ss", "ss", "low", float("nan"))]
    (cell,) = lines_of(rows, ["accuracy"])[-1].cells
    assert (cell.ours, cell.good) == ("-", None)


def test_what_no_row_has_published_has_no_columns_for_it():
    ours = [row("baseline", "baseline", "low", 0.2), row("ss", "ss", "low", 0.3)]
    rows = [ours[0], ours[1]._replace(published={"deo_m": Quoted(0.1, 0.01, "table.csv")})]
    table = block_table("data", rows, ["accuracy", "deo_m"])
    assert table.columns == ["search", "accuracy (↑)", "DEO_M (↓)", "published", "apart"]
    assert [len(line) for line in table.rows] == [5, 5]
    assert table.rows[1][3] == "0.1000 ± 0.0100"


def test_a_score_that_no_row_has_has_no_column():
    rows = [row("baseline", "baseline", "low", 0.2), row("ss", "ss", "low", 0.3)]
    undefined = [one._replace(ours={**one.ours, "equal_opportunity": UNDEFINED}) for one in rows]
    assert told_of(undefined, ["accuracy", "deo_m", "equal_opportunity"]) == ["accuracy"]
    assert block_table("data", undefined, ["accuracy", "equal_opportunity"]).columns == ["search", "accuracy (↑)"]
    assert block_table("data", [one._replace(ours={}) for one in rows], ["accuracy"]).columns == ["search", "accuracy (↑)"]


def test_orderings_name_their_data_where_there_are_several():
    scores = {
        label: Interval(mean=mean, std=0.1, low=mean, high=mean, values=(mean,)) for label, mean in (("ss", 0.1), ("mfd", 0.9))
    }
    (checked,) = check_order(Order("accuracy", ("mfd", "ss"), (">",)), scores)
    assert ordering_table([("", checked)]).columns == ["ordering", "left", "right", "verdict"]
    several = ordering_table([("adult", checked), ("german", checked)])
    assert several.columns == ["ordering", "data", "left", "right", "verdict"]
    assert [line[:2] for line in several.rows] == [["accuracy: mfd > ss", "adult"], ["accuracy: mfd > ss", "german"]]
