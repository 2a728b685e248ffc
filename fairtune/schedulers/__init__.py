"""Schedulers, which stop trials early: one file each, named as for ``--scheduler``."""

from fairtune._rooms import stands_for
from fairtune.schedulers._base import Scheduler, Standing, Verdict
from fairtune.schedulers._ladder import Ladder

__all__ = ["Ladder", "Scheduler", "Standing", "Verdict"]

stands_for(__name__, "fairtune.api.listing:schedulers")
