"""Samples of two classes by how much they look like the second: what the area under the ROC curve is a function of."""

from __future__ import annotations

import numpy as np

from fairtune.records import Array, Floats, Ints

_MARGINS = 100


def margin_table(margins: Floats, y: Ints, a: Ints, num_groups: int, weight: Floats | None = None) -> Array:
    """Samples of each cell by their margin, in intervals that hold about one hundredth of all samples, or of their weight, each.

    Args:
        margins: logit of class 1 less that of class 0, or anything that grows with it ``(n,)``, finite.
        y: labels ``(n,)``, 0 or 1.
        a: groups ``(n,)``.
        num_groups: A.
        weight: of the samples ``(n,)``; None to count them.

    Returns:
        Table ``(A, 2, 100)``, from the lowest margins to the highest; equal margins share an interval.
    """
    shares = np.linspace(0, 1, _MARGINS + 1)[1:-1]
    edges = np.quantile(margins, shares, weights=weight, method="linear" if weight is None else "inverted_cdf")
    position = (a * 2 + y) * _MARGINS + np.searchsorted(edges, margins, side="right")
    return np.bincount(position, weight, minlength=num_groups * 2 * _MARGINS).reshape(num_groups, 2, _MARGINS)
