"""Faults of what the user gave, collected so that all are reported together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from pydantic import AliasChoices, BaseModel, ValidationError
from pydantic.fields import FieldInfo

from fairtune.errors import FairtuneError, InvalidInput, unknown_name
from fairtune.options import Option

T = TypeVar("T")
_BOUNDS = {"gt": "above", "ge": "of at least", "lt": "below", "le": "of at most"}


class Faults:
    """Collects faults, so that all are reported together."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def attempt(self, action: Callable[[], T]) -> T | None:
        """Run an action; keep its faults and return None if it has any."""
        try:
            return action()
        except FairtuneError as error:
            self.found += error.faults if isinstance(error, InvalidInput) else [str(error)]
        except ValidationError as error:
            self.found += sentences(error)
        except ValueError as error:
            self.found.append(str(error))
        return None

    def raise_if_any(self) -> None:
        """Raise all faults as one error."""
        if self.found:
            raise InvalidInput(list(dict.fromkeys(self.found)))


def sentences(error: ValidationError, model: type[BaseModel] | None = None) -> Iterator[str]:
    """The faults that pydantic found, a sentence each.

    Args:
        error: what it raised.
        model: whose fields were wanted; gives near misses for a name that is none of them.
    """
    for fault in error.errors():
        place = _called(model, ".".join(map(str, fault["loc"])))
        reason = fault.get("ctx", {}).get("error")
        if fault["type"] == "extra_forbidden" and model is not None and len(fault["loc"]) == 1:
            yield unknown_name("option", str(fault["loc"][0]), model.model_fields)
        elif reason is not None:
            yield from str(reason).splitlines()
        elif fault["type"] == "missing":
            yield f"{place}: is missing"
        else:
            yield f"{place} {fault['input']}: {_wanted(fault['type'], fault.get('ctx', {})) or fault['msg']}"


def _wanted(kind: str, limits: Mapping[str, float]) -> str:
    """What to give in the place of a number that pydantic refuses; nothing for other faults."""
    bound = next((f"{word} {limits[name]:g}" for name, word in _BOUNDS.items() if name in limits), None)
    if bound is not None:
        return f"give a number {bound}"
    return "give a whole number" if kind.startswith("int_") else "give a number" if kind.startswith("float_") else ""


def _aliases(field: FieldInfo) -> Sequence[object]:
    """Other names that a field goes by."""
    return field.validation_alias.choices if isinstance(field.validation_alias, AliasChoices) else ()


def _called(model: type[BaseModel] | None, place: str) -> str:
    """A field as the command line calls it, if it is an option; its name, or its place in a file, if it is none."""
    fields = {} if model is None else model.model_fields
    field = next((field for name, field in fields.items() if place in (name, *_aliases(field))), None)
    option = next((item for item in field.metadata if isinstance(item, Option)), None) if field is not None else None
    return place if option is None else option.called(place)
