"""Groups of several attributes, and groups that are left out or taken as one."""

from __future__ import annotations

import numpy as np

from fairtune.datasets._files import first_of
from fairtune.datasets._values import Coded
from fairtune.errors import InvalidInput, unknown_name
from fairtune.records import Ints

LEFT_OUT = -1


def crossed(first: Coded, second: Coded) -> Coded:
    """The pairs of values that occur, in the order of the first and then of the second: ``female/young``."""
    pair = first.codes * len(second.names) + second.codes
    present, codes = np.unique(pair, return_inverse=True)
    names = [f"{first.names[one]}/{second.names[other]}" for one, other in zip(*divmod(present, len(second.names)), strict=True)]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise InvalidInput(f"--set group=: different groups would be called alike, {first_of(twice, 3)}: rename their values")
    return Coded(codes.astype(np.int64), tuple(names))


def chosen(groups: Coded, text: str) -> Coded:
    """The groups that a text names, in its order.

    Args:
        groups: all.
        text: names separated by commas; those joined by ``+`` are one group. None for all.

    Returns:
        Codes, :data:`LEFT_OUT` for groups that are not named.

    Raises:
        InvalidInput: there is no such group, one is named twice, or fewer than two are.
    """
    if not text:
        return groups
    tokens = [token.strip() for token in text.split(",") if token.strip()]
    members = [[token] if token in groups.names else [name.strip() for name in token.split("+")] for token in tokens]
    flat = [name for some in members for name in some]
    faults = [unknown_name("group", name, groups.names) for name in dict.fromkeys(flat) if name not in groups.names]
    faults += [f"the group {name!r} is named twice: name it once" for name in dict.fromkeys(flat) if flat.count(name) > 1]
    if len(tokens) < 2:
        faults.append("name two groups or more, separated by commas")
    if faults:
        raise InvalidInput([f"--set groups={text}: {fault}" for fault in faults])
    place: Ints = np.full(len(groups.names), LEFT_OUT, dtype=np.int64)
    for number, some in enumerate(members):
        place[[groups.names.index(name) for name in some]] = number
    return Coded(place[groups.codes], tuple(tokens))
