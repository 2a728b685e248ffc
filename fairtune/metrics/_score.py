"""What is said of a score, once, beside the function that it is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from fairtune.metrics._interval import Interval, interval, interval_over_models
from fairtune.metrics._limits import Limits
from fairtune.metrics._redrawn import Redraw, of_redrawn, redraw_predictions
from fairtune.metrics._weighting import Weighting
from fairtune.records import Floats, GroupCounts

_SURE = 1e-3


@dataclass(frozen=True)
class Score:
    """A score of a net on a split. One that stands in a file of this folder is found there, and reported everywhere.

    Attributes:
        name: by which records and rules know it.
        label: its name for people.
        better: which way.
        summary: what it measures, in a line without a full stop.
        source: who measures it: a function of group counts, the training loop, the probe of the embedding, or a rule that ranks
            by it, when a trial has ended.
        compute: the function of group counts that it is; None if it is no function of them.
        limits: given group counts and a confidence, how far its true value may lie from that of the split; None to find out by
            drawing predictions anew, which is slower and holds less surely.
        weighted: whether ``compute`` and ``limits`` mix cells and take ``weighting``.
        low: its least value.
        high: its largest value; either may be infinite, not both.
        gap: whether it is 0 where all groups are treated alike, and grows from there.
        two_classes: whether it is defined for two classes only.
        shown: ``tables``: in every table of a report; ``recorded``: with every trial and, with its interval, wherever a choice is
            confirmed; in tables where a rule searches for it.
        redraw: draws the table anew that ``compute`` is a function of, for all replicates.
        estimate: name of the score that estimates it with less chance; see :func:`fairtune.metrics.ranked`.
        bound: name of the score that it is surely no worse than, where a rule asks for that; likewise.
        of_cells: where it follows from the accuracies of the cells alone, however these are weighed: its value ``(...)`` of many
            ``(..., A, K)`` at once, NaN for a cell without samples. For whoever draws many; None to compute them one by one.
    """

    name: str
    label: str
    better: Literal["higher", "lower"]
    summary: str
    source: Literal["counts", "loop", "probe", "rule"] = "counts"
    compute: Callable[..., float] | None = None
    limits: Callable[..., Limits] | None = None
    weighted: bool = False
    low: float = 0.0
    high: float = 1.0
    gap: bool = False
    two_classes: bool = False
    shown: Literal["tables", "recorded"] = "recorded"
    redraw: Redraw = redraw_predictions
    estimate: str | None = None
    bound: str | None = None
    of_cells: Callable[[Floats], Floats] | None = None

    def __post_init__(self) -> None:
        if self.source == "counts" and self.compute is None:
            raise ValueError(f"the score {self.name} of group counts needs the function that computes it")
        if not (math.isfinite(self.low) or math.isfinite(self.high)):
            raise ValueError(f"the score {self.name} has no end: fronts are measured from one")

    @property
    def direction(self) -> Literal["maximize", "minimize"]:
        """Which way a sampler goes."""
        return "maximize" if self.better == "higher" else "minimize"

    @property
    def interval(self) -> Literal["test", "redrawn", "Student"]:
        """How its interval is made: see :func:`interval` and :func:`interval_over_models`."""
        return "Student" if self.compute is None else "redrawn" if self.limits is None else "test"

    @property
    def range(self) -> str:
        """The values that it can have, in words."""
        if math.isinf(self.high):
            return f"at least {self.low:g}"
        return f"at most {self.high:g}" if math.isinf(self.low) else f"{self.low:g} to {self.high:g}"

    @property
    def ends(self) -> tuple[float, float]:
        """Its worst and its best value, between which fronts are measured; an end that there is not lies 1 from the other."""
        worst, best = (self.low, self.high) if self.better == "higher" else (self.high, self.low)
        if math.isinf(worst):
            return best + self.cost(1.0), best
        return worst, worst - self.cost(1.0) if math.isinf(best) else best

    def cost(self, value: float) -> float:
        """A value, its sign turned where higher is better: the least is the best."""
        return -value if self.better == "higher" else value

    def of(self, counts: GroupCounts, weighting: Weighting = "samples") -> float:
        """Its value on a split, from the group counts."""
        assert self.compute is not None
        return self.compute(counts, weighting=weighting) if self.weighted else self.compute(counts)

    def within(self, counts: GroupCounts, level: float = 0.95, weighting: Weighting = "samples") -> Limits:
        """How far its true value may lie from that of a split, and its estimate without most of the bias of a maximum."""
        assert self.compute is not None
        weighed = {"weighting": weighting} if self.weighted else {}
        if self.limits is None:
            found = of_redrawn(lambda table: self.of(table, weighting), counts, level, gap=self.gap, redraw=self.redraw)
        else:
            found = self.limits(counts, level, **weighed)
        return Limits(*(min(max(part, self.low), self.high) for part in found))

    def quantile(self, counts: GroupCounts, probability: float, weighting: Weighting = "samples") -> float:
        """What its true value is below with this probability, as far as a split tells: between 0 and 1, one end of its limits."""
        if probability <= 0.5:
            return self.within(counts, 1 - 2 * probability, weighting).low
        return self.within(counts, 2 * probability - 1, weighting).high

    def chance_of(self, counts: GroupCounts, value: float, weighting: Weighting = "samples") -> float:
        """How likely its true value is at least this one, as far as a split tells: where its quantiles pass it, to 0.001."""
        least, most = 0.0, 1.0
        while most - least > _SURE:
            middle = (least + most) / 2
            least, most = (middle, most) if self.quantile(counts, middle, weighting) < value else (least, middle)
        return 1 - (least + most) / 2

    def weighting_of(self, counts: GroupCounts, value: float) -> Weighting:
        """How it weighed the cells of a split where it came to this value.

        Where it comes to it both ways, as for a net that is always right, ``cells``, which claims less; but ``samples`` where all
        cells have equally many, so that both are of the same quantity.
        """
        found = [way for way in get_args(Weighting) if math.isclose(self.of(counts, way), value, abs_tol=1e-9)]
        if len(found) < 2:
            return "samples" if found == ["samples"] else "cells"
        sizes = counts.cells[counts.cells > 0]
        return "samples" if (sizes == sizes.max()).all() else "cells"

    def over(self, models: Sequence[GroupCounts], values: Sequence[float], *, weighting: Weighting | None = None) -> Interval:
        """Its mean and interval over retrained models.

        Args:
            models: the group counts of each.
            values: the score of each.
            weighting: how the values weigh cells: ``samples`` on any test split; None to tell it from each value.
        """
        bounds = (self.low, self.high)
        if self.compute is None:
            return interval_over_models(values, bounds=bounds)
        weighed = [(counts, weighting or self.weighting_of(counts, value)) for counts, value in zip(models, values, strict=True)]
        scores = [self.of(counts, way) for counts, way in weighed]
        limits = [self.within(counts, weighting=way) for counts, way in weighed]
        return interval(scores, limits, values, bounds=bounds)
