import numpy as np
import pytest
import torch
import torchvision.transforms as T
import torchvision.transforms.functional as TF
from scipy.stats import ks_2samp, kstest
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fairtune.batches.augment import Augment, brightness, contrast, crop, hue, jitter, resized_crop, rotate, saturation
from fairtune.batches.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation

B, HEIGHT, WIDTH = 6, 22, 18
STEPS = (40, 100)


@pytest.fixture
def stored():
    """Images (B, 3, H, W) uint8."""
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.integers(0, 256, (B, 3, HEIGHT, WIDTH), dtype=np.uint8))


@pytest.fixture
def x(stored):
    return stored.double() / 255


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn_by(transform, stored=(HEIGHT, WIDTH), size=None, batches=STEPS, seed=0):
    (values,) = Augment((transform,), size=size).draw(stored, batches, rng(seed))
    assert values.shape[:2] == batches
    return values.flatten(0, 1).numpy()


def one_by_one(function, x, *parameters):
    return torch.stack([function(image, *(p[i] for p in parameters)) for i, image in enumerate(x)])


def alike(a, b):
    """Whether two samples may come from one distribution."""
    return ks_2samp(a, b).pvalue > 1e-3


# pixels, against torchvision's functional transforms


def test_evaluation_scales_to_one(stored):
    torch.testing.assert_close(Augment()(stored, torch.float64), stored.double() / 255)


def test_a_net_sees_channels_last_memory(stored):
    for drawn in (None, Augment((Flip(),)).draw((HEIGHT, WIDTH), (1, B), rng())):
        seen = Augment((Flip(),))(stored, torch.float32, None if drawn is None else (drawn[0][0],))
        assert seen.is_contiguous(memory_format=torch.channels_last)
        assert seen.dtype == torch.float32


@pytest.mark.parametrize("size", [(11, 9), (30, 30), (22, 10)])
def test_images_stored_in_another_size_are_resized_for_evaluation(stored, x, size):
    expected = TF.resize(x, list(size), antialias=True)
    torch.testing.assert_close(Augment((ResizedCrop(),), size=size)(stored, torch.float64), expected)


@pytest.mark.parametrize(("vertical", "function"), [(False, TF.hflip), (True, TF.vflip)])
def test_those_drawn_are_flipped(stored, x, vertical, function):
    flip = torch.tensor([True, False, True, True, False, False])
    seen = Augment((Flip(vertical),))(stored, torch.float64, (flip,))
    expected = torch.where(flip[:, None, None, None], function(x), x)
    torch.testing.assert_close(seen, expected)


def test_windows_are_cut(x):
    corner = torch.tensor([[0, 0], [1, 5], [10, 8], [3, 3], [6, 0], [0, 8]])
    expected = one_by_one(lambda image, at: TF.crop(image, int(at[0]), int(at[1]), 12, 10), x, corner)
    torch.testing.assert_close(crop(x, corner, (12, 10)), expected)


def test_padded_crops_are_torchvision_s(stored, x):
    augment = Augment((Crop(padding=4),))
    corner = torch.tensor([[0, 0], [8, 8], [4, 4], [1, 7], [8, 0], [3, 5]])
    expected = one_by_one(lambda image, at: TF.crop(TF.pad(image, [4]), int(at[0]), int(at[1]), HEIGHT, WIDTH), x, corner)
    torch.testing.assert_close(augment(stored, torch.float64, (corner,)), expected)


@pytest.mark.parametrize("size", [(16, 16), (40, 31), (4, 4)])
def test_resized_crops_are_torchvision_s(x, size):
    box = torch.tensor([[0, 0, 22, 18], [1, 5, 7, 13], [10, 8, 12, 10], [3, 3, 2, 2], [6, 0, 16, 1], [0, 8, 5, 9]])

    def theirs(image, at):
        top, left, height, width = at.tolist()
        return TF.resized_crop(image, top, left, height, width, list(size), antialias=True)

    expected = one_by_one(theirs, x, box)
    torch.testing.assert_close(resized_crop(x, box, size), expected)


@pytest.mark.parametrize("shape", [(22, 18), (21, 21), (20, 31)])
def test_rotations_are_torchvision_s(shape):
    x = torch.from_numpy(rng().random((B, 3, *shape)))
    degrees = torch.tensor([0.0, 10.0, -33.0, 101.0, -170.0, 359.0], dtype=torch.float64)
    expected = one_by_one(lambda image, by: TF.rotate(image, by.item()), x, degrees)
    assert (rotate(x, degrees) == expected).double().mean() > 0.995


@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [
        (brightness, TF.adjust_brightness, [0.0, 0.5, 1.0, 1.2, 1.7, 3.0]),
        (contrast, TF.adjust_contrast, [0.0, 0.5, 1.0, 1.2, 1.7, 3.0]),
        (saturation, TF.adjust_saturation, [0.0, 0.5, 1.0, 1.2, 1.7, 3.0]),
        (hue, TF.adjust_hue, [0.0, 0.5, -0.5, 0.1, -0.23, 0.4]),
    ],
)
def test_colours_change_as_torchvision_s(x, ours, theirs, values):
    x[0, :, :3] = 0.25
    x[1, :, :3] = 0
    expected = one_by_one(lambda image, value: theirs(image, value), x, values)
    torch.testing.assert_close(ours(x, torch.tensor(values).double()[:, None, None, None]), expected, atol=3e-6, rtol=0)


def test_colours_change_in_the_order_drawn(x):
    transform = ColourJitter(0.4, 0.4, 0.4, 0.2)
    (drawn,) = Augment((transform,)).draw((HEIGHT, WIDTH), (1, B), rng())
    functions = (TF.adjust_brightness, TF.adjust_contrast, TF.adjust_saturation, TF.adjust_hue)
    expected = []
    for image, values in zip(x, drawn[0].tolist(), strict=True):
        for kind in sorted(range(4), key=values[4:].__getitem__):
            image = functions[kind](image, values[kind])
        expected.append(image)
    torch.testing.assert_close(jitter(x, drawn[0], transform), torch.stack(expected), atol=3e-6, rtol=0)


def test_what_a_jitter_does_not_name_is_left_alone(x):
    (drawn,) = Augment((ColourJitter(brightness=0.4),)).draw((HEIGHT, WIDTH), (1, B), rng())
    expected = one_by_one(TF.adjust_brightness, x, drawn[0, :, 0].tolist())
    torch.testing.assert_close(jitter(x, drawn[0], ColourJitter(brightness=0.4)), expected)


# what is drawn, against torchvision's draws


def test_half_of_the_images_are_flipped():
    assert drawn_by(Flip()).mean() == pytest.approx(0.5, abs=0.03)


def test_every_corner_is_drawn_equally_often():
    corners = drawn_by(Crop(padding=4), (8, 8))
    assert set(map(tuple, corners)) == {(i, j) for i in range(9) for j in range(9)}
    for axis in range(2):
        assert np.abs(np.bincount(corners[:, axis]) / len(corners) - 1 / 9).max() < 0.02


def test_a_crop_without_padding_stays_inside():
    corners = drawn_by(Crop(), (10, 9), (8, 8))
    assert set(map(tuple, corners)) == {(i, j) for i in range(3) for j in range(2)}


@pytest.mark.parametrize(
    ("scale", "ratio", "stored"),
    [((0.08, 1), (3 / 4, 4 / 3), (218, 178)), ((0.5, 1), (3 / 4, 4 / 3), (64, 64)), ((0.8, 1), (1.9, 2.1), (100, 40))],
)
def test_boxes_are_distributed_as_torchvision_s(scale, ratio, stored):
    ours = drawn_by(ResizedCrop(scale, ratio), stored)
    torch.manual_seed(0)
    image = torch.empty(1, *stored)
    theirs = np.array([T.RandomResizedCrop.get_params(image, list(scale), list(ratio)) for _ in range(3000)])
    for axis in range(4):
        assert alike(ours[:, axis], theirs[:, axis])
    assert alike(ours[:, 2] / ours[:, 3], theirs[:, 2] / theirs[:, 3])
    assert (ours[:, 0] + ours[:, 2] <= stored[0]).all()
    assert (ours[:, 1] + ours[:, 3] <= stored[1]).all()


@pytest.mark.parametrize(("ratio", "stored"), [((3.0, 4.0), (10, 20)), ((0.2, 0.3), (20, 10)), ((0.5, 2.0), (10, 10))])
def test_where_no_box_fits_it_is_torchvision_s_middle_one(ratio, stored):
    scale = (1.5, 2.0)
    expected = T.RandomResizedCrop.get_params(torch.empty(1, *stored), list(scale), list(ratio))
    assert (drawn_by(ResizedCrop(scale, ratio), stored, batches=(1, 3)) == expected).all()


def test_angles_are_uniform():
    assert kstest(drawn_by(Rotation(30)) / 60 + 0.5, "uniform").pvalue > 1e-3


def test_jitter_is_distributed_as_torchvision_s():
    ours = drawn_by(ColourJitter(0.2, 0.3, 1.5, 0.1))
    torch.manual_seed(0)
    theirs = T.ColorJitter(0.2, 0.3, 1.5, 0.1)
    params = [T.ColorJitter.get_params(theirs.brightness, theirs.contrast, theirs.saturation, theirs.hue) for _ in range(3000)]
    for kind in range(4):
        assert alike(ours[:, kind], [found[1 + kind] for found in params])
    orders = np.argsort(ours[:, 4:], axis=1) @ [64, 16, 4, 1]
    numbers, counts = np.unique(orders, return_counts=True)
    assert len(numbers) == 24
    assert np.abs(counts / len(orders) - 1 / 24).max() < 0.02


# together


ALL = (Crop(2), ResizedCrop(), Flip(), Flip(vertical=True), Rotation(180), ColourJitter(0.2, 0.2, 0.3, 0.1))


def test_all_of_them_in_a_row(stored):
    augment = Augment(ALL, (16, 16))
    drawn = augment.draw((HEIGHT, WIDTH), (2, B), rng())
    first, second = (augment(stored, torch.float32, tuple(values[step] for values in drawn)) for step in range(2))
    assert first.shape == (B, 3, 16, 16)
    assert (first != second).double().mean() > 0.5
    assert first.min() >= 0
    assert first.max() <= 1
    torch.testing.assert_close(first, augment(stored, torch.float32, tuple(values[0] for values in drawn)))


class CopiesFromTheHost(TorchDispatchMode):
    """Counts what goes from a CPU to another device."""

    count = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        devices = [{leaf.device.type for leaf in tree_leaves(some) if isinstance(leaf, torch.Tensor)} for some in (args, out)]
        self.count += "cpu" in devices[0] and "cuda" in devices[1]
        return out


@pytest.mark.parametrize("transforms", [*((transform,) for transform in ALL), ALL], ids=str)
def test_no_batch_waits_for_numbers_of_the_host(transforms):
    augment = Augment(transforms, (16, 16))
    drawn = [values[0] for values in augment.draw((HEIGHT, WIDTH), (1, B), rng())]
    with FakeTensorMode():  # a GPU's tensors without a GPU
        there = tuple(torch.empty(values.shape, dtype=values.dtype, device="cuda") for values in drawn)
        images = torch.empty((B, 3, HEIGHT, WIDTH), dtype=torch.uint8, device="cuda")
        with CopiesFromTheHost() as copies:
            for given in (there, None):
                assert augment(images, torch.float32, given).device.type == "cuda"
    assert copies.count == 0


def test_the_generator_alone_decides():
    draws = [Augment(ALL).draw((HEIGHT, WIDTH), (2, B), rng(seed)) for seed in (0, 0, 1)]
    for first, again, other in zip(*draws, strict=True):
        torch.testing.assert_close(first, again)
        assert (first != other).any()


@pytest.mark.parametrize(("transforms", "versions"), [((), 1), ((Flip(),), 2), ((Flip(), Crop(4)), None), (ALL, None)])
def test_the_versions_of_an_image(transforms, versions):
    assert Augment(transforms).versions == versions


def test_flips_alone_are_drawn_as_ever():
    (flips,) = Augment((Flip(),)).draw((8, 8), (3, 5), rng(7))
    np.testing.assert_array_equal(flips, rng(7).random((3, 5)) < 0.5)
