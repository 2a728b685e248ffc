"""Nets: one file each, named as on the command line."""

from fairtune.models._base import Net

__all__ = ["Net"]
