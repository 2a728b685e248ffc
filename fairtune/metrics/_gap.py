"""Gaps between groups, and one policy for rates that have too few samples behind them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from fairtune.errors import DataError
from fairtune.names import Names
from fairtune.records import Floats, Ints

Empty = Literal["ignore", "nan", "error"]


def check_samples(samples: Ints, minimum: int = 1) -> None:
    """Name every group or cell that has too few samples.

    Args:
        samples: per group ``(A,)``, or per cell ``(A, K)``.
        minimum: what is enough, at least 1 (see :func:`_too_few`).

    Raises:
        DataError: there is one.
    """
    if len(few := np.argwhere(_too_few(samples, minimum))) == 0:
        return
    names = Names()
    named = "; ".join(names.group(at[0]) if samples.ndim == 1 else names.cell(at[1], at[0]) for at in few)
    lacking = "no" if minimum == 1 else f"fewer than {minimum}"
    raise DataError(f"{lacking} samples of {named}: the gap between groups is undefined there")


def spread(rates: Floats, samples: Ints, *, empty: Empty, minimum: int) -> Floats:
    """Largest minus smallest rate over groups.

    Args:
        rates: ``(A, ...)``.
        samples: how many are behind each rate, of the shape of the leading axes of ``rates``: ``(A,)`` or ``(A, K)``.
        empty: what becomes of a rate with fewer than ``minimum`` samples. ``ignore`` compares the groups that have enough: where
            one group alone has, the gap is 0, where none has, NaN; and where there is nothing to compare anywhere, all are NaN.
            ``nan`` makes each gap that it enters NaN; ``error`` raises.
        minimum: samples that make a rate count, at least 1.

    Returns:
        The shape of ``rates`` without its first axis.

    Raises:
        DataError: a rate has too few samples and ``empty`` is ``error``.
    """
    minimum = max(minimum, 1)
    if empty == "error":
        check_samples(samples, minimum)
    trailing = (1,) * (rates.ndim - samples.ndim)
    missing = np.broadcast_to(_too_few(samples, minimum).reshape(samples.shape + trailing), rates.shape)
    known = np.where(missing, np.nan, rates)
    gap: Floats = np.fmax.reduce(known, axis=0) - np.fmin.reduce(known, axis=0)
    if empty == "nan":
        return np.where(missing.any(axis=0), np.nan, gap)
    comparable = (~missing).sum(axis=0) >= 2
    return gap if comparable.any() else np.full_like(gap, np.nan)


def _too_few(samples: Ints, minimum: int) -> npt.NDArray[np.bool_]:
    """Which are fewer than the minimum; with a minimum of 1 those without any, since samples with weights may count less than 1."""
    few: npt.NDArray[np.bool_] = samples <= minimum - 1
    return few


def reduce_gaps(reduce: Callable[[Floats], float], gaps: Floats, empty: Empty) -> float:
    """One number from all gaps: those that are not defined are left out, unless ``empty`` is ``nan``; NaN when none is left."""
    kept = gaps if empty == "nan" else gaps[~np.isnan(gaps)]
    return float(reduce(kept)) if kept.size else float("nan")
