"""Training methods: one file each, named as on the command line, composed with ``+``."""

from fairtune._rooms import stands_for
from fairtune.methods._base import Context, Loop, Method, Objective, Progress, Protocol
from fairtune.methods._compose import FIT, TASK, Composite, PartState, components, compose
from fairtune.methods._joining import overrides
from fairtune.methods._optimizer import make_optimizer

__all__ = [
    "FIT",
    "TASK",
    "Composite",
    "Context",
    "Loop",
    "Method",
    "Objective",
    "PartState",
    "Progress",
    "Protocol",
    "components",
    "compose",
    "make_optimizer",
    "overrides",
]

stands_for(__name__, "fairtune.api.listing:methods")
