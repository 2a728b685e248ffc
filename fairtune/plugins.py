"""Plug-ins by file name: ``fairtune/methods/mfd.py`` is ``--method mfd``.

A plug-in module holds exactly one public class defined there. ``package.module:Class`` names one outside fairtune,
``--model torchvision:NAME`` any classifier of torchvision. A class of a notebook or a script, which no other process can import, is
given with :func:`give` and named ``given.DIGEST:Class``.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal, get_args

from fairtune.errors import InvalidInput, unknown_name

Kind = Literal["method", "dataset", "model", "rule", "sampler", "scheduler"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_HERE = Path(__file__).parent
_TORCHVISION = "torchvision:"
_GIVEN = "given"
_given: dict[str, type] = {}


def _folder(kind: Kind) -> Path:
    return _HERE / f"{kind}s"


def names(kind: Kind) -> list[str]:
    """Names of all plug-ins of one kind that come with fairtune, sorted."""
    return sorted(path.stem for path in _folder(kind).glob("*.py") if not path.stem.startswith("_"))


def check_name(kind: Kind, name: str) -> None:
    """Check that a plug-in exists as far as its name tells, without importing anything.

    Raises:
        InvalidInput: it does not, with near misses.
    """
    if name.startswith(_GIVEN) and ":" in name and name not in _given:
        raise InvalidInput(
            f"the {kind} {name.rpartition(':')[2]} was given as a class in Python, which only that notebook or script has: call "
            "fairtune.search there again with the same arguments and the name of the run, or put the class into a file of its own "
            "and name it package.module:Class"
        )
    if ":" not in name and name not in names(kind):
        elsewhere = f" {_TORCHVISION}NAME is any classifier of torchvision." if kind == "model" else ""
        raise InvalidInput(unknown_name(kind, name, names(kind)) + elsewhere)


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


def load(kind: Kind, name: str) -> type:
    """The class of a plug-in.

    Args:
        kind: which sort of plug-in.
        name: a name from :func:`names`, ``package.module:Class`` for one of the user's own, or ``torchvision:NAME`` for a model.

    Raises:
        InvalidInput: the name is unknown (with near misses), or the outside class cannot be imported.
    """
    check_name(kind, name)
    if kind == "model" and name.startswith(_TORCHVISION):
        return _load_torchvision(name.removeprefix(_TORCHVISION))
    if name in _given:
        return _given[name]
    if ":" in name:
        return _load_outside(kind, name)
    module = importlib.import_module(f"fairtune.{kind}s.{name}")
    found = list(_public_classes(module.__name__, module))
    if len(found) != 1:
        raise RuntimeError(f"{module.__name__} must define exactly one public class, found {len(found)}")
    return found[0]


def give(kind: Kind, plugin: type) -> str:
    """Let a class be used as a plug-in.

    Args:
        kind: which sort of plug-in it is.
        plugin: the class.

    Returns:
        The name that :func:`load` takes: as on the command line where another process can import the class. A class that none
        can is kept here, under a name that holds a digest of its source: edited, it is another one.
    """
    module, name = plugin.__module__, plugin.__qualname__
    if module != "__main__" and getattr(importlib.import_module(module), name, None) is plugin:
        own = module.removeprefix(f"fairtune.{kind}s.")
        return own if own in names(kind) else f"{module}:{name}"
    address = f"{_GIVEN}{_source_digest(plugin)}:{plugin.__name__}"
    _given[address] = plugin
    return address


def given() -> Mapping[str, type]:
    """The classes that no other process can import, by name; what a worker needs beside a specification."""
    return _given


def take(plugins: Mapping[str, type]) -> None:
    """Know the classes that another process was given."""
    _given.update({name: plugin for name, plugin in plugins.items() if name not in _given})


def _source_digest(plugin: type) -> str:
    """Begins with a dot; nothing where the source is not to be had, as at Python's own prompt."""
    with suppress(OSError, TypeError):
        return f".{hashlib.sha256(inspect.getsource(plugin).encode()).hexdigest()[:8]}"
    return ""


def _public_classes(module_name: str, module: object) -> Iterator[type]:
    for name, item in vars(module).items():
        if inspect.isclass(item) and item.__module__ == module_name and not name.startswith("_"):
            yield item


def _load_torchvision(name: str) -> type:
    found: type = importlib.import_module("fairtune.models._torchvision").classifier(name)
    return found


def _load_outside(kind: Kind, name: str) -> type:
    module_name, _, class_name = name.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError) as error:
        raise InvalidInput(f"cannot load the {kind} {name!r}: {error}; write package.module:Class, importable from here") from error
    if not inspect.isclass(found):
        raise InvalidInput(f"the {kind} {name!r} is not a class")
    return found


def description(plugin: object) -> str:
    """A plug-in's docstring, or that of a score's function."""
    return inspect.getdoc(plugin) or ""


def overview(kind: Kind) -> dict[str, str]:
    """The first line of every plug-in's docstring by its name, read from the files: nothing is imported."""
    found = {name: _first_line(_folder(kind) / f"{name}.py") for name in names(kind)}
    return found | ({f"{_TORCHVISION}NAME": _first_line(_folder(kind) / "_torchvision.py")} if kind == "model" else {})


def _first_line(file: Path) -> str:
    """The first line of the docstring of a plug-in's file's public class."""
    classes = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    public = next(node for node in classes if not node.name.startswith("_"))
    return (ast.get_docstring(public) or "").partition("\n")[0]
