"""Tables that hold their images as bytes, as data hubs publish them."""

import io
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from fairtune.datasets import open_part, open_splits, prepare, skipped
from fairtune.datasets.manifest import Manifest
from fairtune.errors import DataError
from fairtune.records import Purpose

N = 48


def png(n):
    content = io.BytesIO()
    Image.new("RGB", (9, 12), (n,) * 3).save(content, "PNG")
    return content.getvalue()


def table(numbers, plain=False, names=True):
    """Rows of a hub's table: images, labels as numbers whose names the schema has, and a group."""
    contents = [png(n) for n in numbers]
    images = pa.array(contents) if plain else pa.array([{"bytes": content, "path": "x.png"} for content in contents])
    labels = pa.array([n % 2 for n in numbers], pa.int64())
    groups = pa.array([("day", "night")[n // 2 % 2] for n in numbers])
    features = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "image": {"_type": "Image"}}}}
    made = pa.table({"image": images, "label": labels, "sex": groups})
    return made.replace_schema_metadata({"huggingface": json.dumps(features)}) if names else made


def write(path, made):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pq.write_table(made, path, row_group_size=7)
        return
    opened = pa.ipc.new_stream if path.stem == "stream" else pa.ipc.new_file
    with opened(path, made.schema) as file:
        file.write_table(made, max_chunksize=5)


def manifest(file, **options):
    return Manifest(size=8, file=file, path="image", target="label", group="sex", **options)


def check(dataset, root, numbers):
    seen = []
    for part in ("train", "test"):
        pool = open_part(dataset, root, part, purpose=Purpose.FINAL)
        number = pool.x[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(pool.columns["y"], number % 2)
        np.testing.assert_array_equal(pool.columns["a"], number // 2 % 2)
        seen += number.tolist()
    assert sorted(seen) == sorted(numbers)


@pytest.mark.parametrize("file", ["faces.parquet", "file.arrow", "stream.arrow"])
@pytest.mark.parametrize("plain", [True, False])
def test_images_in_a_file_have_its_labels(tmp_path, file, plain):
    write(tmp_path / file, table(range(N), plain))
    dataset = manifest(file)
    info = dataset.describe(tmp_path)
    assert (info.classes, info.groups) == (("cat", "dog"), ("day", "night"))
    dataset.check(tmp_path)
    check(dataset, tmp_path, range(N))
    assert dataset.remarks(tmp_path) == []


def test_labels_without_names_are_numbers(tmp_path):
    write(tmp_path / "faces.parquet", table(range(N), names=False))
    assert manifest("faces.parquet").describe(tmp_path).classes == ("0", "1")


def test_shards_are_one_table_and_their_names_say_the_split(tmp_path):
    for name, numbers in (("train-00000-of-00002", range(20)), ("train-00001-of-00002", range(20, 36)), ("test-0", range(36, N))):
        write(tmp_path / "data" / f"{name}.parquet", table(numbers))
    dataset = manifest("data/*.parquet")
    dataset.check(tmp_path)
    check(dataset, tmp_path, range(N))
    test = open_part(dataset, tmp_path, "test", purpose=Purpose.FINAL)
    assert sorted(test.x[:, 0, 0, 0]) == list(range(36, N))


def test_a_file_elsewhere_may_be_named_absolutely(tmp_path):
    write(tmp_path / "elsewhere" / "faces.parquet", table(range(N)))
    check(manifest(str(tmp_path / "elsewhere" / "faces.parquet")), tmp_path / "nothing", range(N))


def test_equal_images_in_several_splits_are_named_by_their_rows(tmp_path):
    made = table([*range(N - 1), 3])
    made = made.append_column("split", pa.array(["train"] * 36 + ["test"] * 12))
    write(tmp_path / "faces.parquet", made)
    dataset = manifest("faces.parquet")
    with pytest.raises(DataError, match=r"in several splits \(1\): faces.parquet:4 = faces.parquet:48"):
        open_splits(dataset, tmp_path)


def test_a_row_without_an_image_is_unreadable(tmp_path):
    made = table(range(N), plain=True)
    images = [None if n == 5 else content.as_py() for n, content in enumerate(made.column("image"))]
    write(tmp_path / "faces.parquet", made.set_column(0, "image", pa.array(images)))
    dataset = manifest("faces.parquet")
    with pytest.raises(DataError, match=r"unreadable images \(1\): faces.parquet:6 \(not an image\)"):
        prepare(dataset, tmp_path)
    assert skipped(prepare(dataset, tmp_path, on_bad_image="skip")) == {"faces.parquet:6": "not an image"}


def test_paths_in_an_arrow_file_are_paths(tmp_path):
    for n in range(N):
        (tmp_path / f"{n}.png").write_bytes(png(n))
    rows = pd.DataFrame({"path": [f"{n}.png" for n in range(N)], "target": np.arange(N) % 2, "group": np.arange(N) // 2 % 2})
    write(tmp_path / "file.feather", pa.Table.from_pandas(rows))
    dataset = Manifest(size=8, file="file.feather")
    dataset.check(tmp_path)
    check(dataset, tmp_path, range(N))
