"""From a name to a class, wherever it comes from, and back."""

from __future__ import annotations

import importlib

from fairtune.errors import InvalidInput, unknown_name
from fairtune.plugins import _given, _installed, _own
from fairtune.plugins._family import Family
from fairtune.plugins._kinds import Kind, group


def names(kind: Kind) -> list[str]:
    """Names of all plug-ins of one kind, fairtune's own and those of installed packages, sorted."""
    return sorted({*_own.names(kind), *_installed.found(kind)})


def check_name(kind: Kind, name: str) -> None:
    """Check that a plug-in exists as far as its name tells, without importing anything.

    Raises:
        InvalidInput: it does not, with near misses; or several packages claim the name.
    """
    if name.startswith(_given.PREFIX) and ":" in name and name not in _given.given():
        raise InvalidInput(
            f"the {kind} {name.rpartition(':')[2]} was given as a class in Python, which only that notebook or script has: call "
            "fairtune.search there again with the same arguments and the name of the run, or put the class into a file of its own "
            "and name it package.module:Class"
        )
    if (why := _installed.clash(kind, name)) is not None:
        raise InvalidInput(why)
    if ":" not in name and name not in names(kind):
        members = [f" {family}:NAME is {_lower(_own.source(kind, family).summary)}" for family in _own.families(kind)]
        raise InvalidInput(unknown_name(kind, name, names(kind)) + "".join(members))


def parts(method: str) -> list[str]:
    """The names joined by ``+`` in a method's name, in order.

    Raises:
        InvalidInput: one is empty, or named twice.
    """
    found = [part.strip() for part in method.split("+")]
    if not all(found):
        raise InvalidInput(f"cannot read the method {method!r}: write one name, or names joined by +, such as ss+hkd")
    if twice := sorted({part for part in found if found.count(part) > 1}):
        raise InvalidInput(f"the method {method!r} names {', '.join(twice)} twice: a component can be used once")
    return found


def find(kind: Kind, name: str) -> type:
    """The class of a plug-in, whatever it is.

    Raises:
        InvalidInput: the name is unknown, or what it stands for cannot be imported or is no class.
    """
    check_name(kind, name)
    if name in _given.given():
        return _given.given()[name]
    head, colon, rest = name.partition(":")
    if head in _own.files(kind) and (not colon or head in _own.families(kind)):
        ours = _imported(_own.source(kind, head).address)
        assert isinstance(ours, type)
        return _member(kind, head, ours, rest if colon else None)
    if (one := _installed.found(kind).get(head)) is not None:
        found = installed(kind, one)
        if not colon or issubclass(found, Family):
            return _member(kind, head, found, rest if colon else None)
    return _loaded(name, f"the {kind} {name!r}", "; write package.module:Class, importable from here")


def installed(kind: Kind, one: _installed.Installed) -> type:
    """The class, or the family, that a package announces.

    Raises:
        InvalidInput: it cannot be imported, or is no class.
    """
    return _loaded(one.address, f"the {kind} {one.name!r} of the package {one.package} ({one.address})", "")


def give(kind: Kind, plugin: type) -> str:
    """Let a class be used as a plug-in.

    Args:
        kind: which sort of plug-in it is.
        plugin: the class.

    Returns:
        The name that :func:`load` takes: as on the command line where another process can import the class. A class that none
        can is kept in this process, under a name of its own.
    """
    module, name = plugin.__module__, plugin.__qualname__
    if module == "__main__" or getattr(importlib.import_module(module), name, None) is not plugin:
        return _given.keep(plugin)
    own = module.removeprefix(f"{group(kind)}.")
    if own in _own.names(kind):
        return own
    address = f"{module}:{name}"
    return next((one.name for one in _installed.found(kind).values() if one.address == address), address)


def _member(kind: Kind, name: str, found: type, rest: str | None) -> type:
    """A plug-in itself, or the one of a family."""
    if not issubclass(found, Family):
        return found
    if rest is None:
        raise InvalidInput(f"the {kind} {name!r} stands for many: write {name}:NAME")
    return found.member(rest)


def _loaded(address: str, what: str, hint: str) -> type:
    """The class at an address; whatever its module raises is told in a sentence."""
    try:
        found = _imported(address)
    except (Exception, SystemExit) as error:
        reason = str(error) if isinstance(error, ImportError | AttributeError | ValueError) else f"{type(error).__name__}: {error}"
        raise InvalidInput(f"cannot load {what}: {reason}{hint}") from error
    if not isinstance(found, type):
        raise InvalidInput(f"{what} is not a class")
    return found


def _imported(address: str) -> object:
    module, _, name = address.partition(":")
    found: object = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
