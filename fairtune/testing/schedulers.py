"""What every scheduler must do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import pytest

from fairtune.plugins import Pluggable
from fairtune.records import GroupCounts
from fairtune.schedulers import Scheduler, Standing
from fairtune.testing.plug_ins import PlugInContract

EPOCHS = 20


class SchedulerContract(PlugInContract):
    """What a scheduler must do.

    Attributes:
        plug_in: the class.
    """

    plug_in: ClassVar[type[Scheduler]]

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        """The scheduler of a search for accuracy and DEO_M."""
        return self.plug_in(("accuracy", "deo_m"))

    @pytest.fixture
    def plug_ins(self, scheduler: Scheduler) -> Sequence[type[Pluggable]]:
        """The class."""
        return [type(scheduler)]

    def test_rungs_rise_and_end_before_the_training(self, scheduler: Scheduler) -> None:
        for epochs in range(1, 301):
            rungs = list(scheduler.rungs(epochs))
            assert rungs == sorted(set(rungs))
            assert all(isinstance(rung, int) and 0 < rung < epochs for rung in rungs)

    def test_who_is_alone_at_a_rung_goes_on(self, scheduler: Scheduler) -> None:
        for rung, epoch in enumerate(scheduler.rungs(EPOCHS)):
            assert scheduler.verdict(standing(0, 0.1, 0.9, epoch=epoch, rung=rung, shortfall=0.5), []) == "go_on"

    @pytest.mark.parametrize("shortfall", [0.0, 0.01])
    def test_who_dominates_all_others_goes_on(self, scheduler: Scheduler, shortfall: float) -> None:
        others = [replace(other, shortfall=2 * shortfall) for other in CROWD]
        assert scheduler.verdict(standing(99, 0.99, 0.01, shortfall=shortfall), others) == "go_on"

    def test_it_takes_up_everybody_who_waits_in_some_order(self, scheduler: Scheduler) -> None:
        assert sorted(scheduler.ranked(CROWD)) == [other.number for other in CROWD]

    def test_a_verdict_depends_on_its_arguments_alone(self, scheduler: Scheduler) -> None:
        judged = [standing(99, accuracy / 10, deo_m / 10) for accuracy in range(11) for deo_m in range(11)]
        first = [scheduler.verdict(trial, CROWD) for trial in judged]
        assert set(first) <= {"go_on", "pause", "stop"}
        other = type(scheduler)(scheduler.objectives)
        assert [other.verdict(trial, CROWD) for trial in reversed(judged)] == first[::-1]

    def test_scores_that_are_not_defined_are_borne(self, scheduler: Scheduler) -> None:
        undefined = standing(99, math.nan, math.nan)
        assert scheduler.verdict(undefined, CROWD) in ("go_on", "pause", "stop")
        others = [replace(undefined, number=number) for number in range(6)]
        assert scheduler.verdict(CROWD[0], others) == "go_on"


def standing(
    number: int,
    accuracy: float,
    deo_m: float,
    *,
    epoch: int = 10,
    rung: int = 0,
    shortfall: float = 0.0,
    method: str = "mfd",
    counts: GroupCounts | None = None,
) -> Standing:
    """Where a trial of a search for accuracy and DEO_M stood."""
    return Standing(number, method, epoch, rung, {"accuracy": accuracy, "deo_m": deo_m}, shortfall, counts)


CROWD = [standing(number, 0.5 + number / 40, 0.5 - number / 40) for number in range(12)]
