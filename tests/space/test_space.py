import math

import pytest

from fairtune.space import Integer, Options, OptionsOrFile, Real, Space, Value, hyperparameter, parse_domain

REAL = Real(low=0.1, high=100, log=True)
LINEAR = Real(low=0, high=1)
WHOLE = Integer(low=1, high=9)
WORDS = Options(values=("rbf", "poly"))


@pytest.mark.parametrize(
    ("text", "legal", "expected"),
    [
        ("3", REAL, 3.0),
        (3, REAL, 3.0),
        ("1e-1", REAL, 0.1),
        ("0.3..30", REAL, Real(low=0.3, high=30, log=True)),
        ("0..0.5", LINEAR, Real(low=0, high=0.5)),
        ("0..5", Real(low=0, log=True), Real(low=0, high=5)),
        ({"low": 1, "high": 9, "log": False}, REAL, Real(low=1, high=9)),
        ({"low": 1, "high": 9}, REAL, Real(low=1, high=9, log=True)),
        ("1,3, 5", REAL, Options(values=(1.0, 3.0, 5.0))),
        ([1, 3], REAL, Options(values=(1.0, 3.0))),
        ("4", WHOLE, 4),
        (4.0, WHOLE, 4),
        ("2..8", WHOLE, Integer(low=2, high=8)),
        ("RBF", WORDS, "rbf"),
        ("poly,rbf", WORDS, Options(values=("poly", "rbf"))),
        ("true", Options(values=(True, False)), True),
        ("0.030", Options(values=(0.02, 0.03)), 0.03),
        ("3e-2", Options(values=(0.02, 0.03)), 0.03),
        ("4.0", Options(values=(1, 4)), 4),
        (4.0, Options(values=(1, 4)), 4),
        ("0.030,0.02", Options(values=(0.02, 0.03)), Options(values=(0.03, 0.02))),
    ],
)
def test_reads(text, legal, expected):
    read = parse_domain(text, legal)
    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("text", "legal", "reason"),
    [
        ("300", REAL, r"300.0 is outside the legal domain 0.1..100 \(log\)"),
        ("0.01..1", REAL, r"0.01..1 \(log\) is outside the legal domain"),
        ("1,200", REAL, r"{1.0, 200.0} is outside the legal domain"),
        ("30..3", REAL, "the range 30..3 .* is empty: its low end is above its high end"),
        (",", REAL, "the list of options is empty"),
        ([], REAL, "the list of options is empty"),
        ("three", REAL, "cannot read 'three' as a number"),
        ("", REAL, "cannot read '' as a number"),
        (None, REAL, "cannot read None as a number"),
        ("nan", REAL, "'nan' is not a finite number"),
        (math.inf, REAL, "inf is not a finite number"),
        ("1...3", REAL, "cannot read '1...3': a range has two dots, as 1..3"),
        ("1,000", REAL, "cannot read '1,000': write a number without separators, as 1000"),
        ("1,050.5", WHOLE, "write a number without separators"),
        ("1..many", REAL, "cannot read the range .*: give low and high as numbers"),
        ({"lo": 1, "high": 2}, REAL, "cannot read the range"),
        ({"low": 1}, Real(low=0), "no finite ends"),
        ({"low": 0, "high": 1, "log": True}, LINEAR, "cannot be logarithmic: its low end must be above 0"),
        ("2.5", WHOLE, "2.5 is outside the legal domain 1..9"),
        ("2.5..8", WHOLE, "the range 2.5..8 is of whole numbers"),
        ("0..8", WHOLE, "outside the legal domain"),
        ("rbv", WORDS, r"'rbv' is not among {rbf, poly}"),
        (True, Options(values=(1, 4)), "True is not among {1, 4}"),
        ("1", Options(values=(True, False)), "'1' is not among {True, False}"),
        ("rbf,cubic", WORDS, "'cubic' is not among"),
        ("1..3", WORDS, r"a range makes no sense here: choose among {rbf, poly}"),
    ],
)
def test_refuses_with_the_reason(text, legal, reason):
    with pytest.raises(ValueError, match=reason):
        parse_domain(text, legal)


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (REAL, [0.1, 1, 100.0], [0.0999, 101, math.nan, "1", True]),
        (WHOLE, [1, 2.0, 9], [0, 2.5, 10, False]),
        (Options(values=(1, "a", True)), [1, 1.0, "a", True], [2, "1", "b", False]),
    ],
)
def test_contains_both_ends_and_no_other_type(domain, inside, outside):
    assert all(domain.contains(value) for value in inside)
    assert not any(domain.contains(value) for value in outside)


def test_within_compares_domains_of_one_kind():
    assert Real(low=1, high=2).within(REAL)
    assert not Real(low=0, high=2).within(REAL)
    assert Options(values=(1.0, 2.0)).within(REAL)
    assert Integer(low=2, high=3).within(WHOLE)
    assert not Integer(low=0, high=3).within(WHOLE)
    assert not Real(low=1, high=2).within(WORDS)


def test_sizes_multiply():
    space = Space(search={"m.kernel": WORDS, "m.depth": WHOLE})
    assert space.size == 18
    assert space.narrowed("m.weight", Real(low=1, high=1)).size == 18
    assert space.narrowed("m.weight", REAL).size == math.inf
    assert Space(fixed={"m.weight": 3.0}).size == 1


def test_narrowing_moves_a_name_between_searched_and_fixed():
    space = Space(search={"m.weight": REAL, "m.kernel": WORDS})
    fixed = space.narrowed("m.weight", 3.0)
    assert (set(fixed.search), fixed.fixed) == ({"m.kernel"}, {"m.weight": 3.0})
    searched = fixed.narrowed("m.weight", LINEAR)
    assert (searched.search["m.weight"], searched.fixed) == (LINEAR, {})
    assert space.search["m.weight"] == REAL


def test_points_are_cut_to_what_is_searched():
    points: tuple[dict[str, Value], ...] = (
        {"m.weight": 3.0, "m.kernel": "rbf"},
        {"m.weight": 5.0, "m.kernel": "poly"},
        {"m.weight": 3.0},
        {"m.weight": 300.0, "m.kernel": "rbf"},
        {"m.weight": 7.0, "other.depth": 2},
        {"m.kernel": "rbf"},
    )
    space = Space(search={"m.weight": REAL}, fixed={"m.kernel": "rbf"}, points=points)
    assert space.usable_points() == [{"m.weight": 3.0}, {"m.weight": 7.0}]


def test_points_follow_a_narrowed_range():
    space = Space(search={"m.weight": REAL}, points=({"m.weight": 3.0}, {"m.weight": 30.0}))
    assert space.narrowed("m.weight", Real(low=1, high=10)).usable_points() == [{"m.weight": 3.0}]
    assert space.narrowed("m.weight", 3.0).usable_points() == []


@pytest.mark.parametrize("text", ["imagenet", "ImageNet", "../weights,v2.pt", "w.pt"])
def test_a_path_is_taken_as_it_is(text):
    legal = OptionsOrFile(values=("none", "imagenet"))
    assert parse_domain(text, legal) == (text.lower() if "net" in text.lower() else text)
    assert str(legal) == "{none, imagenet} or a file"
    assert not legal.contains(" ")
    assert not legal.contains(3)


@pytest.mark.parametrize("domain", [REAL, WHOLE, WORDS, Options(values=(1, 2.0, True, "x")), OptionsOrFile(values=("none",))])
def test_a_space_survives_json(domain):
    space = Space(search={"m.x": domain}, fixed={"m.y": 1, "m.z": 1.0, "m.b": True}, points=({"m.x": 2},))
    read = Space.model_validate_json(space.model_dump_json())
    assert read == space
    assert [type(value) for value in read.fixed.values()] == [int, float, bool]


def test_an_illegal_default_is_refused_where_it_is_written():
    with pytest.raises(ValueError, match=r"default 0\.0 is outside the legal domain"):
        hyperparameter(0.0, REAL)
