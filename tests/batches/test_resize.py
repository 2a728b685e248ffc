"""Equal to Pillow's to the last bit, whatever the sizes."""

import numpy as np
import pytest
import torch
from PIL import Image

from fairtune.batches.resize import pillow_weighs_costs, resized
from fairtune.datasets._decoding import _middle

TIES = [(30, 20, 10, 10), (9, 8, 7, 7), (21, 9, 11, 4), (40, 25, 20, 15)]
ODD = [(1, 1, 8, 8), (1, 50, 8, 8), (300, 2, 9, 11), (8, 8, 8, 8), (64, 48, 64, 20), (64, 48, 20, 48)]
DRAWN = [tuple(map(int, sizes)) for sizes in np.random.default_rng(0).integers(1, 130, (150, 4))]


def by_pillow(image, size, crop):
    picture = Image.fromarray(image)
    if crop:
        picture = picture.crop(_middle(picture.size, size))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))


@pytest.mark.parametrize("crop", [False, True])
def test_a_batch_is_resized_as_pillow_does(crop):
    rng = np.random.default_rng(1)
    for height, width, *size in TIES + ODD + DRAWN:
        into = (size[0], size[1])
        images = rng.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
        found = resized(torch.from_numpy(images), into, crop=crop, by_cost=pillow_weighs_costs())
        expected = np.stack([by_pillow(image, into, crop) for image in images])
        np.testing.assert_array_equal(found.permute(0, 2, 3, 1).numpy(), expected, f"{height}x{width} to {size}")


def test_torch_would_round_otherwise():
    """Why it is not left to torch."""
    image = np.random.default_rng(2).integers(0, 256, (80, 60, 3), dtype=np.uint8)
    torchs = torch.nn.functional.interpolate(
        torch.from_numpy(image).permute(2, 0, 1)[None].float(), (32, 32), mode="bilinear", antialias=True
    )[0].permute(1, 2, 0)
    difference = np.abs(torchs.numpy() - by_pillow(image, (32, 32), crop=False))
    assert 0.4 < difference.max() <= 1.1
