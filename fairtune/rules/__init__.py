"""Selection rules: one file each, named as for ``--select``."""

from fairtune.rules._base import Rule, View, fairness_score, front

__all__ = ["Rule", "View", "fairness_score", "front"]
