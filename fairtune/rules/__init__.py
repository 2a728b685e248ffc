"""Selection rules: one file each, named as for ``--select``."""

from fairtune._rooms import stands_for
from fairtune.rules._base import Rule, View, fairness_score, front

__all__ = ["Rule", "View", "fairness_score", "front"]

stands_for(__name__, "fairtune.api.listing:rules")
