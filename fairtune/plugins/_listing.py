"""What there is of a kind, as people read it."""

from __future__ import annotations

from typing import NamedTuple

from fairtune.errors import InvalidInput
from fairtune.plugins import _installed, _own
from fairtune.plugins._contract import load
from fairtune.plugins._family import Family
from fairtune.plugins._find import installed
from fairtune.plugins._kinds import Kind


class Listed(NamedTuple):
    """A line of a list.

    Attributes:
        name: of a plug-in; of a family with what to put in place of its rest.
        package: that it comes with, where that is not fairtune.
        summary: what it is; why it cannot be used, if so.
    """

    name: str
    package: str
    summary: str


def listed(kind: Kind) -> list[Listed]:
    """Every plug-in and family of a kind, by name: fairtune's own by their files, those of other packages imported."""
    own = [_own_line(kind, name) for name in _own.files(kind)]
    return sorted([*own, *(_line(kind, one) for one in _installed.found(kind).values())])


def faults(kind: Kind) -> list[str]:
    """A sentence for every name of a kind that installed packages announce and nobody can use."""
    return _installed.unusable(kind)


def _own_line(kind: Kind, name: str) -> Listed:
    source = _own.source(kind, name)
    return Listed(f"{name}:NAME" if source.family else name, "", source.summary)


def _line(kind: Kind, one: _installed.Installed) -> Listed:
    try:
        found = installed(kind, one)
        if issubclass(found, Family):
            return Listed(f"{one.name}:NAME", one.package, (found.__doc__ or "").partition("\n")[0])
        return Listed(one.name, one.package, load(kind, one.name).summary())
    except InvalidInput as error:
        return Listed(one.name, one.package, str(error))
