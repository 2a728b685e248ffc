"""Hyperparameters as a plug-in declares them, beside its code."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from fairtune.space.domains import Domain, Frozen, Legal, Value

T = TypeVar("T", bound=Value)


def hyperparameter(
    default: T,
    legal: Legal,
    *,
    search: Domain | None = None,
    help: str = "",  # noqa: A002
) -> T:
    """Declare a hyperparameter as a dataclass field.

    Args:
        default: the value used when nothing else is said; it must be legal.
        legal: every value that makes sense at all.
        search: the part that is searched by default; None keeps the hyperparameter at ``default``.
        help: one phrase for ``fairtune list``.
    """
    if not legal.contains(default):
        raise ValueError(f"default {default!r} is outside the legal domain {legal}")
    return dataclasses.field(default=default, metadata={"legal": legal, "search": search, "help": help})


class Hyperparameter(Frozen):
    """One hyperparameter as declared: default, legal domain, default search domain."""

    default: Value
    legal: Legal
    search: Domain | None = None
    help: str = ""
