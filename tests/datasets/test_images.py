"""Decoding image files of every kind."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import Resize

from fairtune.datasets import ImageFiles
from fairtune.datasets._decoding import decode
from fairtune.datasets._tones import Tones
from fairtune.errors import DataError

WIDTH, HEIGHT = 48, 32


@pytest.fixture
def picture():
    """A smooth picture (32, 48, 3) whose corners differ."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([rows * 7, columns * 5, (rows + columns) * 3], axis=-1).astype(np.uint8)


def decoded(path, size=(HEIGHT, WIDTH), fit="stretch"):
    return decode(path.read_bytes(), size, fit).pixels.astype(int)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tiff", "gif"])
def test_a_lossless_format_gives_the_pixels_back(tmp_path, picture, suffix):
    image = Image.fromarray(picture)
    if suffix == "webp":
        image.save(tmp_path / "a.webp", lossless=True)
    else:
        image.save(tmp_path / f"a.{suffix}")
    assert np.abs(decoded(tmp_path / f"a.{suffix}") - picture).max() <= (16 if suffix == "gif" else 0)


def test_jpeg_is_close(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.jpg", quality=95)
    assert np.abs(decoded(tmp_path / "a.jpg") - picture).mean() < 2


@pytest.mark.parametrize("size", [(16, 16), (20, 60), (64, 64)])
def test_stretching_is_torchvision_s_resize(tmp_path, picture, size):
    Image.fromarray(picture).save(tmp_path / "a.png")
    expected = np.asarray(Resize(size)(Image.fromarray(picture)))
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", size), expected)


def test_cropping_keeps_the_middle_and_the_proportions(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", (32, 32), "crop"), picture[:, 8:40])
    wide = decoded(tmp_path / "a.png", (8, 24), "crop")
    np.testing.assert_array_equal(wide, np.asarray(Image.fromarray(picture[8:24]).resize((24, 8), Image.Resampling.BILINEAR)))


def test_a_large_jpeg_decoded_at_a_reduced_scale_looks_the_same(tmp_path):
    rng = np.random.default_rng(0)
    large = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)).resize((1600, 1200), Image.Resampling.BICUBIC)
    large.save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as file:
        whole = np.asarray(file.resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(decoded(tmp_path / "a.jpg", (64, 64)) - whole).mean() < 1


def test_gray_is_repeated_on_three_channels(tmp_path, picture):
    Image.fromarray(picture[..., 0]).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png"), np.repeat(picture[..., :1], 3, axis=-1))


def test_sixteen_bits_keep_their_upper_eight(tmp_path, picture):
    Image.fromarray(picture[..., 0].astype(np.uint16) * 256 + 77).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png"), np.repeat(picture[..., :1], 3, axis=-1))


def deep_png(values):
    """The content of a PNG file with 16 bits a channel."""
    height, width, channels = values.shape

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    heading = struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0)
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", heading) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("depth", [12, 16])
@pytest.mark.parametrize("channels", [3, 4])
def test_colours_of_16_bits_keep_the_upper_eight_of_their_depth(picture, depth, channels):
    values = np.concatenate([picture, np.full_like(picture[..., :1], 255)], axis=2)[:, :, :channels].astype(np.uint16)
    values = (values << (depth - 8)) + (1 << (depth - 9))
    found = decode(deep_png(values), (HEIGHT, WIDTH), tones=Tones(depth))
    np.testing.assert_array_equal(found.pixels, picture)
    assert (found.width, found.height, found.bits) == (WIDTH, HEIGHT, depth)


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_other_values_need_a_window(tmp_path, picture, kind):
    Image.fromarray(picture[..., 0].astype(kind) * 4 - 100).save(tmp_path / "a.tiff")
    with pytest.raises(OSError, match=r"its values are (int|float)32: give --set window=LOW..HIGH"):
        decoded(tmp_path / "a.tiff")
    found = decode((tmp_path / "a.tiff").read_bytes(), (HEIGHT, WIDTH), tones=Tones(window=(-100, 920))).pixels
    np.testing.assert_array_equal(found, np.repeat(picture[..., :1], 3, axis=-1))


def test_an_image_of_16_bits_is_turned_too(tmp_path, picture):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture[..., 0].astype(np.uint16) * 256).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", (WIDTH, HEIGHT))[..., 0], np.rot90(picture[..., 0], -1))


def test_one_bit_is_black_and_white(tmp_path, picture):
    Image.fromarray(picture[..., 0] > 100).save(tmp_path / "a.png")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png")[..., 2], 255 * (picture[..., 0] > 100))


def test_a_palette_is_looked_up(tmp_path, picture):
    indexed = Image.fromarray(picture[..., 0] // 32, "P")
    palette = np.random.default_rng(0).integers(0, 256, (8, 3), dtype=np.uint8)
    indexed.putpalette(palette.tobytes())
    indexed.save(tmp_path / "a.png")
    np.testing.assert_array_equal(decoded(tmp_path / "a.png"), palette[picture[..., 0] // 32])


def test_cmyk_becomes_rgb(tmp_path, picture):
    Image.fromarray(picture).convert("CMYK").save(tmp_path / "a.tiff")
    np.testing.assert_array_equal(decoded(tmp_path / "a.tiff"), picture)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("size", [(HEIGHT, WIDTH), (4, 6)])
def test_jpeg_files_of_other_modes_become_rgb(tmp_path, picture, mode, size):
    image = Image.fromarray(picture).convert(mode)
    image.save(tmp_path / "a.jpg", quality=95)
    expected = np.asarray(image.convert("RGB").resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(decoded(tmp_path / "a.jpg", size) - expected).mean() < 3


def test_what_is_transparent_is_laid_on_black(tmp_path, picture):
    alpha = np.zeros((HEIGHT, WIDTH, 1), dtype=np.uint8)
    alpha[:, :20] = 255
    Image.fromarray(np.concatenate([picture, alpha], axis=-1)).save(tmp_path / "a.png")
    found = decoded(tmp_path / "a.png")
    np.testing.assert_array_equal(found[:, :20], picture[:, :20])
    assert (found[:, 20:] == 0).all()


@pytest.mark.parametrize(("tag", "turned"), [(1, lambda x: x), (3, lambda x: x[::-1, ::-1]), (6, lambda x: np.rot90(x, -1))])
def test_an_image_is_turned_as_its_exif_entry_says(tmp_path, picture, tag, turned):
    exif = Image.Exif()
    exif[0x0112] = tag
    Image.fromarray(picture).save(tmp_path / "a.png", exif=exif)
    expected = turned(picture)
    np.testing.assert_array_equal(decoded(tmp_path / "a.png", expected.shape[:2]), expected)


@pytest.fixture
def mixed(tmp_path, picture):
    """A whole image, an empty file, a text, half an image, a whole image."""
    Image.fromarray(picture).save(tmp_path / "0.png")
    (tmp_path / "1.png").touch()
    (tmp_path / "2.jpg").write_text("not an image")
    content = (tmp_path / "0.png").read_bytes()
    (tmp_path / "3.png").write_bytes(content[: len(content) // 2])
    Image.fromarray(picture[::-1]).save(tmp_path / "4.png")
    return ImageFiles(tmp_path, ["0.png", "1.png", "2.jpg", "3.png", "4.png", "5.png"], (HEIGHT, WIDTH))


def test_rows_are_decoded_and_those_that_cannot_be_read_say_why(mixed, picture):
    images, faults, _ = mixed.read(slice(0, 6))
    assert mixed.shape == (6, HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(images[[0, 4]], [picture, picture[::-1]])
    assert list(faults) == [1, 2, 3, 5]
    assert faults[1] == "not an image"
    assert "truncated" in faults[3]
    assert "No such file" in faults[5]


def test_a_slice_holds_the_rows_it_names(mixed, picture):
    np.testing.assert_array_equal(mixed[4:5], [picture[::-1]])


def test_a_slice_with_an_unreadable_image_names_it(mixed):
    with pytest.raises(
        DataError, match=r"unreadable images \(2\): 1\.png \(not an image\), 2\.jpg \(not an image\); .*--on-bad-image skip"
    ):
        mixed[0:3]


@pytest.mark.parametrize("path", ["../a.png", "/etc/a.png", "x/../../a.png"])
def test_a_path_out_of_the_folder_is_refused(tmp_path, path):
    with pytest.raises(DataError, match="paths that lead out of"):
        ImageFiles(tmp_path, ["a.png", path], (8, 8))


def test_an_image_of_too_many_pixels_is_not_decoded(tmp_path, picture, monkeypatch):
    Image.fromarray(picture).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", WIDTH * HEIGHT - 1)
    faults = ImageFiles(tmp_path, ["a.png"], (8, 8)).read(slice(0, 1)).faults
    assert "decompression bomb" in faults[0]
