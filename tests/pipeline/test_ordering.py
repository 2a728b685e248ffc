"""Orderings, checked on figures that are known."""

import math

import pytest
from pydantic import TypeAdapter

from fairtune.metrics import Interval
from fairtune.pipeline.ordering import Ordering, apart, check_order


def interval(mean, std=0.1):
    return Interval(mean=mean, std=std, low=mean, high=mean, values=(mean,))


def verdicts(text, **means):
    order = TypeAdapter(Ordering).validate_python(text)
    return [one.verdict for one in check_order(order, {name: interval(mean) for name, mean in means.items()})]


@pytest.mark.parametrize(
    ("means", "found"),
    [
        ({"baseline": 0.9, "ss": 0.5, "mfd": 0.3}, ["holds", "holds"]),
        ({"baseline": 0.9, "ss": 0.5, "mfd": 0.55}, ["holds", "fails within the spread"]),
        ({"baseline": 0.9, "ss": 0.5, "mfd": 0.45}, ["holds", "holds within the spread"]),
        ({"baseline": 0.3, "ss": 0.5, "mfd": 0.5}, ["fails", "holds, equal"]),
        ({"baseline": 0.9, "ss": 0.5}, ["holds", None]),
        ({"baseline": 0.9, "ss": math.nan, "mfd": 0.3}, [None, None]),
    ],
)
def test_every_pair_of_neighbours_is_checked(means, found):
    assert verdicts("deo_m: baseline > ss >= mfd", **means) == found


@pytest.mark.parametrize(("one", "other"), [(math.nan, math.nan), (0.1, math.nan), (math.nan, 0.0)])
@pytest.mark.parametrize(
    ("mean", "found"),
    [(0.2001, "holds, how surely one seed does not tell"), (0.1, "fails, how surely one seed does not tell")],
)
def test_without_a_spread_nothing_is_told_apart(mean, found, one, other):
    order = TypeAdapter(Ordering).validate_python("deo_m: baseline > ss")
    (checked,) = check_order(order, {"baseline": interval(mean, one), "ss": interval(0.2, other)})
    assert checked.verdict == found


def test_signs_the_other_way():
    assert verdicts("accuracy: a < b <= c", a=0.1, b=0.5, c=0.5) == ["holds", "holds, equal"]


@pytest.mark.parametrize("std", [0.0, 0.1, math.nan])
def test_two_sides_that_are_equal_neither_hold_nor_fail(std):
    order = TypeAdapter(Ordering).validate_python("deo_m: baseline > ss >= mfd")
    rows = dict.fromkeys(("baseline", "ss", "mfd"), interval(0.0, std))
    assert [one.verdict for one in check_order(order, rows)] == ["equal", "holds, equal"]


def test_what_is_missing_is_told():
    order = TypeAdapter(Ordering).validate_python("deo_m: baseline > ss >= mfd > hkd")
    found = check_order(order, {"baseline": interval(0.1), "hkd": interval(math.nan)}, {"ss": "not finished"})
    assert [one.why for one in found] == [
        "ss: not finished",
        "ss: not finished; mfd: no such row",
        "mfd: no such row; hkd: no score",
    ]


def test_an_ordering_is_its_text():
    adapter = TypeAdapter(Ordering)
    assert adapter.dump_python(adapter.validate_python("deo_m:  baseline > ss+hkd >= mfd-weight-3 ")) == (
        "deo_m: baseline > ss+hkd >= mfd-weight-3"
    )


@pytest.mark.parametrize(
    ("one", "other", "units"),
    [((0.9, 0.03), (0.8, 0.04), 2.0), ((0.9, math.nan), (0.8, 0.05), 2.0), ((0.8, 0.1), (0.9, math.nan), -1.0)],
)
def test_how_far_two_means_are_apart(one, other, units):
    assert apart(*one, *other) == pytest.approx(units)


def test_without_a_spread_there_are_no_units():
    assert math.isnan(apart(0.9, math.nan, 0.8, math.nan))
