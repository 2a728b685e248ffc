"""Nets: one file each, named as on the command line."""

from fairtune._rooms import stands_for
from fairtune.models._base import NO_WEIGHTS, Net
from fairtune.models._ways import ways_of_a_gpu

__all__ = ["NO_WEIGHTS", "Net", "ways_of_a_gpu"]

stands_for(__name__, "fairtune.api.listing:models")
