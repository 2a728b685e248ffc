"""What it costs that images are hashed, and looked at, as they are decoded: processor time, as shares of decoding alone.

``python benchmarks/hashing.py`` draws photographs of a few sizes and decodes them with and without, in turns, in one thread. Each
share is the median of those of the turns, so that what else the machine does matters little.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from PIL import Image

from fairtune.datasets import ImageFiles, _images

KINDS = {"178 x 218 JPEG to 64": ((178, 218), "jpg", 64), "640 x 480 JPEG to 224": ((640, 480), "jpg", 224)}
KINDS |= {"1600 x 1200 JPEG to 256": ((1600, 1200), "jpg", 256), "256 x 256 PNG to 64": ((256, 256), "png", 64)}
IMAGES, TURNS = 24, 31


def photograph(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    grain = rng.normal(0, 6, (size[1], size[0], 3))
    return Image.fromarray((np.asarray(coarse) + grain).clip(0, 255).astype(np.uint8))


def seconds(images: ImageFiles) -> float:
    start = time.process_time()
    images.read(slice(0, IMAGES))
    return time.process_time() - start


def main() -> None:
    for kind, (size, suffix, stored) in KINDS.items():
        with tempfile.TemporaryDirectory() as folder:
            rng = np.random.default_rng(0)
            for n in range(IMAGES):
                photograph(rng, size).save(Path(folder) / f"{n}.{suffix}", quality=90)
            images = ImageFiles(Path(folder), [f"{n}.{suffix}" for n in range(IMAGES)], (stored, stored))
            no_hash = patch.object(_images, "digest_of_content", lambda content: b"\0" * 16)
            no_look = patch.object(_images, "_levels", lambda images: (0, 255, 0.0))
            one_thread = patch.object(_images, "_threads", lambda: 1)
            taken: dict[str, list[float]] = {"alone": [], "hashed": [], "hashed and looked at": []}
            for _ in range(TURNS):
                with one_thread, no_hash, no_look:
                    taken["alone"].append(seconds(images))
                with one_thread, no_look:
                    taken["hashed"].append(seconds(images))
                with one_thread:
                    taken["hashed and looked at"].append(seconds(images))
        alone = min(taken["alone"])
        added = {name: np.median(np.divide(some, taken["alone"])) - 1 for name, some in taken.items() if name != "alone"}
        shares = "  ".join(f"{name} {share:+.1%}" for name, share in added.items())
        print(f"{kind}: {1000 * alone / IMAGES:.2f} ms an image; {shares}")


if __name__ == "__main__":
    main()
