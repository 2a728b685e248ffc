import codecs
import re
from pathlib import Path

import numpy as np
import pytest

from fairtune.datasets import open_part, open_splits
from fairtune.datasets.manifest import Manifest
from fairtune.errors import DataError
from fairtune.records import Purpose
from fairtune.request.options import Request
from fairtune.request.resolve import resolve, resolve_dataset

from .files import animals, write_animals

N = 48


def rows_of():
    return animals(N)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("animals")
    write_animals(root, N)
    return root


@pytest.fixture
def write(folder):
    def written(table, name="manifest.csv", **options):
        table.to_csv(folder / name, index=False, **options)
        return folder

    return written


def opened(root, **options):
    dataset = Manifest(size=8, **options)
    test = open_part(dataset, root, "test", purpose=Purpose.FINAL)
    return open_splits(dataset, root) | {"test": dataset.test_split(test, dataset.describe(root))}


def numbers(split):
    return set(split.pool[split.rows][:, 0, 0, 0].tolist())


def fault_of(root, **options):
    with pytest.raises(DataError) as caught:
        Manifest(size=8, **options).check(root)
    return str(caught.value)


def test_classes_and_groups_are_the_values_of_their_columns(write):
    info = Manifest().describe(write(rows_of()))
    assert (info.classes, info.groups, info.shape) == (("cat", "dog"), ("day", "night"), (3, 64, 64))


def test_numbers_are_ordered_by_size(write):
    table = rows_of().assign(target=np.tile([10, 9, 100, 2], N // 4))
    assert Manifest().describe(write(table)).classes == ("2", "9", "10", "100")


def test_every_image_has_its_own_label_and_group(write):
    for split in opened(write(rows_of())).values():
        found = split.pool[split.rows][:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(split.y, found % 2)
        np.testing.assert_array_equal(split.a, found // 2 % 2)


def test_without_a_split_column_all_cells_are_cut_alike(write):
    splits = opened(write(rows_of()), test_frac=0.25, val_frac=0.33)
    assert {name: split.cells.tolist() for name, split in splits.items()} == {
        "train": [[6, 6], [6, 6]],
        "validation": [[3, 3], [3, 3]],
        "test": [[3, 3], [3, 3]],
    }
    assert set.union(*map(numbers, splits.values())) == set(range(N))


def test_the_seed_changes_the_validation_split_and_never_the_test_split(write):
    first, second = (opened(write(rows_of()), seed=seed) for seed in (0, 1))
    assert numbers(first["validation"]) != numbers(second["validation"])
    assert numbers(first["test"]) == numbers(second["test"])


def test_the_file_may_name_all_splits(write):
    names = np.array(["train", "Train", "val", "TEST"])[np.arange(N) // 4 % 4]
    splits = opened(write(rows_of().assign(split=names)))
    for name, number in (("validation", 2), ("test", 3)):
        assert numbers(splits[name]) == {n for n in range(N) if n // 4 % 4 == number}


def test_the_file_may_name_the_test_split_only(write):
    splits = opened(write(rows_of().assign(fold=np.where(np.arange(N) < 12, "test", "train"))), splits="fold", val_frac=0.5)
    assert numbers(splits["test"]) == set(range(12))
    assert (len(splits["validation"]), len(splits["train"])) == (18, 18)


def test_a_test_split_of_equal_cells_is_balanced(write):
    table = rows_of()
    for test, balanced in ((range(12), True), (range(11), False)):
        root = write(table.assign(split=np.where(table.index.isin(test), "test", "train")))
        assert Manifest().describe(root).balanced_test == balanced


def test_a_named_test_split_of_one_group_or_class_is_refused(write):
    table = rows_of()
    for column, message in (
        ("group", r"no test samples in 2 of 4 cells: class 0 \(cat\), group night; class 1 \(dog\), group night;"),
        ("target", "fewer than two"),
    ):
        first = table[column] == table[column].iloc[0]
        root = write(table.assign(split=np.where(first & (table.index < N // 2), "test", "train")))
        assert re.search(message, fault_of(root))


def test_what_has_one_source_stays_together(write):
    splits = opened(write(rows_of().assign(patient=np.arange(N) // 4)), source="patient", val_frac=0.3)
    sources = [{number // 4 for number in numbers(split)} for split in splits.values()]
    assert sum(map(len, sources)) == len(set.union(*sources)) == N // 4


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8])
def test_any_common_csv_can_be_read(folder, separator, bom):
    text = rows_of().to_csv(index=False, sep=separator)
    (folder / "any.csv").write_bytes(bom + text.replace("\n", "\r\n").encode())
    assert Manifest(file="any.csv").describe(folder).classes == ("cat", "dog")


def test_parquet_is_read_as_well(folder):
    rows_of().assign(target=np.arange(N) % 2).to_parquet(folder / "table.parquet")
    assert Manifest(file="table.parquet").describe(folder).classes == ("0", "1")


def test_the_file_and_its_paths_may_be_absolute(folder, tmp_path):
    table = rows_of()
    table["path"] = [str(folder / path) for path in table["path"]]
    table.to_csv(tmp_path / "elsewhere.csv", index=False)
    assert numbers(opened(folder, file=str(tmp_path / "elsewhere.csv"))["test"]) <= set(range(N))


def test_columns_may_have_other_names(write):
    table = rows_of().rename(columns={"path": "file name", "target": "animal", "group": "light"})
    info = Manifest(path="file name", target="animal", group="light").describe(write(table))
    assert info.groups == ("day", "night")


def test_a_new_table_of_the_same_images_is_not_taken_for_the_old_one(write):
    before = opened(write(rows_of()))["train"]
    after = opened(write(rows_of().assign(target=np.where(np.arange(N) < 24, "cat", "dog"))))["train"]
    assert not np.array_equal(before.y, after.y)


# faults


def test_a_missing_file_is_named(tmp_path):
    assert fault_of(tmp_path) == (
        f"there is no file {tmp_path / 'manifest.csv'}: write a CSV file with the columns path, target and group; name it with "
        "--set file=FILE, relative to --data or absolute"
    )


def test_unknown_images_are_counted_and_the_first_ten_named(write):
    table = rows_of()
    table.loc[10:22, "path"] = [f"images/lost{number:02}.png" for number in range(13)]
    fault = fault_of(write(table))
    assert fault.startswith("13 of 48 files are missing")
    assert fault.endswith("images/lost09.png and 3 more")


def test_images_outside_the_folder_are_refused(write):
    table = rows_of()
    table.loc[3, "path"] = "../secret.png"
    assert "paths that lead out of" in fault_of(write(table))


def test_a_path_in_two_rows_is_refused(write):
    table = rows_of().assign(split="train")
    table.loc[5, ["path", "split"]] = ["images/4.png", "test"]
    assert "paths in more than one row (1): images/4.png" in fault_of(write(table))


@pytest.mark.parametrize("again", ["./images/4.png", "images//4.png", "images/./4.png", "linked.png"])
def test_an_image_under_two_paths_is_refused(write, folder, again):
    link = folder / "linked.png"
    link.unlink(missing_ok=True)
    link.symlink_to("images/4.png")
    table = rows_of()
    table.loc[3, "path"] = again
    assert "more than one row under different paths (2 rows): " in (fault := fault_of(write(table)))
    assert again in fault
    assert "images/4.png" in fault


def test_a_source_in_two_splits_is_refused(write):
    table = rows_of().assign(split=np.where(np.arange(N) < 13, "test", "train"), source=np.arange(N) // 4)
    assert "sources in more than one split (1): 3" in fault_of(write(table))


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda t: t.rename(columns={"target": "Target"}), {}, "unknown column 'target': did you mean 'Target'"),
        (lambda t: t, {"group": "target"}, "the target and the group are both the column 'target': choose two"),
        (lambda t: t, {"splits": "fold"}, "unknown column 'fold'"),
        (lambda t: t.assign(target="cat"), {}, "the target column 'target' holds one value only, 'cat'"),
        (lambda t: t.assign(group=1), {}, "the group column 'group' holds one value only, '1'"),
        (
            lambda t: t.assign(group=t.group.mask(t.index == 4)),
            {},
            "rows without a value in the column 'group' (1): 5, the first below the heading being 1",
        ),
        (lambda t: t.assign(split="training set"), {}, "holds training set; it may hold train, validation and test"),
        (lambda t: t.assign(split="test"), {}, "no row of the column 'split' says train"),
        (lambda t: t[:0], {}, "has a heading but no rows"),
    ],
)
def test_faults_of_the_table_are_named(write, change, options, message):
    assert message in fault_of(write(change(rows_of())), **options)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00p", b'path,target,group\n"a,b\n', b"path,target,group\na,b,c\nd,e,f,g,h\n"])
def test_what_is_no_table_is_named(folder, content):
    (folder / "none.csv").write_bytes(content)
    assert "cannot read" in fault_of(folder, file="none.csv")


def test_a_table_that_changed_after_the_search_began_is_refused(write):
    root = write(rows_of())
    options = Manifest.complete({}, root)
    Manifest.build(**options).check(root)
    write(rows_of().assign(target=np.where(np.arange(N) < 24, "cat", "dog")))
    with pytest.raises(DataError, match="has changed since the search was started"):
        Manifest.build(**options).check(root)


# on the command line


def test_settings_reach_the_dataset(write):
    root = write(rows_of(), name="my,list.csv")
    dataset, _ = resolve_dataset(
        Request.read({"dataset": "manifest", "data": str(root), "set": ["file=my,list.csv", "size=16", "flip=false"]})
    )
    info = dataset.describe(root)
    assert (info.shape, info.augment) == ((3, 16, 16), ())


def test_a_search_can_be_described_with_it(write, tmp_path):
    root = write(rows_of())
    options = {"runs": str(tmp_path), "batch_size": 16, "set": ["size=16", "test_frac=0.25", "val_frac=0.33"]}
    spec, _ = resolve(Request.read({"dataset": "manifest", "data": str(root)} | options))
    assert (spec.model.name, len(str(spec.dataset.options["checksum"]))) == ("cnn", 16)
    assert Path(str(spec.dataset.options["file"])) == Path("manifest.csv")
