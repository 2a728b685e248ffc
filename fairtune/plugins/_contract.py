"""What every plug-in says of itself, whatever its kind."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import ClassVar, Self, TypeGuard

from fairtune.errors import InvalidInput, unknown_name
from fairtune.plugins._find import find
from fairtune.plugins._kinds import BASES, Kind
from fairtune.space import Hyperparameter, Value


class Pluggable:
    """A method, dataset, net, rule, sampler or scheduler.

    Attributes:
        kind: which of them.
        licence: of what it brings along, such as data.
        citation: whom to cite.
    """

    kind: ClassVar[Kind]
    licence: ClassVar[str] = ""
    citation: ClassVar[str] = ""

    @classmethod
    def load(cls, name: str) -> type[Self]:
        """The plug-in of this kind that has a name: ``Method.load("mfd")``. See :func:`load`."""
        found = load(cls.kind, name)
        if not issubclass(found, cls):
            raise InvalidInput(f"the {cls.kind} {name!r} must derive from {cls.__module__}.{cls.__qualname__}")
        return found

    @classmethod
    def declared(cls) -> dict[str, Hyperparameter]:
        """What can be set, by name: each made by :func:`fairtune.space.hyperparameter`, in a dataclass or a class as it is.

        Raises:
            InvalidInput: a class derived from a dataclass declares more, but has not been made one.
        """
        plain = {name: field for base in reversed(cls.__mro__) for name, field in vars(base).items() if _declares(field)}
        if plain and dataclasses.is_dataclass(cls):
            raise InvalidInput(
                f"{cls.__name__} declares {', '.join(plain)}: write @dataclass above it, as above what it derives from"
            )
        fields = {field.name: field for field in dataclasses.fields(cls)} if dataclasses.is_dataclass(cls) else plain
        return {
            name: Hyperparameter.model_validate({"default": field.default, **field.metadata})
            for name, field in fields.items()
            if _declares(field)
        }

    @classmethod
    def complete(cls, given: Mapping[str, Value]) -> dict[str, Value]:
        """All options, those that are not given at their default.

        Raises:
            InvalidInput: every option that there is not (with near misses), every value that is not legal.
        """
        known = cls.declared()
        faults = [f"{cls.__name__}: {unknown_name('option', name, known)}" for name in given if name not in known]
        for name, value in given.items():
            if name in known and not known[name].legal.contains(value):
                faults.append(f"{cls.__name__}: {name} = {value!r} is outside the legal domain {known[name].legal}")
        if faults:
            raise InvalidInput(faults)
        return {name: given.get(name, option.default) for name, option in known.items()}

    @classmethod
    def build(cls, *args: object, **options: object) -> Self:
        """An instance with these options, which are data: no type checker can know them."""
        make: Callable[..., Self] = cls
        return make(*args, **options)

    @classmethod
    def description(cls) -> str:
        """Its docstring."""
        return inspect.getdoc(cls) or ""

    @classmethod
    def summary(cls) -> str:
        """What it is, in one line: the first of its docstring."""
        return cls.description().partition("\n")[0]

    @classmethod
    def facts(cls) -> dict[str, str]:
        """What else people want to know, by title."""
        return {title: text for title, text in {"licence": cls.licence, "citation": cls.citation}.items() if text}


def load(kind: Kind, name: str) -> type[Pluggable]:
    """The class of a plug-in whose kind is known at run time only; :meth:`Pluggable.load` where it is written in the code.

    Args:
        kind: which sort of plug-in.
        name: a name from :func:`fairtune.plugins.names`, ``package.module:Class``, or ``prefix:rest`` for one of a family.

    Raises:
        InvalidInput: the name is unknown (with near misses), or what it stands for cannot be imported or is of another kind.
    """
    found = find(kind, name)
    if not issubclass(found, Pluggable) or getattr(found, "kind", None) != kind:
        raise InvalidInput(f"the {kind} {name!r} must derive from {BASES[kind]}")
    return found


def _declares(item: object) -> TypeGuard[dataclasses.Field[object]]:
    return isinstance(item, dataclasses.Field) and "legal" in item.metadata
