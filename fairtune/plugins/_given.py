"""Classes of a notebook or a script, which no other process can import."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from contextlib import suppress

PREFIX = "given"
_kept: dict[str, type] = {}


def keep(plugin: type) -> str:
    """Know a class by a name that holds a digest of its source: edited, it is another one."""
    address = f"{PREFIX}{_source_digest(plugin)}:{plugin.__name__}"
    _kept[address] = plugin
    return address


def given() -> Mapping[str, type]:
    """The classes that no other process can import, by name; what a worker needs beside a specification."""
    return _kept


def take(plugins: Mapping[str, type]) -> None:
    """Know the classes that another process was given."""
    _kept.update({name: plugin for name, plugin in plugins.items() if name not in _kept})


def _source_digest(plugin: type) -> str:
    """Begins with a dot; nothing where the source is not to be had, as at Python's own prompt."""
    with suppress(OSError, TypeError):
        return f".{hashlib.sha256(inspect.getsource(plugin).encode()).hexdigest()[:8]}"
    return ""
