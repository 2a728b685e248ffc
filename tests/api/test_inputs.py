import numpy as np
import pytest
import torch
from PIL import Image

from fairtune.api.inputs import as_batch
from fairtune.errors import InvalidInput

COLOUR, GRAY, TABLE = (3, 8, 8), (1, 8, 8), (5,)
IMAGE = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)


def taken(given, shape=COLOUR):
    return [batch.numpy() for batch in as_batch(given, shape)]


@pytest.mark.parametrize(
    "given", [IMAGE, Image.fromarray(IMAGE), [IMAGE], [Image.fromarray(IMAGE)], IMAGE[None], torch.tensor(IMAGE)]
)
def test_an_image_comes_in_many_forms(given):
    (batch,) = taken(given)
    assert np.array_equal(batch, IMAGE[None])


def test_images_of_one_size_are_one_batch_and_others_keep_their_order():
    assert [len(batch) for batch in taken([IMAGE, IMAGE[None], Image.fromarray(IMAGE)])] == [3]
    assert [batch.shape[1] for batch in taken([IMAGE, IMAGE[:4], IMAGE])] == [8, 4, 8]


def test_pillow_brings_the_channels_that_are_wanted():
    assert taken(Image.fromarray(IMAGE), GRAY)[0].shape == (1, 8, 8, 1)
    assert taken(Image.fromarray(IMAGE).convert("L"))[0].shape == (1, 8, 8, 3)
    assert taken(IMAGE[:, :, 0], GRAY)[0].shape == (1, 8, 8, 1)


def test_vectors_come_one_or_many():
    assert taken([1, 2, 3, 4, 5], TABLE)[0].shape == (1, 5)
    assert taken(np.ones((4, 5), dtype=np.float32), TABLE)[0].shape == (4, 5)


@pytest.mark.parametrize(
    ("given", "shape", "reason"),
    [
        (IMAGE / 255, COLOUR, r"\(uint8\), .* and got values of type float64: multiply by 255 and round$"),
        (IMAGE.astype(int), COLOUR, r"got values of type int64$"),
        (IMAGE.transpose(2, 0, 1), COLOUR, r"height x width x 3 .* shape \(3, 8, 8\): put the channels last$"),
        (IMAGE[:, :, 0], COLOUR, r"got an array of shape \(8, 8\)$"),
        (IMAGE, GRAY, r"height x width x 1 \(gray\), or a batch of them, and got an array of shape \(8, 8, 3\)$"),
        ([], COLOUR, "the list is empty"),
        (IMAGE[:0], COLOUR, r"shape \(0, 8, 3\)"),
        ("cat.png", COLOUR, "got values of type"),
        ([IMAGE, "cat.png"], COLOUR, "got values of type"),
        (np.ones(4), TABLE, r"vectors of 5 numbers, one row per sample, and got an array of shape \(4,\)"),
        (["a"], TABLE, "and got a list"),
        ([np.nan] * 5, TABLE, "finite numbers"),
    ],
)
def test_what_a_model_cannot_take_is_refused_with_a_sentence(given, shape, reason):
    with pytest.raises(InvalidInput, match=reason):
        taken(given, shape)
