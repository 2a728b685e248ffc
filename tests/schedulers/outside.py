"""Schedulers as somebody else would write them."""

from typing import ClassVar

from fairtune.schedulers import Scheduler


class StopsTheFirst(Scheduler):
    """Stops the first who comes to the second epoch, and shows who was where."""

    seen: ClassVar[list[object]] = []

    def rungs(self, epochs):
        return [2, 3]

    def verdict(self, trial, others):
        self.seen.append((trial.number, trial.epoch, [other.number for other in others]))
        return "stop" if trial.epoch == 2 and not others else "go_on"


class NoLadder(Scheduler):
    """Has a rung where a training ends."""

    def rungs(self, epochs):
        return [epochs]

    def verdict(self, trial, others):
        return "go_on"


class WaitsForOthers(Scheduler):
    """Lets some trials wait at epochs 1 and 2 until so many others have come there."""

    needs: ClassVar[dict[int, int]] = {1: 2, 2: 9}

    def rungs(self, epochs):
        return [1, 2]

    def verdict(self, trial, others):
        return "go_on" if len(others) >= self.needs.get(trial.number, 0) else "pause"


class HasMovedItsRungs(WaitsForOthers):
    """As it might be after somebody has changed it while a search was interrupted."""

    def rungs(self, epochs):
        return [2]
