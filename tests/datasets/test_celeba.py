import re

import numpy as np
import pytest

from fairtune.datasets import celeba
from fairtune.datasets._identity import identify
from fairtune.datasets.celeba import CelebA, read_attributes, read_partition
from fairtune.errors import DataError, InvalidInput

from .files import CELEBA_NAMES, CELEBA_PARTS, make_celeba


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Folder of small files, with what is in them."""
    values, partition = make_celeba(tmp_path, monkeypatch)
    return tmp_path, values > 0, partition


def column(values, name):
    return values[:, CELEBA_NAMES.index(name)].astype(int)


@pytest.mark.parametrize("form", ["txt", "csv", "spaces"])
def test_every_form_of_the_lists_is_read_alike(tmp_path, monkeypatch, form):
    values, partition = make_celeba(tmp_path, monkeypatch, form)
    end = "txt" if form == "txt" else "csv"
    attributes = read_attributes(tmp_path / "celeba" / f"{celeba.ATTRIBUTES}.{end}")
    assert tuple(attributes.columns) == CELEBA_NAMES
    np.testing.assert_array_equal(attributes.to_numpy(), values > 0)
    np.testing.assert_array_equal(read_partition(tmp_path / "celeba" / f"{celeba.PARTITION}.{end}"), partition)
    CelebA().check(tmp_path)


SPELLED = {
    "index": lambda lines: [("" if n == 0 else str(n - 1)) + "," + line for n, line in enumerate(lines)],
    "row names": lambda lines: [lines[0], *(f"{n},{line}" for n, line in enumerate(lines[1:]))],
    "decimals": lambda lines: [lines[0], *(re.sub(r",(-?\d)(?=,|$)", r",\1.0", line) for line in lines[1:])],
    "truths": lambda lines: [lines[0], *(line.replace(",-1", ", False").replace(",1", ", True") for line in lines[1:])],
    "commas": lambda lines: [f"{line}," for line in lines],
}


@pytest.mark.parametrize("form", SPELLED)
def test_lists_that_other_programs_wrote_are_read_alike(tmp_path, monkeypatch, form):
    values, partition = make_celeba(tmp_path, monkeypatch, "csv")
    for name in (celeba.ATTRIBUTES, celeba.PARTITION)[: 1 if form == "truths" else 2]:
        path = tmp_path / "celeba" / f"{name}.csv"
        path.write_text("\n".join(SPELLED[form](path.read_text().splitlines())))
    attributes = read_attributes(tmp_path / "celeba" / f"{celeba.ATTRIBUTES}.csv")
    assert tuple(attributes.columns) == CELEBA_NAMES
    np.testing.assert_array_equal(attributes.to_numpy(), values > 0)
    np.testing.assert_array_equal(read_partition(tmp_path / "celeba" / f"{celeba.PARTITION}.csv"), partition)
    CelebA().check(tmp_path)


def test_values_that_are_none_are_counted_by_attribute(tmp_path, monkeypatch):
    make_celeba(tmp_path, monkeypatch, "csv")
    path = tmp_path / "celeba" / f"{celeba.ATTRIBUTES}.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(re.sub(r",-?1$", ",?", line) for line in lines[1:4]), *lines[4:]]))
    with pytest.raises(DataError, match=r"neither -1, 0, 1 nor True or False, such as '\?', in Young \(3\)"):
        CelebA().describe(tmp_path)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda lines: [], "names no image: get "),
        (lambda lines: lines[:1], "names no image: get "),
        (lambda lines: [lines[0].replace("Blond_Hair,", ""), *lines[1:]], "the heading has 6 names and the lines 7 values"),
        (lambda lines: [*lines, lines[2]], r"images in more than one line \(1\): 000002.jpg"),
        (
            lambda lines: [line.replace(",", ";") for line in lines],
            "'000001.jpg;.*' has no values, which commas or spaces separate",
        ),
        (
            lambda lines: [lines[0].replace("Male", "Man"), *lines[1:]],
            "list_attr_celeba.csv: unknown attribute 'Male': did you mean 'Man'",
        ),
    ],
    ids=["empty", "heading alone", "a name missing", "twice", "semicolons", "another name"],
)
def test_a_list_that_cannot_be_right_is_refused(tmp_path, monkeypatch, edit, message):
    make_celeba(tmp_path, monkeypatch, "csv")
    path = tmp_path / "celeba" / f"{celeba.ATTRIBUTES}.csv"
    path.write_text("\n".join(edit(path.read_text().splitlines())))
    with pytest.raises((DataError, InvalidInput), match=message):
        CelebA().describe(tmp_path)


def test_a_partition_without_test_images_says_so(tmp_path, monkeypatch):
    make_celeba(tmp_path, monkeypatch, "csv")
    path = tmp_path / "celeba" / f"{celeba.PARTITION}.csv"
    path.write_text(path.read_text().replace(",2\n", ",1\n"))
    with pytest.raises(DataError, match="no sample is in the test split"):
        CelebA().check(tmp_path)


@pytest.mark.parametrize(
    ("images", "lists"), [("images", "Anno"), ("Img/img_align_celeba", "Eval"), ("img_align_celeba/img_align_celeba", ".")]
)
def test_other_layouts_are_found(made, images, lists):
    root, *_ = made
    folder = root / "celeba"
    (folder / "img_align_celeba").rename(folder / "moved")
    (folder / images).parent.mkdir(parents=True, exist_ok=True)
    (folder / "moved").rename(folder / images)
    (folder / lists).mkdir(exist_ok=True)
    for path in folder.glob("list_*"):
        path.rename(folder / lists / path.name)
    CelebA().check(root)


@pytest.mark.parametrize(("target", "attribute"), [("Attractive", "Male"), ("Smiling", "Young"), ("Blond_Hair", "Male")])
def test_any_two_attributes_are_label_and_group(made, target, attribute):
    root, values, partition = made
    dataset = CelebA(target=target, attribute=attribute)
    pools = dataset.decode(root)
    for number, part in enumerate(("train", "validation", "test")):
        y, a = dataset.labels(pools[part])
        np.testing.assert_array_equal(y, column(values, target)[partition == number])
        np.testing.assert_array_equal(a, column(values, attribute)[partition == number])
    assert dataset.describe(root).classes == (f"not {target}", target)


def test_other_attributes_need_no_decoding(made):
    root, *_ = made
    other = CelebA(target="Smiling", attribute="Young", protocol="official", seed=3)
    assert identify(other, root).key == identify(CelebA(), root).key


def test_the_official_partition_is_kept(made):
    root, *_ = made
    dataset = CelebA()
    pools = dataset.decode(root)
    splits = dataset.training_splits({part: pools[part] for part in dataset.training_parts()}, dataset.describe(root))
    assert (len(splits["train"]), len(splits["validation"])) == CELEBA_PARTS[:2]
    assert pools["test"].x[:2].shape == (2, 218, 178, 3)


@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_the_test_split_has_equally_many_of_each_cell(made, protocol):
    root, values, partition = made
    dataset = CelebA(protocol=protocol)
    test = dataset.test_split(dataset.decode(root)["test"], dataset.describe(root))
    rows = np.flatnonzero(partition == 2)
    cell = 2 * column(values, "Male")[rows] + column(values, "Attractive")[rows]
    smallest = np.bincount(cell).min()
    assert (test.cells == smallest).all()
    first = np.sort(np.concatenate([np.flatnonzero(cell == c)[:smallest] for c in range(4)]))
    assert (test.rows.tolist() == first.tolist()) == (protocol == "official")


def test_the_unbiased_training_set_is_cut_from_the_balanced_validation_images(made):
    root, values, partition = made
    dataset = CelebA(train="unbiased")
    assert dataset.training_parts() == ("validation",)
    splits = dataset.training_splits({"validation": dataset.decode(root)["validation"]}, dataset.describe(root))
    train, validation = (splits[part].cells for part in ("train", "validation"))
    rows = partition == 1
    smallest = np.bincount(2 * column(values, "Male")[rows] + column(values, "Attractive")[rows]).min()
    assert (train == round(0.6 * smallest)).all()
    assert (train + validation == smallest).all()
    assert not set(splits["train"].source) & set(splits["validation"].source)


def test_an_attribute_that_does_not_exist_gets_near_misses(made):
    root, *_ = made
    with pytest.raises(InvalidInput) as told:
        CelebA(target="Atractive", attribute="male").describe(root)
    assert "unknown attribute 'Atractive': did you mean 'Attractive'?" in str(told.value)
    assert "unknown attribute 'male': did you mean 'Male'?" in str(told.value)


def test_target_and_attribute_must_differ(made):
    with pytest.raises(InvalidInput, match="the target and the attribute are both 'Male'"):
        CelebA(target="Male").describe(made[0])


def test_a_missing_folder_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"celeba/list_attr_celeba.txt \(or .csv\) is missing: get img_align_celeba.zip"):
        CelebA().describe(tmp_path)


def test_a_half_unpacked_archive_names_what_is_missing(made):
    root, *_ = made
    for number in (3, 7):
        (root / "celeba" / "img_align_celeba" / f"{number:06d}.jpg").unlink()
    with pytest.raises(DataError, match=rf"2 of {sum(CELEBA_PARTS)} files are missing in .*000003.jpg, .*000007.jpg; get img"):
        CelebA().check(root)


def test_a_list_that_is_not_the_official_one_is_named(made):
    root, *_ = made
    path = root / "celeba" / "list_eval_partition.txt"
    path.write_text(path.read_text().replace("000001.jpg 0", "000001.jpg 1"))
    with pytest.raises(DataError, match=r"list_eval_partition.txt is damaged \(md5 [0-9a-f]{32}, expected [0-9a-f]{32}\)"):
        CelebA().check(root)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("000002.jpg,", "000002.jpg,1,", "the line of 000002.jpg has 8 values instead of 7"),
        ("000001.jpg,", "x.jpg,", "differ in 000001.jpg, x.jpg"),
    ],
)
def test_a_damaged_line_is_named(tmp_path, monkeypatch, old, new, message):
    make_celeba(tmp_path, monkeypatch, "csv")
    path = tmp_path / "celeba" / "list_attr_celeba.csv"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        CelebA().check(tmp_path)


@pytest.mark.parametrize(
    ("constant", "message"),
    [
        ("Attractive", r"all 48 are of class 0 \(not Attractive\)"),
        ("Male", r"2 of 4 cells: class 0 \(not Attractive\), group Male; class 1 \(Attractive\), group Male"),
    ],
)
def test_a_label_or_group_with_one_value_in_the_test_is_named(tmp_path, monkeypatch, constant, message):
    make_celeba(tmp_path, monkeypatch, "csv")
    path = tmp_path / "celeba" / "list_attr_celeba.csv"
    heading, *lines = path.read_text().split()
    place = heading.split(",").index(constant)
    rows = [line.split(",") for line in lines]
    path.write_text("\n".join([heading, *(",".join([*row[:place], "-1", *row[place + 1 :]]) for row in rows)]))
    with pytest.raises(DataError, match=message):
        CelebA().check(tmp_path)
