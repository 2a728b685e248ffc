"""A way's thresholds for one net: what a search measures beside its choice, fitted to be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import nn

from fairtune.batches.split import DeviceSplit
from fairtune.errors import DataError, InvalidInput, unknown_name
from fairtune.metrics import Weighting, label, scores
from fairtune.records import GroupCounts
from fairtune.spec import Moved, SearchSpec, TrialResult
from fairtune.study.untrained import Point, pick
from fairtune.thresholds import WAYS, Adjustment, Offered, Way, decide, front
from fairtune.training.moving import outputs


@dataclass(frozen=True, eq=False)
class Fitted:
    """Thresholds fitted on the validation split, for one net.

    Attributes:
        point: the way, its weight of DEO_M, what it does to the net's outputs, and the counts of each quarter of the validation
            samples decided by what was fitted on the others.
        before: counts of the validation samples without.
        weighting: of validation accuracy.
        floor: that validation accuracy had to reach.
    """

    point: Offered
    before: GroupCounts
    weighting: Weighting
    floor: float

    @property
    def name(self) -> str:
        """Of the way."""
        return self.point.way

    @property
    def way(self) -> Way:
        """What it needs and does."""
        return WAYS[self.point.way]

    @property
    def adjustment(self) -> Adjustment:
        """What it does to the net's outputs."""
        return self.point.adjustment

    @property
    def val(self) -> tuple[dict[str, float], dict[str, float]]:
        """Scores on the validation split without and with them."""
        without, moved = (scores(counts, weighting=self.weighting) for counts in (self.before, self.point.val))
        return without, moved

    def tested(self, result: TrialResult) -> Moved | None:
        """What the search itself scored of these very thresholds on the test split; None where it did not move this net's.

        Args:
            result: of the net's training.
        """
        val = self.val[1]
        alike = (one for one in result.moved if (one.way, one.weight) == (self.point.way, self.point.weight))
        return next((one for one in alike if all(np.isclose(one.val[name], val[name], atol=1e-9) for name in val)), None)

    def no_fairer(self, result: TrialResult) -> str | None:
        """A sentence where DEO_M is no lower with them than without: on the test split if that is known, else on validation."""
        tested = self.tested(result)
        split, (before, after) = ("test", (result.test or {}, tested.test)) if tested is not None else ("validation", self.val)
        if after["deo_m"] < before["deo_m"]:
            return None
        values = f"{after['deo_m']:.4f}, and {before['deo_m']:.4f} without"
        return f"{self.name} made this net no fairer: on {split} it has {label('deo_m')} {values}"


def check_way(name: str) -> None:
    """Check that there is such a way.

    Raises:
        InvalidInput: there is none; the nearest.
    """
    if name not in WAYS:
        raise InvalidInput(f"--thresholds: {unknown_name('way to move thresholds', name, WAYS)}")


def check_same_answer(name: str) -> None:
    """Check that a way gives the same image the same answer each time, as a model that is handed over must.

    Raises:
        InvalidInput: it draws lots, or there is none of the name.
    """
    check_way(name)
    if WAYS[name].draws:
        others = " or ".join(f"{way} ({of.said})" for way, of in WAYS.items() if not of.draws)
        raise InvalidInput(
            f"--thresholds {name} draws lots, so that a model would answer the same image differently each time: it can be scored "
            f"(fairtune evaluate), and not handed over; take {others}"
        )


def fit(name: str, net: nn.Module, validation: DeviceSplit, weighting: Weighting, spec: SearchSpec, floor: float) -> Fitted:
    """Fit a way to a net, at the point of its front that the search's rule picks.

    Args:
        name: of the way.
        net: left in evaluation mode.
        validation: what it is fitted on.
        weighting: of validation accuracy.
        spec: the search.
        floor: the accuracy that it must reach.

    Raises:
        InvalidInput: there is no such way, or no point of it reaches the floor.
        DataError: a group has too few validation samples.
    """
    check_way(name)
    scored = outputs(net, validation)
    try:
        offered = front(name, scored, weighting=weighting, groups=spec.groups)
    except np.linalg.LinAlgError as error:
        raise DataError(f"{name} cannot be fitted on the validation split: {error}") from error
    points = [Point.at(one.weight, scores(one.val, weighting=weighting), floor) for one in offered]
    picked = pick(spec, points)
    if picked is None:
        best = max(point.val["accuracy"] for point in points)
        raise InvalidInput(
            f"--thresholds {name}: with the thresholds moved this net's validation accuracy is {best:.4f} at most, and the floor "
            f"on this split is {floor:.4f}: take another way, or the model as it is"
        )
    return Fitted(offered[picked], decide(scored.logits).counts(scored), weighting, floor)
