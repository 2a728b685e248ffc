"""Training methods: one file each, named as on the command line, composed with ``+``."""

from fairtune.methods._base import Context, Method, Progress, Protocol
from fairtune.methods._compose import Composite, components, compose

__all__ = ["Composite", "Context", "Method", "Progress", "Protocol", "components", "compose"]
