"""The plug-ins that installed packages announce as entry points."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import NamedTuple

from fairtune.plugins import _own
from fairtune.plugins._kinds import Kind, group

_NAME = re.compile(r"[A-Za-z]\w*(-\w+)*", re.ASCII)


class Installed(NamedTuple):
    """A plug-in of an installed package, as it announces it.

    Attributes:
        name: by which it is known.
        package: that announces it.
        address: ``package.module:Class``.
    """

    name: str
    package: str
    address: str


def found(kind: Kind) -> dict[str, Installed]:
    """The plug-ins of a kind that can be named, by name; nothing is imported."""
    return {name: ones[0] for name, ones in _announced(kind).items() if not clash(kind, name) and _NAME.fullmatch(name)}


def clash(kind: Kind, name: str) -> str | None:
    """Why a name means nothing because several claim it, if so."""
    ones = _announced(kind).get(name, [])
    owners = [f"the package {one.package} ({one.address})" for one in ones]
    if ones and name in _own.files(kind):
        owners.insert(0, f"fairtune itself ({_own.source(kind, name).address})")
    if len(owners) < 2:
        return None
    return (
        f"the {kind} {name!r} is claimed by {' and '.join(owners)}: name the one that you mean as package.module:Class, or "
        "uninstall the other's package"
    )


def unusable(kind: Kind) -> list[str]:
    """A sentence for every name that packages announce in vain, though their plug-ins may be sound."""
    announced = _announced(kind)
    clashes = [why for name in announced if (why := clash(kind, name)) is not None]
    return clashes + [
        f"the package {one.package} names a {kind} {name!r}: a name is of letters, digits, _ and -; it can be used as {one.address}"
        for name, (one, *_) in announced.items()
        if not _NAME.fullmatch(name)
    ]


def _announced(kind: Kind) -> Mapping[str, list[Installed]]:
    return _read(kind, tuple(sys.path))


@lru_cache
def _read(kind: Kind, path: tuple[str, ...]) -> Mapping[str, list[Installed]]:
    """What is announced where Python looks for packages now."""
    ones = {Installed(entry.name, entry.dist.name if entry.dist else "?", entry.value) for entry in entry_points(group=group(kind))}
    names = sorted({one.name for one in ones})
    return {name: sorted(one for one in ones if one.name == name) for name in names}
