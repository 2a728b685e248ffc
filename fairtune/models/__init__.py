"""Nets: one file each, named as on the command line."""

from fairtune._rooms import stands_for
from fairtune.models._base import NO_WEIGHTS, Net

__all__ = ["NO_WEIGHTS", "Net"]

stands_for(__name__, "fairtune.api.listing:models")
