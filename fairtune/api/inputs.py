"""Raw images and vectors as users have them, checked and brought into batches."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from fairtune.batches.split import as_tensor
from fairtune.errors import InvalidInput
from fairtune.records import Array

_MODES = {1: "L", 3: "RGB"}
_CHANNELS = {1: "1 (gray)", 3: "3 (red, green, blue)"}


def as_batch(given: object, shape: tuple[int, ...]) -> Iterator[Tensor]:
    """What a user gives a model, as it would be stored: images of one size at a time.

    Args:
        given: an image, a vector, a list of them, or a batch.
        shape: of what the net sees, ``(C, H, W)`` or ``(F,)``.

    Yields:
        ``(N, H, W, C)`` uint8, or ``(N, F)`` float64, in the order given.

    Raises:
        InvalidInput: the model cannot take it; what it takes.
    """
    if isinstance(given, Tensor):
        given = given.detach().cpu().numpy()
    if len(shape) == 1:
        yield _vectors(given, shape[0])
    elif isinstance(given, list | tuple):
        if not given:
            raise InvalidInput("there is no image to predict: the list is empty")
        images = [_images(image, shape[0]) for image in given]
        alike = len({image.shape[1:] for image in images}) == 1
        yield from [torch.cat(images)] if alike else images
    else:
        yield _images(given, shape[0])


def _images(given: object, channels: int) -> Tensor:
    """One image, or a batch of one size."""
    if isinstance(given, Image.Image):
        given = given.convert(_MODES[channels]) if channels in _MODES else given
    try:
        images = np.asarray(given)
    except ValueError:
        images = np.empty(0)
    wanted = f"the model takes images of whole numbers from 0 to 255 (uint8), height x width x {_CHANNELS.get(channels, channels)}"
    if images.dtype != np.uint8:
        raise InvalidInput(f"{wanted}, and got values of type {images.dtype}{_scaled(images)}")
    shape = images.shape
    if images.ndim == 2 and channels == 1:
        images = images[:, :, None]
    if images.ndim == 3:
        images = images[None]
    if images.ndim != 4 or images.shape[3] != channels or 0 in images.shape:
        hint = ": put the channels last" if images.ndim == 4 and images.shape[1] == channels else ""
        raise InvalidInput(f"{wanted}, or a batch of them, and got an array of shape {shape}{hint}")
    return as_tensor(np.ascontiguousarray(images))


def _scaled(images: Array) -> str:
    """What to do about images that were scaled to [0, 1]."""
    inside = images.dtype.kind == "f" and images.size and images.min() >= 0 and images.max() <= 1
    return ": multiply by 255 and round" if inside else ""


def _vectors(given: object, features: int) -> Tensor:
    try:
        vectors = np.atleast_2d(np.asarray(given, dtype=np.float64))
    except (TypeError, ValueError):
        vectors = np.empty((0, 0))
    if vectors.ndim != 2 or vectors.shape[1] != features or not len(vectors):
        raise InvalidInput(f"the model takes vectors of {features} numbers, one row per sample, and got {_told(given)}")
    if not np.isfinite(vectors).all():
        raise InvalidInput("the model takes finite numbers, and some of those given are not")
    return as_tensor(vectors)


def _told(given: object) -> str:
    shape = getattr(given, "shape", None)
    return f"an array of shape {shape}" if shape is not None else f"a {type(given).__name__}"
