"""The three shares into which the code of T. Hänel et al. cuts its images."""

from __future__ import annotations

import numpy as np

from fairtune.records import Ints


def cut_in_three(images: int) -> Ints:
    """0, 1 or 2 for each image: 70 % training, 20 % validation, and the rest test.

    "Enhancing Fairness of Visual Attribute Predictors", ACCV 2022: torch's permutation with seed 42 of the images in the order of
    their names, the shares rounded down.
    """
    import torch

    order = torch.randperm(images, generator=torch.Generator().manual_seed(42)).numpy()
    part = np.full(images, 2, dtype=np.int64)
    train, validation = images * 7 // 10, images * 2 // 10
    part[order[:train]] = 0
    part[order[train : train + validation]] = 1
    return part
