"""Images handed over in Python become a dataset that every worker can open by name."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

import fairtune as ft
from fairtune.api.arguments import read
from fairtune.api.handed import hand_over
from fairtune.datasets import open_part
from fairtune.errors import InvalidInput
from fairtune.records import Purpose
from fairtune.request.options import DataRequest
from fairtune.request.resolve import resolve_dataset

N = 48


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def arrays():
    """Images whose first pixel is their number."""
    images = np.random.default_rng(0).integers(0, 256, (N, 16, 16, 3), dtype=np.uint8)
    images[:, 0, 0, 0] = np.arange(N)
    return {"image": images, "target": np.arange(N) % 2, "group": np.array(["day", "night"])[np.arange(N) // 2 % 2]}


def as_torch(arrays):
    images = torch.from_numpy(arrays["image"]).permute(0, 3, 1, 2) / 255
    return TensorDataset(images, torch.arange(N) % 2, torch.arange(N) // 2 % 2)


def as_items(arrays):
    return [
        {"image": Image.fromarray(image), "target": float(target), "group": group}
        for image, target, group in zip(*arrays.values(), strict=True)
    ]


@pytest.mark.parametrize("form", [dict, as_torch, as_items])
def test_images_keep_their_pixels_labels_and_groups(arrays, form):
    dataset, root = resolve_dataset(read(DataRequest, {"dataset": form(arrays), "set": {"size": 16}}))
    assert dataset.describe(root).classes == ("0", "1")
    dataset.check(root)
    seen = set()
    for part in ("train", "test"):
        pool = open_part(dataset, root, part, purpose=Purpose.FINAL)
        number = pool.x[:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(pool.x, arrays["image"][number])
        np.testing.assert_array_equal(pool.columns["y"], number % 2)
        np.testing.assert_array_equal(pool.columns["a"], number // 2 % 2)
        seen |= set(number)
    assert seen == set(range(N))


def test_equal_data_are_one_file_and_others_another(arrays):
    assert hand_over(arrays) == hand_over(dict(arrays)) == hand_over(as_items(arrays))
    assert hand_over(arrays) != hand_over(arrays | {"target": 1 - arrays["target"]})


def test_a_training_takes_them(arrays, tmp_path):
    trained = ft.train(
        dataset=arrays, method="scratch", epochs=1, batch_size=8, model="cnn", set={"size": 16}, runs=tmp_path / "runs"
    )
    assert 0 <= trained.scores["accuracy"] <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: {"image": a["image"], "group": a["group"]}, "has no target"),
        (lambda a: a | {"target": a["target"][:3]}, "different lengths ({'image': 48, 'target': 3, 'group': 48})"),
        (lambda a: a | {"image": a["image"] / 25.5}, "image 0 of the dataset: its values are float64 from 0.0 to 10.0"),
        (lambda a: a | {"image": a["image"][..., :2]}, "image 0 of the dataset: its shape is (16, 16, 2)"),
        (lambda a: [(image, 0) for image in a["image"]], "item 0 of the dataset has 2 values"),
        (lambda a: [], "the dataset has no images"),
        (lambda a: 3, "dataset=int: give a mapping"),
    ],
)
def test_what_is_no_dataset_is_named(arrays, change, message):
    with pytest.raises(InvalidInput) as caught:
        hand_over(change(arrays))
    assert message in str(caught.value)
