import numpy as np
import pytest

from fairtune.datasets._corruptions import CORRUPTIONS, corrupt


@pytest.fixture(scope="module")
def images():
    """Smooth images with colours, edges, black and white."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:32, 0:32]
    waves = np.sin(rows[None] * rng.uniform(0.1, 0.5, (24, 1, 1)) + columns[None] * rng.uniform(0.1, 0.5, (24, 1, 1)))
    x = (waves[..., None] * rng.uniform(-1, 1, (24, 1, 1, 3)) * 90 + 128).clip(0, 255).astype(np.uint8)
    x[:, 8:12, 8:12], x[:, 20:24, 20:24] = 0, 255
    return x


def changed(images, name, severity):
    return corrupt(images, name, severity, np.random.default_rng(1))


def distance(images, name, severity):
    return np.abs(changed(images, name, severity).astype(int) - images).mean()


@pytest.mark.parametrize("severity", range(1, 6))
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_changes_every_image_and_keeps_its_form(images, name, severity):
    corrupted = changed(images, name, severity)
    assert (corrupted.shape, corrupted.dtype) == (images.shape, np.uint8)
    assert (corrupted != images).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_same_stream_gives_the_same_images(images, name):
    np.testing.assert_array_equal(changed(images, name, 3), changed(images, name, 3))


@pytest.mark.parametrize("name", sorted(CORRUPTIONS.keys() - {"saturate", "spatter"}))
def test_severity_five_changes_more_than_one(images, name):
    assert distance(images, name, 5) > 1.3 * distance(images, name, 1)


@pytest.mark.parametrize("name", ["snow", "frost", "fog", "spatter", "elastic"])
def test_random_corruptions_differ_from_image_to_image(name):
    gray = np.full((2, 32, 32, 3), 100, dtype=np.uint8)
    gray[:, ::4] = 180
    first, second = changed(gray, name, 4)
    assert (first != second).any()


def test_contrast_shrinks_towards_the_mean(images):
    corrupted = changed(images, "contrast", 3).astype(float)
    np.testing.assert_allclose(corrupted.mean(axis=(1, 2)), images.mean(axis=(1, 2)), atol=1)
    np.testing.assert_allclose(corrupted.std(axis=(1, 2)), 0.4 * images.std(axis=(1, 2)), atol=1)


def test_brightness_raises_the_largest_channel_and_keeps_the_hue():
    pixel = np.full((1, 32, 32, 3), (100, 50, 0), dtype=np.uint8)
    brighter = changed(pixel, "brightness", 3)[0, 0, 0].astype(int)
    assert brighter.tolist() == pytest.approx([100 + 0.15 * 255, (100 + 0.15 * 255) / 2, 0], abs=1)


@pytest.mark.parametrize(("severity", "sign"), [(1, -1), (4, 1)])
def test_saturation_falls_then_rises(images, severity, sign):
    spread = np.ptp(changed(images, "saturate", severity).astype(int), axis=-1).mean() - np.ptp(images.astype(int), axis=-1).mean()
    assert sign * spread > 5


def test_grays_stay_gray_when_saturated():
    gray = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(changed(gray, "saturate", 5), gray)


def test_pixelation_leaves_few_different_pixels(images):
    noise = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), dtype=np.uint8)
    assert len(np.unique(changed(noise, "pixelate", 5)[0].reshape(-1, 3), axis=0)) <= 16 * 16


def test_the_sixth_severity_does_not_exist(images):
    with pytest.raises(ValueError, match=r"severity 6 is outside 1\.\.5"):
        changed(images, "fog", 6)
