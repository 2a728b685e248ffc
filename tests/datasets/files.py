"""Small files in the original formats of the datasets."""

import hashlib
import pickle

import numpy as np

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
