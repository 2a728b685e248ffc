"""Nets: one file each, named as on the command line."""

from fairtune.models._base import NO_WEIGHTS, Net

__all__ = ["NO_WEIGHTS", "Net"]
