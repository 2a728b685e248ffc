"""Plug-ins by file name: ``fairtune/methods/mfd.py`` is ``--method mfd``.

A plug-in module holds exactly one public class defined there. ``package.module:Class`` names one outside fairtune, and
``--model torchvision:NAME`` any classifier of torchvision.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from fairtune.errors import InvalidInput, unknown_name

Kind = Literal["method", "dataset", "model", "rule"]
_HERE = Path(__file__).parent
_TORCHVISION = "torchvision:"


def _folder(kind: Kind) -> Path:
    return _HERE / f"{kind}s"


def names(kind: Kind) -> list[str]:
    """Names of all plug-ins of one kind that come with fairtune, sorted."""
    return sorted(path.stem for path in _folder(kind).glob("*.py") if not path.stem.startswith("_"))


def load(kind: Kind, name: str) -> type:
    """The class of a plug-in.

    Args:
        kind: which sort of plug-in.
        name: a name from :func:`names`, ``package.module:Class`` for one of the user's own, or ``torchvision:NAME`` for a model.

    Raises:
        InvalidInput: the name is unknown (with near misses), or the outside class cannot be imported.
    """
    if kind == "model" and name.startswith(_TORCHVISION):
        return _load_torchvision(name.removeprefix(_TORCHVISION))
    if ":" in name:
        return _load_outside(kind, name)
    if name not in names(kind):
        elsewhere = f" {_TORCHVISION}NAME is any classifier of torchvision." if kind == "model" else ""
        raise InvalidInput(unknown_name(kind, name, names(kind)) + elsewhere)
    module = importlib.import_module(f"fairtune.{kind}s.{name}")
    found = list(_public_classes(module.__name__, module))
    if len(found) != 1:
        raise RuntimeError(f"{module.__name__} must define exactly one public class, found {len(found)}")
    return found[0]


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


def summary(plugin: type) -> str:
    """The first line of a plug-in's docstring."""
    return (inspect.getdoc(plugin) or "").partition("\n")[0]
