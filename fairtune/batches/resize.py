"""Pillow's bilinear resize as a function of whole batches, the same to the last bit, that can be exported with a net.

Torch's own antialiased filter differs from Pillow's by a gray level where it rounds otherwise, and what a net was trained and
scored on has been resized by Pillow.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import Tensor

Size = tuple[int, int]
_BITS = 22
"""Of the fractions in which Pillow keeps the weights of pixels."""
_PROBED, _INTO = (24, 8), (8, 12)


def resized(images: Tensor, size: Size, *, crop: bool, by_cost: bool) -> Tensor:
    """Images brought to one size, as :class:`fairtune.datasets.ImageFiles` does it.

    Args:
        images: ``(N, H, W, C)`` uint8, of any height and width.
        size: height and width wanted.
        crop: whether the largest window of these proportions is cut from the middle first; else proportions change.
        by_cost: as :func:`pillow_weighs_costs` says, which cannot be found out while torch traces.

    Returns:
        ``(N, C, *size)`` uint8.
    """
    levels = images.permute(0, 3, 1, 2).double()
    given = [torch.full((), side, dtype=torch.float64, device=images.device) for side in levels.shape[2:]]
    (top, height), (left, width) = _window(given, size) if crop else ((torch.zeros_like(side), side) for side in given)
    down = _weights(top, height, levels.shape[2], size[0])
    across = _weights(left, width, levels.shape[3], size[1])
    columns_first = _pass(down, _pass(across, levels.mT).mT)
    if not by_cost:
        return columns_first.to(torch.uint8)
    rows_first = _pass(across, _pass(down, levels).mT).mT
    cheaper = (height > size[0]) & (height - size[0] > 2 * (width - size[1]))
    return torch.where(cheaper, rows_first, columns_first).to(torch.uint8)


def _window(given: list[Tensor], size: Size) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Start and length, down and across, of the largest middle window of the proportions of ``size``."""
    scale = torch.minimum(given[0] / size[0], given[1] / size[1])
    lengths = [(scale * side).round() for side in size]
    first, second = (((side - length) / 2).round() for side, length in zip(given, lengths, strict=True))
    return (first, lengths[0]), (second, lengths[1])


def _weights(start: Tensor, length: Tensor, stored: int, wanted: int) -> Tensor:
    """Weights ``(wanted, stored)`` of the pixels of one axis in each wanted one, in whole numbers of 2 ** -22."""
    scale = length / wanted
    reach = scale.clamp(min=1)
    pixel = torch.arange(stored, dtype=torch.float64, device=length.device) - start
    centre = (torch.arange(wanted, dtype=torch.float64, device=length.device)[:, None] + 0.5) * scale
    first = (centre - reach + 0.5).floor().clamp(min=0)
    end = torch.minimum((centre + reach + 0.5).floor(), length)
    weight = (1 - ((pixel - centre + 0.5) / reach).abs()).clamp(min=0) * ((pixel >= first) & (pixel < end))
    whole: Tensor = (weight / weight.sum(dim=1, keepdim=True) * 2**_BITS + 0.5).floor()
    return whole


def _pass(weights: Tensor, levels: Tensor) -> Tensor:
    """One axis resized, ``(o, i)`` by ``(..., i, k)``; sums of whole numbers below 2 ** 53 are exact in whatever order."""
    resized: Tensor = ((weights @ levels + 2 ** (_BITS - 1)) / 2**_BITS).floor().clamp(0, 255)
    return resized


@cache
def pillow_weighs_costs() -> bool:
    """Whether this version of Pillow resizes rows before columns where that is cheaper; others always begin with columns."""
    picture = np.random.default_rng(0).integers(0, 256, _PROBED, dtype=np.uint8)
    found = np.asarray(Image.fromarray(picture).resize(_INTO[::-1], Image.Resampling.BILINEAR))
    levels = torch.from_numpy(picture).double()
    start = torch.zeros((), dtype=torch.float64)
    down, across = (_weights(start, start + side, side, wanted) for side, wanted in zip(_PROBED, _INTO, strict=True))
    return bool((_pass(across, _pass(down, levels).mT).mT.numpy() == found).all())
