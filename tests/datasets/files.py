"""Small files in the original formats of the datasets."""

import hashlib
import pickle

import numpy as np
import pandas as pd
from PIL import Image

from fairtune.datasets import cifar10s

PER_CLASS = 40


def write_cifar10(root, seed=0):
    """Six batch files with few random images; returns their checksums as (train, test)."""
    folder = root / cifar10s.FOLDER
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    checksums = []
    for known in (cifar10s.TRAIN_MD5, cifar10s.TEST_MD5):
        written = {}
        for name in known:
            labels = rng.permutation(np.repeat(np.arange(10), PER_CLASS))
            pixels = rng.integers(0, 256, (len(labels), 3 * 32 * 32), dtype=np.uint8)
            content = pickle.dumps({"batch_label": name, "labels": labels.tolist(), "data": pixels, "filenames": []})
            (folder / name).write_bytes(content)
            written[name] = hashlib.md5(content, usedforsecurity=False).hexdigest()
        checksums.append(written)
    return checksums


def use_checksums(patch, checksums):
    for name, written in zip(("TRAIN_MD5", "TEST_MD5"), checksums, strict=True):
        patch.setattr(cifar10s, name, written)


def animals(number):
    """Rows of a manifest: animals by day and by night, each cell a quarter."""
    numbers = np.arange(number)
    return pd.DataFrame(
        {
            "path": [f"images/{number}.png" for number in numbers],
            "target": np.where(numbers % 2, "dog", "cat"),
            "group": np.where(numbers // 2 % 2, "night", "day"),
        }
    )


def write_animals(root, number=200):
    """A manifest and its pictures, in different sizes, each of one gray: its number."""
    (root / "images").mkdir()
    for n in range(number):
        Image.new("RGB", (10 + n % 7, 20 - n % 5), (n,) * 3).save(root / "images" / f"{n}.png")
    animals(number).to_csv(root / "manifest.csv", index=False)
