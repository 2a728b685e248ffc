"""Search spaces: the legal domain of a hyperparameter, the part of it that is searched, and points to try first.

A plug-in declares each hyperparameter as a dataclass field made by :func:`hyperparameter`, with its legal domain beside it.
``search_spaces/NAME.yaml``, ``--space FILE`` and ``--set KEY=VALUE`` then narrow, fix or widen what is searched, always within
what is legal.
"""

from fairtune.space.declared import Hyperparameter, hyperparameter
from fairtune.space.domains import Domain, Integer, Legal, Options, OptionsOrFile, Real, Text, Value
from fairtune.space.reading import parse_domain
from fairtune.space.searched import Space

__all__ = [
    "Domain",
    "Hyperparameter",
    "Integer",
    "Legal",
    "Options",
    "OptionsOrFile",
    "Real",
    "Space",
    "Text",
    "Value",
    "hyperparameter",
    "parse_domain",
]
