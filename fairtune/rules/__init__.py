"""Selection rules: one file each, named as for ``--select``."""

from fairtune.rules._base import Rule, View, front

__all__ = ["Rule", "View", "front"]
