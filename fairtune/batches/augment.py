"""Transforms of whole batches on their device, equal in distribution to torchvision's transforms of single images.

What is random is drawn for an epoch at a time from a generator of the caller's; what is done to the images depends on nothing
else. Pixels differ from torchvision's only as its tensors differ from its Pillow images: nothing is rounded to whole gray levels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.batches.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation, Transform
from fairtune.records import Array

Size = tuple[int, int]
Drawn = tuple[Tensor, ...]
"""What each transform drew, in their order; the first axis is the sample."""
_LUMA = (0.2989, 0.587, 0.114)
_ATTEMPTS = 10


class Augment:
    """What is done to stored images before a net sees them.

    Args:
        transforms: drawn anew for every training batch, in this order.
        size: height and width that a net sees; None leaves images as large as they are stored. What no transform brings to it is
            resized to it with an antialiased bilinear filter.
    """

    def __init__(self, transforms: tuple[Transform, ...] = (), size: Size | None = None) -> None:
        self.transforms = transforms
        self.size = size

    @property
    def versions(self) -> int | None:
        """In how many versions an image can come: 1 as it is, 2 with flips alone, None for more than can be kept."""
        match self.transforms:
            case ():
                return 1
            case (Flip(),):
                return 2
            case _:
                return None

    def draw(self, stored: Size, batches: tuple[int, int], rng: np.random.Generator) -> Drawn:
        """Draw what is random in an epoch.

        Args:
            stored: height and width of the images before any transform.
            batches: their number and size.
            rng: draws.

        Returns:
            One tensor ``(steps, B, ...)`` for each transform.
        """
        drawn = []
        size, target = stored, self.size or stored
        for transform in self.transforms:
            drawn.append(torch.from_numpy(_draw(transform, size, target, batches, rng)))
            if isinstance(transform, Crop | ResizedCrop):
                size = target
        return tuple(drawn)

    def __call__(self, x: Tensor, dtype: torch.dtype, drawn: Drawn | None = None) -> Tensor:
        """Images as a net sees them.

        Args:
            x: stored images ``(B, C, H, W)``, uint8.
            dtype: floating point type wanted.
            drawn: what the transforms drew for this batch; None for evaluation, where none is applied.

        Returns:
            ``(B, C, *size)`` in channels-last memory, scaled to [0, 1].
        """
        target = self.size or (x.shape[2], x.shape[3])
        for transform, values in zip(self.transforms, drawn, strict=True) if drawn is not None else ():
            x = _apply(transform, x if isinstance(transform, Flip | Crop) else _scaled(x, dtype), values, target)
        x = _scaled(x, dtype)
        if x.shape[2:] != target:
            x = F.interpolate(x, target, mode="bilinear", antialias=True)
        return x.contiguous(memory_format=torch.channels_last)


def _scaled(x: Tensor, dtype: torch.dtype) -> Tensor:
    return x if x.is_floating_point() else torch.div(x, torch.full((), 255, dtype=dtype, device=x.device))


def _draw(transform: Transform, stored: Size, target: Size, batches: tuple[int, int], rng: np.random.Generator) -> Array:
    match transform:
        case Flip():
            return rng.random(batches) < 0.5
        case Crop(padding):
            room = [s + 2 * padding - t + 1 for s, t in zip(stored, target, strict=True)]
            return rng.integers(0, room, (*batches, 2))
        case ResizedCrop():
            return _draw_boxes(transform, stored, batches, rng)
        case Rotation(degrees):
            return rng.uniform(-degrees, degrees, batches)
        case ColourJitter():
            return _draw_jitter(transform, batches, rng)


def _draw_boxes(transform: ResizedCrop, stored: Size, batches: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Top, left, height and width: the first of ten draws that lies in the image, else the largest middle one that is allowed."""
    height, width = stored
    area = height * width * rng.uniform(*transform.scale, (*batches, _ATTEMPTS))
    narrowest, widest = np.log(transform.ratio)
    ratio = np.exp(rng.uniform(narrowest, widest, (*batches, _ATTEMPTS)))
    w, h = np.round(np.sqrt(area * ratio)).astype(np.int64), np.round(np.sqrt(area / ratio)).astype(np.int64)
    fits = (w > 0) & (w <= width) & (h > 0) & (h <= height)
    first = fits.argmax(axis=-1)[..., None]
    found = fits.any(axis=-1)
    nearest = np.clip(width / height, *transform.ratio)
    middle = min(height, round(width / nearest)), min(width, round(height * nearest))
    h, w = (np.where(found, np.take_along_axis(s, first, -1)[..., 0], m) for s, m in zip((h, w), middle, strict=True))
    top = np.where(found, rng.integers(0, height - h + 1), (height - h) // 2)
    left = np.where(found, rng.integers(0, width - w + 1), (width - w) // 2)
    return np.stack([top, left, h, w], axis=-1)


def _draw_jitter(transform: ColourJitter, batches: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Three factors, the hue's shift, and the place of each of the four in the order."""
    factors = (transform.brightness, transform.contrast, transform.saturation)
    values = [rng.uniform(max(0.0, 1 - factor), 1 + factor, batches) for factor in factors]
    values.append(rng.uniform(-transform.hue, transform.hue, batches))
    places = rng.permuted(np.broadcast_to(np.arange(4.0), (*batches, 4)), axis=-1)
    return np.concatenate([np.stack(values, axis=-1), places], axis=-1)


def _apply(transform: Transform, x: Tensor, drawn: Tensor, target: Size) -> Tensor:
    match transform:
        case Flip(vertical):
            return torch.where(drawn[:, None, None, None], x.flip(2 if vertical else 3), x)
        case Crop(padding):
            return crop(F.pad(x, [padding] * 4), drawn, target)
        case ResizedCrop():
            return resized_crop(x, drawn, target)
        case Rotation():
            return rotate(x, drawn)
        case ColourJitter():
            return jitter(x, drawn, transform)


def crop(x: Tensor, corner: Tensor, size: Size) -> Tensor:
    """A window of each image.

    Args:
        x: ``(B, C, H, W)``.
        corner: its top and left, ``(B, 2)``, int64.
        size: its height and width.
    """
    rows = corner[:, 0, None] + torch.arange(size[0], device=x.device)
    columns = corner[:, 1, None] + torch.arange(size[1], device=x.device)
    sample = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[sample, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def resized_crop(x: Tensor, box: Tensor, size: Size) -> Tensor:
    """A window of each image, resized with an antialiased bilinear filter.

    Both axes are resized by a matrix of weights of each image's own, so that boxes of any size are done at once.

    Args:
        x: ``(B, C, H, W)``, floating point.
        box: top, left, height and width ``(B, 4)``, int64.
        size: height and width wanted.
    """
    down = _resizing(box[:, 0], box[:, 2], x.shape[2], size[0]).to(x.dtype)
    across = _resizing(box[:, 1], box[:, 3], x.shape[3], size[1]).to(x.dtype)
    return down[:, None] @ x @ across.mT[:, None]


def _resizing(start: Tensor, length: Tensor, stored: int, wanted: int) -> Tensor:
    """Weights ``(B, wanted, stored)`` of the stored pixels of one axis in each wanted one."""
    scale = (length.double() / wanted)[:, None, None]
    pixel = torch.arange(stored, device=start.device) + 0.5
    first, last = start[:, None, None], (start + length)[:, None, None]
    centre = first + (torch.arange(wanted, device=start.device)[:, None] + 0.5) * scale
    weight = (1 - (pixel - centre).abs() / scale.clamp(min=1)).clamp(min=0) * ((pixel > first) & (pixel < last))
    return weight / weight.sum(dim=2, keepdim=True)


def rotate(x: Tensor, degrees: Tensor) -> Tensor:
    """Images turned counter-clockwise about their middle, each pixel the nearest one's, black where there is none.

    Args:
        x: ``(B, C, H, W)``, floating point.
        degrees: ``(B,)``.
    """
    height, width = x.shape[2:]
    angle = torch.deg2rad(degrees)[:, None, None]
    row = torch.arange(height, device=x.device, dtype=angle.dtype)[:, None] - (height - 1) / 2
    column = torch.arange(width, device=x.device, dtype=angle.dtype) - (width - 1) / 2
    from_column = angle.cos() * column - angle.sin() * row
    from_row = angle.sin() * column + angle.cos() * row
    grid = torch.stack([from_column / (width / 2), from_row / (height / 2)], dim=-1)
    return F.grid_sample(x, grid.to(x.dtype), mode="nearest", padding_mode="zeros", align_corners=False)


def jitter(x: Tensor, drawn: Tensor, transform: ColourJitter) -> Tensor:
    """Images in other colours.

    Args:
        x: RGB images ``(B, 3, H, W)`` in [0, 1].
        drawn: factors of brightness, contrast and saturation, the hue's shift, and the place of each in the order: ``(B, 8)``.
        transform: says which of them are in use.
    """
    drawn = drawn.to(x.dtype)[:, :, None, None, None]
    ranges = (transform.brightness, transform.contrast, transform.saturation, transform.hue)
    change = (brightness, contrast, saturation, hue)
    for place in range(4):
        for kind in (number for number in range(4) if ranges[number] > 0):
            x = torch.where(drawn[:, 4 + kind] == place, change[kind](x, drawn[:, kind]), x)
    return x


def brightness(x: Tensor, factor: Tensor) -> Tensor:
    """0 is black, 1 leaves the image."""
    return (x * factor).clamp(0, 1)


def contrast(x: Tensor, factor: Tensor) -> Tensor:
    """0 is one gray, 1 leaves the image."""
    return torch.lerp(_gray(x).mean(dim=(2, 3), keepdim=True).expand_as(x), x, factor.expand_as(x)).clamp(0, 1)


def saturation(x: Tensor, factor: Tensor) -> Tensor:
    """0 is without colour, 1 leaves the image."""
    return torch.lerp(_gray(x).expand_as(x), x, factor.expand_as(x)).clamp(0, 1)


def hue(x: Tensor, shift: Tensor) -> Tensor:
    """Colours moved along their circle; 0 and 1 leave the image."""
    value, strongest = x.max(dim=1, keepdim=True)
    chroma = value - x.min(dim=1, keepdim=True).values
    red, green, blue = x.chunk(3, dim=1)
    sides = torch.cat([green - blue, blue - red, red - green], dim=1) / torch.where(chroma == 0, 1, chroma)
    sixth = sides.gather(1, strongest) + 2 * strongest + 6 * shift
    corner = 5 - 2 * torch.arange(3, device=x.device, dtype=x.dtype)[:, None, None]
    k = (corner + sixth) % 6
    return value - chroma * torch.minimum(k, 4 - k).clamp(0, 1)


def _gray(x: Tensor) -> Tensor:
    red, green, blue = (weight * channel for weight, channel in zip(_LUMA, x.chunk(3, dim=1), strict=True))
    return red + green + blue
