"""What every scheduler must do."""

from __future__ import annotations

import math
from typing import ClassVar

import pytest

from fairtune.schedulers import Scheduler, Standing

EPOCHS = 20


class SchedulerContract:
    """What a scheduler must do.

    Attributes:
        plug_in: the class.
    """

    plug_in: ClassVar[type[Scheduler]]

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        """The scheduler of a search for accuracy and DEO_M."""
        return self.plug_in(("accuracy", "deo_m"))

    def test_rungs_rise_and_end_before_the_training(self, scheduler: Scheduler) -> None:
        for epochs in range(1, 301):
            rungs = list(scheduler.rungs(epochs))
            assert rungs == sorted(set(rungs))
            assert all(isinstance(rung, int) and 0 < rung < epochs for rung in rungs)

    def test_who_is_alone_at_a_rung_goes_on(self, scheduler: Scheduler) -> None:
        for epoch in scheduler.rungs(EPOCHS):
            assert scheduler.verdict(standing(0, 0.1, 0.9, epoch=epoch, feasible=False), []) == "go_on"

    @pytest.mark.parametrize("feasible", [True, False])
    def test_who_dominates_all_others_goes_on(self, scheduler: Scheduler, feasible: bool) -> None:
        others = [other._replace(feasible=feasible) for other in CROWD]
        assert scheduler.verdict(standing(99, 0.99, 0.01, feasible=feasible), others) == "go_on"

    def test_a_verdict_depends_on_its_arguments_alone(self, scheduler: Scheduler) -> None:
        judged = [standing(99, accuracy / 10, deo_m / 10) for accuracy in range(11) for deo_m in range(11)]
        first = [scheduler.verdict(trial, CROWD) for trial in judged]
        assert set(first) <= {"go_on", "stop"}
        other = type(scheduler)(scheduler.objectives)
        assert [other.verdict(trial, CROWD) for trial in reversed(judged)] == first[::-1]

    def test_scores_that_are_not_defined_are_borne(self, scheduler: Scheduler) -> None:
        undefined = standing(99, math.nan, math.nan)
        assert scheduler.verdict(undefined, CROWD) in ("go_on", "stop")
        others = [undefined._replace(number=number) for number in range(6)]
        assert scheduler.verdict(CROWD[0], others) == "go_on"


def standing(
    number: int, accuracy: float, deo_m: float, *, epoch: int = 10, feasible: bool = True, method: str = "mfd"
) -> Standing:
    """Where a trial of a search for accuracy and DEO_M stood."""
    return Standing(number, method, epoch, {"accuracy": accuracy, "deo_m": deo_m}, feasible)


CROWD = [standing(number, 0.5 + number / 40, 0.5 - number / 40) for number in range(12)]
