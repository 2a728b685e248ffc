"""Schedulers, which stop trials early: one file each, named as for ``--scheduler``."""

from fairtune.schedulers._base import Scheduler, Standing, Verdict
from fairtune.schedulers._ladder import Ladder

__all__ = ["Ladder", "Scheduler", "Standing", "Verdict"]
