"""The band around a front: where the true scores of all its nets lie at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from fairtune.metrics import SCORES, attained, label
from fairtune.report.chart import Area
from fairtune.report.surface import Pair, between, farthest
from fairtune.study.summary import Summary


def band_area(summary: Summary, pair: Pair) -> Iterator[Area]:
    """Between what the best corners of all rectangles attain and what the worst do: there the front of the true scores lies.

    Of few samples it is far larger than the front, which would be a spot in its middle if all of it were shown.
    """
    rectangles = [] if summary.band is None else summary.band.rectangles
    ends = np.array([[one.ends(name) for name in pair] for one in rectangles]).reshape(-1, 2, 2)
    ends = ends[np.isfinite(ends).all(axis=(1, 2))]
    if not len(ends):
        return
    scores = [SCORES[name] for name in pair]
    higher = np.array([score.better == "higher" for score in scores])
    best, worst = (np.where(side, ends[..., 1], ends[..., 0]) for side in (higher, ~higher))
    inner, outer = (attained([points], scores, 1.0) for points in (best, worst))
    area = between(inner, outer, pair, farthest(worst, pair), "method0", "true scores, 95 % at once")
    yield replace(area, background=True)


def band_ends(summary: Summary, number: int, pair: Pair) -> dict[str, float]:
    """The ends of a trial's rectangle, as columns of a table; none of a trial that has none."""
    rectangle = None if summary.band is None else summary.band.of(number)
    if rectangle is None:
        return {}
    ends = {name: rectangle.ends(name) for name in reversed(pair)}
    return {f"{name}_{side}": end for name, both in ends.items() for side, end in zip(("low", "high"), both, strict=True)}


def tell_rectangle(summary: Summary, number: int) -> str | None:
    """A trial's rectangle in words; None of a trial that has none."""
    rectangle = None if summary.band is None else summary.band.of(number)
    if rectangle is None:
        return None
    ends = {name: rectangle.ends(name) for name in rectangle.low}
    said = [f"{label(name)} {low:.3f} to {high:.3f}" for name, (low, high) in ends.items() if math.isfinite(low + high)]
    return f"true scores with 95 % for all of the front at once: {', '.join(said)}" if said else None


def explain_band(summary: Summary) -> str | None:
    """What the band holds, and what it says nothing of; None where there is none."""
    if summary.band is None:
        return None
    names = " and ".join(label(name) for name in summary.band.rectangles[0].low)
    return (
        f"The shaded band holds with {100 * summary.band.level:.0f} % confidence the true {names} of every net of the front at "
        "once. A front is picked by the samples that score it, so its points were lucky; the risk is shared among all "
        f"nets that were scored ({summary.band.nets:,}), so that the band holds whichever of them were picked. It is of these very "
        "nets on data as these: another seed, other data, and what proposing settings by these scores does to them are not in it"
    )
