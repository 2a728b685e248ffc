"""Ten common corruptions of small images, each at five severities.

The families are those of D. Hendrycks and T. Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations", ICLR 2019. The formulas are our own: frost, for one, is grown from noise, where theirs overlays photographs.

Every corruption maps images ``(n, H, W, 3)``, float64 in [0, 1], and a severity from 1 to 5 to images of the same shape. What
is random is drawn from the generator given, anew for each image.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image
from scipy import ndimage

from fairtune.records import Bytes, Floats

Corruption = Callable[[Floats, int, np.random.Generator], Floats]

_CHUNK = 1000
_LUMA = np.array([0.299, 0.587, 0.114])


def corrupt(images: Bytes, corruption: str, severity: int, rng: np.random.Generator) -> Bytes:
    """Corrupt images.

    Args:
        images: ``(n, H, W, 3)`` uint8.
        corruption: one of :data:`CORRUPTIONS`.
        severity: 1 to 5.
        rng: what is random is drawn from it.

    Returns:
        New images of the same shape, uint8.
    """
    corrupted = np.empty_like(images)
    for start in range(0, len(images), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        changed = CORRUPTIONS[corruption](images[chunk] / 255, severity, rng)
        corrupted[chunk] = (changed.clip(0, 1) * 255).round()
    return corrupted


def snow(x: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """A whitened scene behind flakes that fall in slanted streaks."""
    threshold, length, veil = _at(severity, (0.985, 0.98, 0.97, 0.965, 0.955), (3, 3, 4, 4, 5), (0.15, 0.2, 0.25, 0.3, 0.35))
    flakes = (rng.random(x.shape[:3]) > threshold) * rng.uniform(0.6, 1, x.shape[:3])
    slants = rng.integers(-1, 2, len(x))
    streaks = np.zeros_like(flakes)
    for slant in (-1, 0, 1):
        chosen = slants == slant
        for step in range(int(length)):
            moved = np.roll(flakes[chosen], (step, slant * step), axis=(1, 2)) * (1 - step / length)
            streaks[chosen] = np.maximum(streaks[chosen], moved)
    whitened = np.maximum(x, (x @ _LUMA)[..., None] * 0.5 + 0.5)
    scene = (1 - veil) * x + veil * whitened
    snowy: Floats = scene + streaks[..., None] * (1 - scene)
    return snowy


def frost(x: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Bluish white crystals, the ridges of a cloud field, over a dimmed scene."""
    cover, dim = _at(severity, (0.3, 0.4, 0.48, 0.55, 0.62), (0.95, 0.9, 0.85, 0.8, 0.75))
    ridges = 1 - np.abs(2 * _clouds(x.shape[:3], 1.2, rng) - 1)
    crystals = cover * ridges**2 + 0.15 * cover * rng.random(x.shape[:3])
    ice = np.array([0.82, 0.9, 1.0])
    return dim * x * (1 - crystals[..., None]) + ice * crystals[..., None]


def fog(x: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """A cloud field added to the scene, which is then dimmed to its old maximum."""
    density, roughness = _at(severity, (0.2, 0.5, 0.75, 1.0, 1.5), (1.5, 1.5, 1.3, 1.1, 0.9))
    highest = x.max(axis=(1, 2, 3), keepdims=True)
    foggy: Floats = (x + density * _clouds(x.shape[:3], 1 + roughness, rng)[..., None]) * highest / (highest + density)
    return foggy


def brightness(x: Floats, severity: int, _rng: np.random.Generator) -> Floats:
    """The value (in hue, saturation, value) raised by a constant; hue and saturation stay."""
    (raised,) = _at(severity, (0.05, 0.1, 0.15, 0.2, 0.3))
    value = x.max(axis=-1, keepdims=True)
    brighter: Floats = np.where(value > 0, x / np.where(value > 0, value, 1), 1) * np.minimum(value + raised, 1)
    return brighter


def contrast(x: Floats, severity: int, _rng: np.random.Generator) -> Floats:
    """Each channel drawn towards its mean."""
    (kept,) = _at(severity, (0.75, 0.5, 0.4, 0.3, 0.15))
    mean: Floats = x.mean(axis=(1, 2), keepdims=True)
    return mean + kept * (x - mean)


def spatter(x: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Drops on the lens: clear water up to severity 3, mud above."""
    share, opacity = _at(severity, (0.12, 0.18, 0.25, 0.22, 0.32), (0.5, 0.6, 0.7, 0.85, 0.95))
    field = _smooth(rng.standard_normal(x.shape[:3]), 1.2)
    edge = np.quantile(field, 1 - share, axis=(1, 2), keepdims=True)
    depth = ((field - edge) / field.std(axis=(1, 2), keepdims=True)).clip(0, 0.5)[..., None] / 0.5
    liquid = np.array([0.69, 0.93, 0.93]) if severity <= 3 else np.array([0.25, 0.16, 0.08])
    spattered: Floats = x + opacity * depth * (liquid - x)
    return spattered


def elastic(x: Floats, severity: int, rng: np.random.Generator) -> Floats:
    """Pixels moved along a smooth random field."""
    shift, smoothness = _at(severity, (0.7, 1.0, 1.3, 1.6, 1.9), (4.0, 3.5, 3.0, 2.7, 2.5))
    n, height, width, _ = x.shape
    move = _smooth(rng.uniform(-1, 1, (2 * n, height, width)), smoothness)
    move *= shift / move.std(axis=(1, 2), keepdims=True) / np.sqrt(2)
    image, row, column = np.indices((n, height, width))
    where = np.stack([image, row + move[:n], column + move[n:]])
    return np.stack([ndimage.map_coordinates(x[..., c], where, order=1, mode="nearest") for c in range(3)], axis=-1)


def jpeg(x: Floats, severity: int, _rng: np.random.Generator) -> Floats:
    """Compressed as a JPEG file of low quality and read back."""
    (quality,) = _at(severity, (80, 65, 58, 50, 40))
    return np.stack([_through_jpeg(image, int(quality)) for image in _to_bytes(x)]) / 255


def pixelate(x: Floats, severity: int, _rng: np.random.Generator) -> Floats:
    """Averaged over a coarser grid and blown up again."""
    (scale,) = _at(severity, (0.9, 0.8, 0.7, 0.6, 0.5))
    size = (x.shape[2], x.shape[1])
    coarse = tuple(round(length * scale) for length in size)
    images = [Image.fromarray(image) for image in _to_bytes(x)]
    blown_up = [image.resize(coarse, Image.Resampling.BOX).resize(size, Image.Resampling.NEAREST) for image in images]
    return np.stack([np.asarray(image) for image in blown_up]) / 255


def saturate(x: Floats, severity: int, _rng: np.random.Generator) -> Floats:
    """The saturation (in hue, saturation, value) scaled down, up to severity 2, or up; grays stay gray."""
    scale, offset = _at(severity, (0.3, 0.1, 1.5, 2.0, 2.5), (0.0, 0.0, 0.0, 0.1, 0.2))
    value = x.max(axis=-1, keepdims=True)
    chroma = value - x.min(axis=-1, keepdims=True)
    saturation = np.where(value > 0, chroma / np.where(value > 0, value, 1), 0)
    wanted = (scale * saturation + offset).clip(0, 1)
    return np.where(chroma > 0, value - (value - x) * wanted / np.where(chroma > 0, saturation, 1), x)


CORRUPTIONS: dict[str, Corruption] = {
    "snow": snow,
    "frost": frost,
    "fog": fog,
    "brightness": brightness,
    "contrast": contrast,
    "spatter": spatter,
    "elastic": elastic,
    "jpeg": jpeg,
    "pixelate": pixelate,
    "saturate": saturate,
}
"""By name, in the order in which Corrupted CIFAR-10 pairs them with the classes."""


def _at(severity: int, *strengths: tuple[float, ...]) -> tuple[float, ...]:
    if severity not in range(1, 6):
        raise ValueError(f"severity {severity} is outside 1..5")
    return tuple(strength[severity - 1] for strength in strengths)


def _clouds(shape: tuple[int, ...], falloff: float, rng: np.random.Generator) -> Floats:
    """Random fields ``(n, H, W)`` from 0 to 1 whose amplitude falls with frequency as ``frequency ** -falloff``."""
    _, height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    frequency[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * frequency**-falloff, s=(height, width))
    lowest, highest = field.min(axis=(1, 2), keepdims=True), field.max(axis=(1, 2), keepdims=True)
    scaled: Floats = (field - lowest) / (highest - lowest)
    return scaled


def _smooth(field: Floats, sigma: float) -> Floats:
    smoothed: Floats = ndimage.gaussian_filter(field, (0, sigma, sigma), mode="reflect")
    return smoothed


def _to_bytes(x: Floats) -> Bytes:
    return (x.clip(0, 1) * 255).round().astype(np.uint8)


def _through_jpeg(image: Bytes, quality: int) -> Bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))
