import pytest
import yaml

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.request.settings import read_settings
from fairtune.request.spaces import build_space, folder, hyperparameters, matching
from fairtune.space import Options, Real

DATASETS = ("cifar10s", "celeba", "utkface", "digits", "pkg.module:Mine")
FILES = sorted(folder().glob("*.yaml"))
METHODS = sorted({*plugins.names("method"), *(path.stem for path in FILES)})
PUBLISHED = [
    ("mfd", "cifar10s", {"mfd.weight": 3}),
    ("mfd", "utkface", {"mfd.weight": 3}),
    ("mfd", "celeba", {"mfd.weight": 7}),
    ("hkd", "cifar10s", {"hkd.weight": 4, "hkd.temperature": 1}),
    ("hkd", "utkface", {"hkd.weight": 4, "hkd.temperature": 3}),
    ("hkd", "celeba", {"hkd.weight": 4, "hkd.temperature": 5}),
    ("ss+hkd", "cifar10s", {"hkd.weight": 4, "hkd.temperature": 3}),
    ("ss+hkd", "utkface", {"hkd.weight": 4, "hkd.temperature": 5}),
    ("ss+hkd", "celeba", {"hkd.weight": 4, "hkd.temperature": 3}),
]


def faults_of(*args, **kwargs):
    with pytest.raises(InvalidInput) as caught:
        build_space(*args, **kwargs)
    return caught.value.faults


def settings(*texts):
    return read_settings(texts)


def write(path, content):
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_belongs_to_a_method(path):
    assert set(path.stem.split("+")) <= set(plugins.names("method"))


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("method", METHODS)
def test_every_hyperparameter_is_searched_or_fixed_within_what_is_legal(method, dataset):
    space, known = build_space(method, dataset), hyperparameters(method)
    assert sorted([*space.search, *space.fixed]) == sorted(known)
    assert all(domain.within(known[name].legal) for name, domain in space.search.items())
    assert all(known[name].legal.contains(value) for name, value in space.fixed.items())
    assert len(space.usable_points()) == len({tuple(point.items()) for point in space.points}), "a point is not searched"


@pytest.mark.parametrize(("method", "dataset", "point"), PUBLISHED)
def test_published_settings_are_tried_first(method, dataset, point):
    assert build_space(method, dataset).usable_points()[0] == point


def test_a_parts_file_serves_every_combination():
    space = build_space("mfd+hkd", "celeba")
    assert {"mfd.weight", "hkd.weight", "hkd.temperature"} == set(space.search)
    assert {"mfd.weight": 7.0} in space.points


def test_a_key_stands_for_its_full_name():
    known = hyperparameters("mfd+hkd")
    assert matching("temperature", known) == ["hkd.temperature"]
    assert matching("mfd.weight", known) == ["mfd.weight"]
    assert sorted(matching("weight", known)) == ["hkd.weight", "mfd.weight"]
    assert matching("mass", known) == []


def test_settings_fix_narrow_and_widen():
    space = build_space("mfd", "digits", settings("weight=5", "sigma=0.5..2", "kernel=rbf,poly", "lr=1e-4..1e-2"))
    assert space.fixed["mfd.weight"] == 5
    assert space.search == {
        "mfd.sigma": Real(low=0.5, high=2, log=True),
        "mfd.kernel": Options(values=("rbf", "poly")),
        "optimizer.lr": Real(low=1e-4, high=1e-2, log=True),
    }
    assert build_space("mfd", "digits", settings("weight=0.001..1000")).search["mfd.weight"].high == 1000


def test_the_last_setting_of_a_key_holds():
    assert build_space("mfd", "digits", settings("weight=5", "mfd.weight=6")).fixed["mfd.weight"] == 6


def test_settings_of_other_methods_are_passed_over():
    assert build_space("ss", "digits", settings("weight=5")) == build_space("ss", "digits")


def test_a_fixed_value_excludes_points_that_differ():
    assert build_space("hkd", "celeba", settings("temperature=3")).usable_points() == []
    assert build_space("hkd", "celeba", settings("temperature=5")).usable_points() == [{"hkd.weight": 4}]


@pytest.mark.parametrize(
    ("method", "text", "fault"),
    [
        ("mfd", "weight=-1", "--set weight=-1: -1.0 is outside the legal domain 0..inf (log)"),
        ("mfd", "sigma=1..1000", "--set sigma=1..1000: 1..1000 (log) is outside the legal domain 0.01..100 (log)"),
        ("mfd", "weight=9..3", "--set weight=9..3: the range 9..3 (log) is empty: its low end is above its high end"),
        ("mfd", "weight=heavy", "--set weight=heavy: cannot read 'heavy' as a number in 0..inf (log)"),
        ("mfd", "kernel=cubic", "--set kernel=cubic: 'cubic' is not among {rbf, poly}"),
        ("mfd", "kernel=1..2", "--set kernel=1..2: a range makes no sense here: choose among {rbf, poly}"),
        ("mfd", "lr=0", "--set lr=0: 0.0 is outside the legal domain 1e-08..10 (log)"),
        ("mfd+hkd", "weight=3", "--set weight=3: 'weight' is ambiguous: write mfd.weight or hkd.weight"),
    ],
)
def test_a_setting_out_of_place_says_what_is_allowed(method, text, fault):
    assert faults_of(method, "digits", settings(text)) == [fault]


def test_all_faults_are_found_at_once(tmp_path):
    file = write(tmp_path / "mine.yaml", {"search": {"weigth": [1, 2]}, "fixed": {"sigma": 0}, "points": [{"weight": -3}]})
    found = faults_of("mfd", "digits", settings("weight=9..3", "kernel=cubic"), file)
    assert len(found) == 5
    assert found[0] == "mine.yaml, search: weigth: unknown hyperparameter 'weigth': did you mean 'mfd.weight'?"
    assert found[1].startswith("mine.yaml, fixed: sigma: 0.0 is outside")
    assert found[2].startswith("mine.yaml, points: weight: -3.0 is outside")


def test_a_file_of_the_user_narrows_fixes_and_goes_first(tmp_path):
    content = {
        "search": {"weight": {"low": 1, "high": 5, "log": False}, "optimizer.lr": [1e-3, 1e-2]},
        "fixed": {"mfd.kernel": "poly"},
        "points": [{"weight": 2, "lr": 1e-2}],
    }
    space = build_space("mfd", "digits", file=write(tmp_path / "mine.yaml", content))
    assert space.search == {"mfd.weight": Real(low=1, high=5), "optimizer.lr": Options(values=(1e-3, 1e-2))}
    assert space.fixed["mfd.kernel"] == "poly"
    assert space.usable_points() == [{"mfd.weight": 2, "optimizer.lr": 1e-2}, {"mfd.weight": 3}]


def test_the_command_line_outweighs_the_file(tmp_path):
    file = write(tmp_path / "mine.yaml", {"fixed": {"weight": 2}})
    assert build_space("mfd", "digits", settings("weight=4"), file).fixed["mfd.weight"] == 4


def test_points_of_a_file_may_depend_on_the_dataset(tmp_path):
    file = write(tmp_path / "mine.yaml", {"points": {"celeba": [{"weight": 1}], "default": [{"weight": 2}]}})
    assert build_space("mfd", "celeba", file=file).points[0] == {"mfd.weight": 1}
    assert build_space("mfd", "digits", file=file).points[0] == {"mfd.weight": 2}


def test_an_empty_part_changes_nothing(tmp_path):
    file = write(tmp_path / "mine.yaml", "search: # nothing yet")
    assert build_space("mfd", "digits", file=file) == build_space("mfd", "digits")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("search: [weight]", "search must be a mapping of names"),
        ("fixed: 3", "fixed must be a mapping of names"),
        ("points: [3]", "points must be a list of mappings"),
        ("points: {default: {weight: 3}}", "points must be a list of mappings"),
        ("points: 3", "points must be a list of mappings"),
        ("points: [{weight: [1, 2]}]", "points: weight: give one value; a range belongs under search"),
        ("points: [{weight: 1, mass: 1}]", "points: mass: unknown hyperparameter 'mass'"),
        ("points: [{mass: 1, speed: 2}]", "it names mass, speed, and mfd has "),
        ("search: {temperature: 3..4}", "it names temperature, and mfd has weight, sigma, kernel"),
    ],
)
def test_a_file_that_makes_no_sense_is_a_fault(tmp_path, content, fault):
    (found,) = faults_of("mfd", "digits", file=write(tmp_path / "mine.yaml", content))
    assert fault in found
    assert "mine.yaml" in found


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            {"points": [{"mfd.weight": 5, "optimizer.lr": 0.01}]},
            "optimizer.lr: 0.01 is never tried, because optimizer.lr is fixed at 0.001: search it, or fix it at 0.01",
        ),
        (
            {"points": [{"weight": 5, "kernel": "poly"}]},
            "mfd.kernel: poly is never tried, because mfd.kernel is fixed at rbf: search it, or fix it at poly",
        ),
        (
            {"fixed": {"lr": 0.1}, "points": [{"weight": 5, "lr": 0.01}]},
            "optimizer.lr: 0.01 is never tried, because optimizer.lr is fixed at 0.1: search it, or fix it at 0.01",
        ),
        (
            {"search": {"weight": {"low": 1, "high": 3}}, "points": [{"weight": 2}, {"weight": 5}]},
            "mfd.weight: 5.0 is outside what is searched, 1..3 (log): widen it, or leave the point out",
        ),
    ],
)
def test_a_point_of_the_users_that_would_not_be_tried_as_it_stands_is_a_fault(tmp_path, content, fault):
    assert faults_of("mfd", "digits", file=write(tmp_path / "mine.yaml", content)) == [f"mine.yaml, points: {fault}"]


@pytest.mark.parametrize(
    ("texts", "points"),
    [
        (["lr=0.01"], [{"mfd.weight": 5.0}, {"mfd.weight": 3.0}]),
        (["lr=1e-4..1e-1"], [{"mfd.weight": 5.0, "optimizer.lr": 0.01}, {"mfd.weight": 3.0}]),
        (["lr=0.1"], [{"mfd.weight": 3.0}]),
    ],
)
def test_the_command_line_may_serve_or_exclude_a_point(tmp_path, texts, points):
    file = write(tmp_path / "mine.yaml", {"points": [{"weight": 5, "optimizer.lr": 0.01}]})
    assert build_space("mfd", "digits", settings(*texts), file).usable_points() == points


def test_a_point_at_the_value_that_is_not_searched_is_tried(tmp_path):
    file = write(tmp_path / "mine.yaml", {"points": [{"weight": 5, "lr": 0.001}]})
    assert build_space("mfd", "digits", file=file).usable_points()[0] == {"mfd.weight": 5}


def test_searched_or_fixed_but_not_both(tmp_path):
    file = write(tmp_path / "mine.yaml", {"search": {"weight": [1, 2]}, "fixed": {"mfd.weight": 3}})
    assert faults_of("mfd", "digits", file=file) == ["mine.yaml: mfd.weight is both searched and fixed: keep one"]
