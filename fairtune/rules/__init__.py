"""Selection rules: one file each, named as for ``--select``."""

from fairtune._rooms import stands_for
from fairtune.rules._base import Rule, View, check_classes, corner, covered, ends, front, objectives_of

__all__ = ["Rule", "View", "check_classes", "corner", "covered", "ends", "front", "objectives_of"]

stands_for(__name__, "fairtune.api.listing:rules")
