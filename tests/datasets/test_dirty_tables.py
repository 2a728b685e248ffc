"""Tables as people have them: each is drawn small, and the right outcome stated."""

import csv
import unicodedata
from itertools import chain

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from fairtune.datasets import open_part, open_splits, prepare, remarks_on
from fairtune.datasets._reading import read_listed
from fairtune.datasets.manifest import Manifest
from fairtune.errors import DataError, InvalidInput
from fairtune.records import Purpose
from fairtune.request.options import Request
from fairtune.request.resolve import resolve

from .files import animals, names_in, write_animals

N = 48


@pytest.fixture
def root(tmp_path):
    write_animals(tmp_path, N)
    return tmp_path


def write(root, table, **options):
    table.to_csv(root / "manifest.csv", index=False, **options)


def text(root, lines):
    (root / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def rows(separator=","):
    return animals(N).to_csv(index=False, sep=separator).splitlines()


def cells(root, **options):
    dataset = Manifest(size=8, **options)
    test = open_part(dataset, root, "test", purpose=Purpose.FINAL)
    splits = open_splits(dataset, root) | {"test": dataset.test_split(test, dataset.describe(root))}
    return {name: split.cells.tolist() for name, split in splits.items()}


def numbers(root, **options):
    """The images of each split; an image is its gray level."""
    dataset = Manifest(size=8, **options)
    test = open_part(dataset, root, "test", purpose=Purpose.FINAL)
    splits = open_splits(dataset, root) | {"test": dataset.test_split(test, dataset.describe(root))}
    return {name: sorted(split.pool[split.rows][:, 0, 0, 0].tolist()) for name, split in splits.items()}


def fault(root, kind=DataError, **options):
    with pytest.raises(kind) as caught:
        Manifest(size=8, **options).check(root)
    return str(caught.value)


# an index column, and rows of another length


@pytest.mark.parametrize("index", [range(N), [n % 5 for n in range(N)]])
@pytest.mark.parametrize("named", [True, False])
def test_a_first_column_without_a_heading_is_a_column(root, index, named):
    write(root, animals(N))
    before = cells(root)
    heading, *lines = rows()
    text(root, [("," if named else "") + heading, *(f"{n},{line}" for n, line in zip(index, lines, strict=True))])
    assert cells(root) == before
    told = [remark for remark in Manifest().remarks(root) if "column without a name" in remark]
    assert len(told) == (not named)


@pytest.mark.parametrize(("row", "found"), [(3, "images/2.png,cat"), (5, "images/4.png,cat,night,2,3")])
def test_a_row_of_another_length_is_refused_by_its_number(root, row, found):
    lines = rows()
    lines[row] = found
    text(root, lines)
    assert f"row {row} has {found.count(',') + 1} values and the heading 3" in fault(root)


def test_a_comma_at_the_end_of_rows_is_no_value(root):
    heading, *lines = rows()
    text(root, [heading, *(f"{line}," for line in lines)])
    assert Manifest().describe(root).groups == ("day", "night")
    text(root, [heading, f"{lines[0]},", *lines[1:], ",,", ""])
    assert Manifest().describe(root).groups == ("day", "night")


# one image in two places


@pytest.mark.parametrize("again", ["./images/4.png", "images/../images/4.png", "images/4.png"])
def test_a_path_in_two_spellings_is_one_path(root, again):
    table = animals(N).assign(split=np.where(np.arange(N) < 12, "test", "train"))
    table.loc[20, "path"] = again
    write(root, table)
    assert "images/4.png" in fault(root)
    assert 4 not in numbers(root, on_duplicate="drop")["train"]
    assert 4 in numbers(root, on_duplicate="drop")["test"]
    assert 4 in numbers(root, on_duplicate="keep")["train"]


def copied(root, number, of):
    (root / "images" / f"{number}.png").write_bytes((root / "images" / f"{of}.png").read_bytes())


@pytest.mark.parametrize("part", ["train", "validation"])
def test_equal_files_in_several_splits_are_refused_by_name(root, part):
    names = np.array(["test", "train", "train", "validation"])[np.arange(N) // 12]
    write(root, animals(N).assign(split=names))
    copied(root, {"train": 13, "validation": 37}[part], of=1)
    with pytest.raises(
        DataError, match=r"in several splits \(1\): images/1.png = images/\d+.png; keep one of each, or --set on_dup"
    ):
        cells(root)
    kept = numbers(root, on_duplicate="drop")
    assert kept["test"] == list(range(12))
    assert 1 not in kept["train"] + kept["validation"]
    assert 1 in numbers(root, on_duplicate="keep")[part]


def test_equal_files_that_train_and_validate_are_refused_or_kept_once(root):
    names = np.array(["test", "train", "train", "validation"])[np.arange(N) // 12]
    write(root, animals(N).assign(split=names))
    copied(root, 13, of=40)
    with pytest.raises(DataError, match="in several splits"):
        cells(root)
    kept = numbers(root, on_duplicate="drop")
    assert 40 in kept["validation"]
    assert 40 not in kept["train"]


def test_equal_files_within_a_split_are_named_and_never_drawn_apart(root):
    write(root, animals(N).assign(split=np.where(np.arange(N) < 12, "test", "train")))
    for number in (20, 28, 36):
        copied(root, number, of=16)
    dataset = Manifest(size=8)
    assert any("images/16.png = images/20.png = images/28.png = images/36.png" in told for told in remarks_on(dataset, root))
    for seed in range(6):
        found = numbers(root, seed=seed)
        assert 16 not in found["train"] or 16 not in found["validation"]
    assert numbers(root, on_duplicate="drop", val_frac=0.1)["train"].count(16) <= 1


# spellings


@pytest.mark.parametrize(
    "messy",
    [
        lambda t: t.assign(group=np.where(np.arange(N) % 3, t.group, t.group + " ")),
        lambda t: t.assign(target=np.where(np.arange(N) % 3, t.target, "\t" + t.target)),
        lambda t: t.assign(group=[f'"{g}"' if n % 3 else f'" {g}\u00a0"' for n, g in enumerate(t.group)]),
        lambda t: t.rename(columns={"target": " target ", "group": "group "}),
    ],
)
def test_spaces_around_values_and_headings_mean_nothing(root, messy):
    write(root, messy(animals(N)), quoting=3)
    info = Manifest().describe(root)
    assert (info.classes, info.groups) == (("cat", "dog"), ("day", "night"))


def test_spaces_around_the_names_of_splits_mean_nothing(root):
    write(root, animals(N).assign(split=np.where(np.arange(N) < 12, " Test ", "train ")))
    assert numbers(root)["test"] == list(range(12))


@pytest.mark.parametrize(
    ("column", "change", "spellings"),
    [
        ("group", lambda v, n: v.title() if n % 8 == 0 else v, "'Day' (6) and 'day' (18)"),
        ("target", lambda v, n: ("1.0" if n % 8 == 1 else "1") if v == "dog" else "0", "'1' (18) and '1.0' (6)"),
        ("source", lambda v, n: f"{'P' if n % 2 else 'p'}{n // 2}", "'P0' (1) and 'p0' (1); "),
    ],
)
def test_spellings_of_one_value_are_refused_with_their_counts_or_merged(root, column, change, spellings):
    table = animals(N)
    values = table[column] if column in table else table["path"]
    table[column] = [change(value, n) for n, value in enumerate(values)]
    write(root, table)
    told = fault(root)
    assert spellings.removesuffix("; ") in told
    assert "--set merge=case" in told
    info = Manifest(merge="case").describe(root)
    assert (len(info.classes), len(info.groups)) == (2, 2)
    assert any("taken as one value" in remark for remark in Manifest(merge="case").remarks(root))


def test_letters_and_accents_taken_apart_are_the_same_letters(root):
    forms = [unicodedata.normalize(form, "été") for form in ("NFC", "NFD")]
    write(root, animals(N).assign(group=[forms[n % 2] if n // 2 % 2 else "hiver" for n in range(N)]))
    assert Manifest().describe(root).groups == ("hiver", forms[0])


@pytest.mark.parametrize("name", ["NA", "None", "nan", "null", "N/A"])
def test_names_that_look_like_missing_values_are_names(root, name):
    write(root, animals(N).replace({"group": {"night": name}}))
    assert set(Manifest().describe(root).groups) == {name, "day"}
    (told,) = [remark for remark in Manifest().remarks(root) if "only an empty field is a missing value" in remark]
    assert f"{name!r} (24)" in told


# missing values


def with_gaps(target=(3, 10), group=(10, 21)):
    table = animals(N)
    table.loc[list(target), "target"] = None
    table.loc[list(group), "group"] = " "
    return table


def test_missing_values_of_all_columns_are_reported_together(root):
    write(root, with_gaps())
    told = fault(root)
    assert "the column 'target' (2): 4, 11; in the column 'group' (2): 11, 22" in told
    assert "on_missing=drop" in told


def test_rows_without_a_value_are_left_out_on_request(root):
    write(root, with_gaps())
    found = numbers(root, on_missing="drop")
    assert sorted(chain.from_iterable(found.values())) == sorted(set(range(N)) - {3, 10, 21})
    assert any("left out (3 of 48): 2 in the column 'target', 2 in the column 'group'" in told for told in remarks(root, "drop"))


def test_rows_without_a_group_are_one_on_request(root):
    write(root, with_gaps(target=(3,), group=range(24)))
    assert Manifest(on_missing="group").describe(root).groups == ("day", "night", "(missing)")
    told = remarks(root, "group")
    assert any("left out (1 of 48): 1 in the column 'target'" in one for one in told)
    assert any("'group' are a group of their own (24)" in one for one in told)


def remarks(root, on_missing):
    return Manifest(on_missing=on_missing).remarks(root)


@pytest.mark.parametrize("missing", ["path", "split"])
def test_a_path_and_a_split_have_to_be_there(root, missing):
    table = animals(N).assign(split="train")
    table.loc[2, missing] = None
    write(root, table)
    assert f"the column {missing!r} (1): 3" in fault(root, on_missing="drop")


def test_each_unknown_source_is_one_of_its_own(root):
    write(root, animals(N).assign(patient=["" if n % 3 == 0 else str(n) for n in range(N)]))
    found = numbers(root, source="patient")
    assert (len(found["test"]), len(found["validation"])) == (10, 8)
    (told,) = [one for one in Manifest(source="patient").remarks(root) if "patient" in one]
    assert "16 of 48 rows have no value in the column 'patient': each is taken as a source of its own" in told


# other forms


@pytest.mark.parametrize("form", ["sep=;", '"sep=;"', None])
def test_the_separator_is_that_of_the_heading_outside_of_quotes(root, form):
    table = animals(N).rename(columns={"group": "light, roughly, by eye, at noon"})
    text(root, [*([form] if form else []), *table.to_csv(index=False, sep=";").splitlines()])
    assert Manifest(group="light, roughly, by eye, at noon").describe(root).groups == ("day", "night")


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC, csv.QUOTE_MINIMAL])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_quotes_around_values_are_none_of_them(root, separator, quoting):
    table = animals(N).assign(note="x, y; z")
    table = table[["note", *table.columns[:-1]]]
    text(root, table.to_csv(index=False, sep=separator, quoting=quoting).splitlines())
    read = read_listed(root / "manifest.csv").rows
    assert list(read.columns) == list(table.columns)
    assert read["note"].tolist() == ["x, y; z"] * N


@pytest.mark.parametrize("separator", [";", "\t"])
def test_a_separator_that_only_the_heading_has_is_none(root, separator):
    table = animals(N).rename(columns={"path": "path,of,the,image,file"})
    text(root, table.to_csv(index=False, sep=separator, quoting=3).splitlines())
    assert Manifest(path="path,of,the,image,file").describe(root).groups == ("day", "night")


def test_two_columns_of_one_name_are_refused_if_they_matter(root):
    lines = [f"{line},{line.rpartition(',')[2]}" for line in rows()]
    text(root, lines)
    assert "2 columns are called 'group': rename" in fault(root)
    text(root, ["path,target,group,note,note", *(f"{line},a,b" for line in rows()[1:])])
    assert Manifest().describe(root).groups == ("day", "night")


def test_paths_may_have_the_form_of_another_system(root):
    folder = root / "images" / unicodedata.normalize("NFD", "Porträts")
    folder.mkdir()
    table = animals(N)
    for number, name in ((1, "É.png"), (2, "Zwei.JPG"), (3, "3.PNG")):
        file = root / "images" / f"{number}.png"
        file.rename(folder / unicodedata.normalize("NFD", name))
        table.loc[number, "path"] = f"images\\Porträts\\{name.lower() if number > 1 else name}"
    write(root, table)
    (told,) = Manifest(size=8).remarks(root)
    assert "called otherwise than in" in told
    assert "(3): " in told
    assert sorted(chain.from_iterable(numbers(root).values())) == list(range(N))


def test_a_path_that_could_mean_two_files_is_refused(root):
    for name in ("New.png", "NEW.png"):
        (root / "images" / "7.png").with_name(name).write_bytes((root / "images" / "7.png").read_bytes())
    table = animals(N)
    table.loc[7, "path"] = "images/new.png"
    write(root, table)
    assert "images/new.png (images/NEW.png or images/New.png)" in fault(root)


# 16 bits


def deep(root, largest, colour=False):
    rng = np.random.default_rng(0)
    for n in range(N):
        values = rng.integers(0, largest + 1, (16, 16)).astype(np.uint16)
        values[0, 0] = largest
        Image.fromarray(values).save(root / "images" / f"{n}.png")
    write(root, animals(N))


@pytest.mark.parametrize(("largest", "bits"), [(4095, 12), (1000, 10), (65535, 16), (300, 10), (255, 8)])
def test_the_depth_of_16_bit_images_is_found(root, largest, bits):
    deep(root, largest)
    dataset = Manifest(size=16)
    pool = open_part(dataset, root, "train")
    assert pool.x[:].max() == largest >> (bits - 8)
    assert (pool.columns["image.bits"] == bits).all()
    told = [remark for remark in remarks_on(dataset, root) if "kept in 16 bits" in remark]
    assert len(told) == (bits > 8)
    assert all(f"read as of {bits} bits (48 of 48)" in one for one in told)


def test_the_depth_may_be_given_and_must_hold_every_value(root):
    deep(root, 4095)
    assert open_part(Manifest(size=16, depth="14"), root, "train").x[:].max() == 4095 >> 6
    with pytest.raises(DataError, match=r"its values reach 4,095, beyond 10 bits: give --set depth=12"):
        prepare(Manifest(size=16, depth="10"), root)


def test_a_window_says_which_values_are_black_and_white(root):
    deep(root, 4095)
    values = np.asarray(Image.open(root / "images" / "0.png")).astype(float)
    expected = np.rint((values - 1000) * 255 / 1000).clip(0, 255)
    dataset = Manifest(size=16, window="1000..2000", test_frac=0.1)
    pools = dataset.decode(root)
    (found,) = [
        pool.x[row : row + 1][0] for pool in pools.values() for row in range(len(pool)) if names_in(pool)[row].endswith("/0.png")
    ]
    assert np.abs(found[:, :, 0].astype(float) - expected).max() <= 1


@pytest.mark.parametrize("window", ["3", "5..2", "low..high", "0..inf"])
def test_a_window_that_is_none_is_refused(root, window):
    with pytest.raises(InvalidInput, match=rf"--set window={window}: give the values that become black and white"):
        Manifest(window=window).decode(root)


def test_images_of_nearly_one_gray_level_are_counted(root):
    assert any("images of nearly one gray level (48 of 48)" in told for told in remarks_on(Manifest(size=8), root))


# cells, groups, several attributes


def test_a_group_of_one_class_says_where_the_samples_are_and_what_is_possible(root):
    table = animals(N)
    table["group"] = np.where(np.arange(N) % 8 == 7, "dusk", table["group"])
    write(root, table)
    told = fault(root)
    assert "1 of 6 cells have fewer than 3 independent samples, one for each split: class 0 (cat), group dusk has 0" in told
    assert "day: 12, 12; dusk: 0, 6; night: 12, 6" in told
    assert "(--set groups=day,night)" in told
    assert Manifest(groups="day,night").describe(root).groups == ("day", "night")
    Manifest(groups="day,night").check(root)
    joined = Manifest(groups="day,night+dusk")
    joined.check(root)
    assert joined.describe(root).groups == ("day", "night+dusk")
    assert any("groups that are left out: 6 of 48" in one for one in Manifest(groups="day,night").remarks(root))


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("day,noon", "unknown group 'noon': known: day, night"),
        ("day", "name two groups or more"),
        ("day,night+day", "the group 'day' is named twice"),
    ],
)
def test_groups_that_cannot_be_chosen_are_named(root, groups, message):
    assert f"--set groups={groups}: {message}" in fault(root, InvalidInput, groups=groups)


def people():
    """Ages and sexes crossed with the target."""
    table = animals(N)
    return table.assign(sex=np.where(np.arange(N) // 2 % 2, "female", "male"), age=np.where(np.arange(N) // 4 % 2, 20, 60))


def test_several_attributes_are_groups_together(root):
    write(root, people())
    dataset = Manifest(size=8, group="sex+age")
    assert dataset.describe(root).groups == ("female/20", "female/60", "male/20", "male/60")
    table = people()
    pool = open_part(dataset, root, "train")
    numbers = pool.x[:, 0, 0, 0]
    expected = np.where(table.sex == "female", 0, 2) + np.where(table.age == 20, 0, 1)
    np.testing.assert_array_equal(pool.columns["a"], expected[numbers])


@pytest.mark.parametrize(
    ("bins", "groups"),
    [
        ("age:18,40", ("below 18", "18 to below 40", "40 and above")),
        ("age:q2", ("below 40", "40 and above")),
    ],
)
def test_numbers_are_put_into_bins(root, bins, groups):
    ages = np.array([10, 18, 39.5, 40, 77, 80])[np.arange(N) // 8]
    write(root, animals(N).assign(age=ages))
    dataset = Manifest(group="age", bins=bins)
    info = dataset.describe(root)
    expected = np.digitize(ages, [18, 40] if len(groups) == 3 else [39.75])
    np.testing.assert_array_equal(dataset.table(root).rows["a"], expected)
    assert info.groups == groups if len(groups) == 3 else ("below 39.75", "39.75 and above")


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ("age", "write COLUMN:EDGE,EDGE"),
        ("age:40,20", "in ascending order"),
        ("age:old", "give edges as numbers"),
        ("age:q1", "q2 or more"),
        ("target:20", "holds cat, dog, which are no numbers"),
        ("agee:20", "unknown column 'agee': did you mean 'age'"),
    ],
)
def test_bins_that_cannot_be_used_are_named(root, bins, message):
    write(root, people())
    assert message in fault(root, InvalidInput, group="age", bins=bins)


def test_a_batch_size_that_the_cells_allow_is_the_default_of_balanced_methods(root):
    write(root, animals(N))
    info = Manifest().describe(root)
    assert (info.batch_size, info.balanced_batch_size) == (16, 16)


@pytest.mark.parametrize(("method", "batch_size"), [("mfd", 4), ("scratch", 16), ("scratch,ss", 4), ("scratch,hkd", 16)])
def test_a_search_takes_the_batch_size_that_its_methods_allow(root, tmp_path, method, batch_size):
    few = np.where((np.arange(N) % 4 == 3) & (np.arange(N) > 20), False, True)
    write(root, animals(N)[few].assign(split=np.where(np.arange(N) < 8, "test", "train")[few]))
    request = {"dataset": "manifest", "data": str(root), "runs": str(tmp_path / "runs"), "set": ["size=16"], "method": method}
    spec, _ = resolve(Request.read(request))
    assert spec.batch_size == batch_size


def test_parquet_has_missing_values_of_its_own(root):
    table = animals(N).assign(group=np.where(np.arange(N) // 2 % 2, "NA", "day").astype(object))
    table.loc[4, "group"] = None
    table = table.assign(target=np.where(np.arange(N) % 2, 1.0, 0.0)).set_index("path")
    table.to_parquet(root / "table.parquet")
    assert "the column 'group' (1): 5" in fault(root, file="table.parquet")
    info = Manifest(file="table.parquet", on_missing="drop").describe(root)
    assert (info.classes, info.groups) == (("0", "1"), ("NA", "day"))


def test_a_hundred_thousand_rows_are_read_whole(tmp_path):
    count = 100_000
    table = pd.DataFrame(
        {"path": [f"{n}.png" for n in range(count)], "target": np.arange(count) % 2, "group": np.arange(count) % 3}
    )
    table.to_csv(tmp_path / "manifest.csv")
    assert len(Manifest().table(tmp_path).rows) == count
