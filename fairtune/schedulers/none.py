"""No early stopping."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.schedulers._base import Scheduler, Standing, Verdict


class WholeTrainings(Scheduler):
    """Stops nothing: every trial is trained to its end, unless the time budget is spent."""

    def rungs(self, epochs: int) -> Sequence[int]:
        """None."""
        return ()

    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        """Go on."""
        return "go_on"
