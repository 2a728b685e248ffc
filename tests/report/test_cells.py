import numpy as np
import pytest
from PIL import Image

from fairtune.datasets import Info
from fairtune.records import Split
from fairtune.report.cells import draw_cells, draw_samples

INFO = Info(classes=("cat", "dog"), groups=("day", "night"), shape=(3, 16, 16), balanced_test=False, model="cnn", epochs=1)
RED, GREEN = (255, 0, 0), (0, 255, 0)


def split_of(colours, y, a):
    pool = np.empty((len(y), 16, 16, 3), dtype=np.uint8)
    pool[:] = np.array(colours)[:, None, None, :]
    return Split(pool, np.arange(len(y)), np.array(y), np.array(a), np.arange(len(y)), num_groups=2, num_classes=2)


def share_of(path, colour):
    """Share of the left and of the right half of a picture that has a colour."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    hit = np.abs(pixels - colour).sum(axis=2) < 30
    half = hit.shape[1] // 2
    return hit[:, :half].mean(), hit[:, half:].mean()


def test_samples_stand_in_the_column_of_their_group(tmp_path):
    draw_samples(split_of([RED] * 4 + [GREEN] * 4, [0, 0, 1, 1] * 2, [0] * 4 + [1] * 4), INFO).savefig(tmp_path / "samples.png")
    red, green = (share_of(tmp_path / "samples.png", colour) for colour in (RED, GREEN))
    assert red[0] > 0.01 > red[1] == 0
    assert green[1] > 0.01 > green[0] == 0


def test_a_cell_without_samples_is_left_blank(tmp_path):
    draw_samples(split_of([RED] * 3, [0, 0, 1], [0, 1, 0]), INFO).savefig(tmp_path / "samples.png")
    assert share_of(tmp_path / "samples.png", RED)[0] > share_of(tmp_path / "samples.png", RED)[1]


def test_more_samples_are_drawn_darker(tmp_path):
    for name, cells in (("few", [[1, 1], [99, 99]]), ("many", [[99, 99], [1, 1]])):
        draw_cells({"train": np.array(cells)}, INFO).savefig(tmp_path / f"{name}.png")
    few, many = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("L")).astype(int) for name in ("few", "many"))
    quarter = few.shape[1] // 4
    assert few[:, quarter : 2 * quarter].mean() > many[:, quarter : 2 * quarter].mean() + 20


@pytest.mark.parametrize("cells", [np.zeros((2, 2), dtype=np.int64), np.array([[10**6, 0], [3, 70]])])
def test_any_counts_can_be_drawn(tmp_path, cells):
    draw_cells({"train": cells, "test": cells}, INFO).savefig(tmp_path / "cells.png")
    with Image.open(tmp_path / "cells.png") as picture:
        assert picture.size[0] > 300
