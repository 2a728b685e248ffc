"""The page of an inspection: its figures are those of the data, its pictures can be read, and it needs nothing beside it."""

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from fairtune.api.inspection import inspect_data
from fairtune.datasets import Alike, prepare
from fairtune.datasets._alike import alike
from fairtune.datasets.manifest import Manifest
from fairtune.records import Split
from fairtune.report.inspection import possible_batches
from fairtune.request.options import DataRequest
from fairtune.spec import PlugIn
from tests.datasets.files import animals, make_utkface

N = 96


class Page(HTMLParser):
    """What a page shows: its texts and pictures, and whether every element is closed."""

    EMPTY = ("meta", "img", "br")

    def __init__(self, content):
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.pictures: dict[str, np.ndarray] = {}
        self.links: list[str] = []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag, given):
        attributes = dict(given)
        self.links += [attributes[name] for name in ("src", "href") if name in attributes]
        if tag == "img":
            content = base64.b64decode(attributes["src"].removeprefix("data:image/png;base64,"))
            self.pictures[attributes["alt"]] = np.asarray(Image.open(io.BytesIO(content)))
        elif tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.texts))


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Animals of which those by night are darker and smaller; one is twice there, one nearly, one is black."""
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for n in range(N):
        night = n // 2 % 2
        pixels = rng.integers(0, 100 if night else 256, (9, 9, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((20, 20) if night else (40, 30), 0).save(folder / "images" / f"{n}.png")
    path = folder / "images"
    (path / "4.png").write_bytes((path / "0.png").read_bytes())
    Image.fromarray(np.clip(np.asarray(Image.open(path / "8.png")).astype(int) + 3, 0, 255).astype(np.uint8)).save(path / "12.png")
    Image.new("RGB", (20, 20)).save(path / "16.png")
    table = animals(N).assign(age=np.arange(N) % 5, split=np.where(np.arange(N) < 60, "train", "test"))
    table.to_csv(folder / "manifest.csv", index=False)
    return folder


def inspected(root, tmp_path, *settings, dataset="manifest", **options):
    request = DataRequest.read({"dataset": dataset, "data": str(root), "set": settings})
    return Page(inspect_data(request, tmp_path / "out", Console(quiet=True), **options).read_text(encoding="utf-8"))


@pytest.mark.parametrize(("policy", "refused"), [("error", True), ("drop", False), ("keep", False)])
def test_the_page_says_that_a_search_refuses_equal_images_in_two_splits(root, tmp_path, policy, refused):
    (root / "images" / "64.png").write_bytes((root / "images" / "0.png").read_bytes())
    page = inspected(root, tmp_path, "size=32", "val_frac=0.3", f"on_duplicate={policy}")
    assert "equal images, byte for byte, in several of train, validation and test (1)" in page.text
    assert ("a search refuses these data" in page.text) == refused


def test_the_page_says_what_is_in_the_data(root, tmp_path):
    page = inspected(root, tmp_path, "size=32", "val_frac=0.3")
    assert all(link.startswith("data:") for link in page.links)
    assert "equal images, byte for byte, within a part (1): images/0.png = images/4.png" in page.text
    assert "train images/0.png, images/4.png" in page.text
    assert "images of nearly one gray level (1 of 96)" in page.text
    assert "1 training and validation images span fewer than 16 gray levels" in page.text
    assert "needs 277 samples at a recall of 0.9 and 769 at 0.5" in page.text
    assert re.search(r"day 2[0-9] 40 x 30 \(\s?100 %\)", page.text)
    assert re.search(r"night \d+ 20 x 20 \(\s?100 %\)", page.text)
    assert re.search(r"scratch.* up to 4\d samples", page.text)
    assert re.search(r"mfd.* from 4 to \d+ samples", page.text)
    assert "All images can be read." in page.text
    titles = {"samples of each class", "brightness of the images", "images of nearly one gray", "the first training images"}
    assert len(page.pictures) == 4
    for title, pixels in page.pictures.items():
        assert any(title.startswith(known) for known in titles)
        assert pixels.std() > 5


def test_brightness_tells_the_groups_apart(root, tmp_path):
    page = inspected(root, tmp_path, "size=32")
    day, night = (float(re.search(rf"{name} \d+ \d+ x \d+ \(\s?100 %\) ([\d.]+)", page.text)[1]) for name in ("day", "night"))
    assert day > night + 40


def test_equal_images_in_several_splits_are_shown_and_not_refused(root, tmp_path):
    (root / "images" / "70.png").write_bytes((root / "images" / "1.png").read_bytes())
    page = inspected(root, tmp_path, "size=32")
    assert "train, test images/1.png, images/70.png" in page.text


def test_nearly_equal_images_are_found_on_request(root, tmp_path):
    assert "Nearly equal" not in inspected(root, tmp_path, "size=32").text
    page = inspected(root, tmp_path, "size=32", near_duplicates=True)
    assert any(title.startswith("pairs of nearly equal") for title in page.pictures)
    assert "2 pairs, " in page.text


def test_nearly_equal_images_across_splits_are_told_and_those_of_the_test_not_shown(root, tmp_path):
    for name, source in (("70", "1"), ("71", "2")):
        picture = np.asarray(Image.open(root / "images" / f"{source}.png")).astype(int)
        Image.fromarray(np.clip(picture + 3, 0, 255).astype(np.uint8)).save(root / "images" / f"{name}.png")
    page = inspected(root, tmp_path, "size=32", near_duplicates=True)
    assert "4 pairs, " in page.text
    named = re.findall(r"(\w+) image (\d+) = test image (\d+)", page.text)
    assert [(int(row), int(tested)) for _, row, tested in named if tested] == [(1, 10), (2, 11)]


def test_images_that_look_alike_are_paired():
    images = np.random.default_rng(0).integers(0, 256, (20, 9, 9, 1), dtype=np.uint8).repeat(4, 1).repeat(4, 2).repeat(3, 3)
    images[7] = (images[3] * 0.9).astype(np.uint8)
    images[11:13] = 40
    split = Split(images, np.arange(20), np.zeros(20, int), np.zeros(20, int), np.arange(20), num_groups=1, num_classes=1)
    assert alike({"train": split}) == [Alike(("train", "train"), (3, 7))]
    apart = {"train": split.take(np.arange(5)), "test": split.take(np.arange(5, 20))}
    assert alike(apart) == [Alike(("train", "test"), (3, 7))]
    images[2] = images[1]
    assert [pair.across for pair in alike(apart)] == [True, False]
    assert len(alike(apart, most=1)) == 1
    images[:] = images[0]
    same = alike(apart, most=10)
    assert (len(same), {pair.across for pair in same}) == (10, {True})


def test_several_targets_have_a_section_each(root, tmp_path):
    page = inspected(root, tmp_path, "size=32", "target=target,age", "bins=age:2", "test_frac=0.3")
    assert "Skew: target" in page.text
    assert "Skew: age" in page.text
    assert "below 2" in page.text


def test_what_was_left_out_as_broken_is_named(root, tmp_path):
    (root / "images" / "20.png").write_bytes(b"nothing")
    prepare(Manifest(size=32, on_duplicate="keep"), root, on_bad_image="skip")
    assert "images/20.png : not an image" in inspected(root, tmp_path, "size=32").text


def test_pictures_whose_licence_forbids_it_are_shown_on_request_only(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "data").mkdir()
    make_utkface(tmp_path / "data", monkeypatch)
    told = "does not allow its pictures to be passed on"
    page = inspected(tmp_path / "data", tmp_path, dataset="utkface")
    assert told in page.text
    assert not any("first training images" in title for title in page.pictures)
    page = inspected(tmp_path / "data", tmp_path, dataset="utkface", pictures=True)
    assert told not in page.text
    assert any("first training images" in title for title in page.pictures)


def test_a_dataset_without_files_has_a_page_too(tmp_path):
    page = inspected(tmp_path, tmp_path, dataset="digits")
    assert "Nothing in the files is remarkable." in page.text
    assert "Size and brightness" not in page.text


def test_an_empty_cell_leaves_no_balanced_batch():
    every, balanced = possible_batches(np.array([[5, 4], [3, 0]]), PlugIn(name="digits"))
    assert every.possible
    assert "mfd" in balanced.methods
    assert balanced.batches.startswith("none: 1 of 4 cells have no training samples")


@pytest.mark.parametrize(("train", "balances"), [("biased", True), ("unbiased", False)])
def test_pruning_balances_its_batches_unless_the_set_is_unbiased(train, balances):
    rows = [*possible_batches(np.array([[5, 4], [3, 2]]), PlugIn(name="biased_mnist", options={"train": train}))]
    assert ["ffw" in row.methods for row in rows] == [not balances, balances]
    assert ["ss" in row.methods for row in rows] == [False, True]


@pytest.mark.parametrize("size", [(5, 8), (8, 8), (8, 9), (3, 40)])
def test_images_of_a_few_pixels_can_look_alike_too(size):
    rng = np.random.default_rng(0)
    pool = rng.integers(0, 256, (6, *size, 3), dtype=np.uint8)
    pool[5] = np.clip(pool[2].astype(int) + 1, 0, 255)
    whole = {"rows": np.arange(6), "y": np.zeros(6, int), "a": np.zeros(6, int), "source": np.arange(6)}
    split = Split(pool, **whole, num_groups=1, num_classes=1)
    assert [pair.rows for pair in alike({"train": split})] == [(2, 5)]
