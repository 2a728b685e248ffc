"""The plug-ins that come with fairtune, as far as their files tell: nothing is imported."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

from fairtune.plugins._family import Family
from fairtune.plugins._kinds import Kind, group

_HERE = Path(__file__).parents[1]


class Source(NamedTuple):
    """What the file of a plug-in says of its public class.

    Attributes:
        address: ``module:Class``.
        summary: the first line of its docstring.
        family: whether it is a :class:`Family`.
    """

    address: str
    summary: str
    family: bool


@cache
def files(kind: Kind) -> tuple[str, ...]:
    """Names of all plug-ins and families that come with fairtune, sorted."""
    return tuple(sorted(path.stem for path in (_HERE / f"{kind}s").glob("*.py") if not path.stem.startswith("_")))


def names(kind: Kind) -> list[str]:
    """Names of all plug-ins that come with fairtune, sorted."""
    return [name for name in files(kind) if not source(kind, name).family]


def families(kind: Kind) -> list[str]:
    """Names of all families that come with fairtune, sorted."""
    return [name for name in files(kind) if source(kind, name).family]


@cache
def source(kind: Kind, name: str) -> Source:
    """What the file of one of :func:`files` says."""
    file, module = _HERE / f"{kind}s" / f"{name}.py", f"{group(kind)}.{name}"
    found = [node for node in ast.parse(file.read_text(encoding="utf-8")).body if isinstance(node, ast.ClassDef)]
    public = [node for node in found if not node.name.startswith("_")]
    if len(public) != 1:
        raise RuntimeError(f"{module} must define exactly one public class, found {len(public)}")
    bases = {base.id for base in public[0].bases if isinstance(base, ast.Name)}
    summary = (ast.get_docstring(public[0]) or "").partition("\n")[0]
    return Source(f"{module}:{public[0].name}", summary, Family.__name__ in bases)
