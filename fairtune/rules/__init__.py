"""Selection rules: one file each, named as for ``--select``."""

from fairtune.rules._base import Rule, View, check_classes, covered, ends, front, objectives_of

__all__ = ["Rule", "View", "check_classes", "covered", "ends", "front", "objectives_of"]
