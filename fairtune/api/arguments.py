"""Arguments of the Python API, made from the fields of a request as the options of the command line are."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Mapping
from functools import reduce
from operator import or_
from types import UnionType
from typing import Annotated, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic.fields import FieldInfo

from fairtune import plugins
from fairtune.api.handed import hand_over, is_data
from fairtune.errors import InvalidInput
from fairtune.options import Option
from fairtune.plugins import Kind
from fairtune.request.options import DataRequest
from fairtune.request.order import in_order
from fairtune.request.settings import Setting

T = TypeVar("T")
R = TypeVar("R", bound=DataRequest)

_KINDS: dict[str, Kind] = {
    "dataset": "dataset",
    "method": "method",
    "model": "model",
    "teacher_model": "model",
    "select": "rule",
    "sampler": "sampler",
    "scheduler": "scheduler",
}
"""Arguments that take a class in place of a name."""


def takes(model: type[DataRequest]) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """Give a function the signature and the documentation of a request's fields.

    Args:
        model: the request; each of its fields becomes a keyword argument.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        fields = in_order(model)
        own = inspect.signature(function, eval_str=True).parameters.values()
        parameters = [_parameter(name, field) for name, field in fields.items()]
        parameters += [parameter for parameter in own if parameter.kind is inspect.Parameter.KEYWORD_ONLY]
        returned = get_type_hints(function)["return"]
        vars(function)["__signature__"] = inspect.Signature(parameters, return_annotation=returned)
        lines = [f"    {name}: {_help(field)}" for name, field in fields.items()]
        function.__doc__ = "\n".join([inspect.getdoc(function) or "", "", "Args:", *lines])
        return function

    return decorate


def read(model: type[R], given: Mapping[str, object]) -> R:
    """The request that arguments make.

    Args:
        model: which request.
        given: arguments by name: a class may stand for a plug-in's name, a list for what the command line separates by commas, a
            mapping for texts ``KEY=VALUE``, a path for its text, images with their labels for a dataset's name (see
            :func:`fairtune.api.handed.hand_over`).

    Raises:
        InvalidInput: every fault.
    """
    typed = {name: _as_typed(name, value) for name, value in given.items() if name != "dataset"}
    data = given.get("dataset", "")
    if not is_data(data):
        return model.read(typed | ({"dataset": _as_typed("dataset", data)} if "dataset" in given else {}))
    settings = typed.get("set", ())
    own = tuple(f"{key}={value}" for key, value in hand_over(data).items())
    return model.read({**typed, "dataset": "manifest", "set": (*(settings if isinstance(settings, list | tuple) else ()), *own)})


def _as_typed(name: str, value: object) -> object:
    """What would have been typed on the command line."""
    if name in _KINDS and isinstance(value, type):
        kind = _KINDS[name]
        if getattr(value, "kind", None) != kind:
            raise InvalidInput(f"{name}={value.__name__}: the class must derive from {plugins.BASES[kind]}")
        return plugins.give(kind, value)
    if name == "method" and isinstance(value, list | tuple):
        return ",".join(str(_as_typed(name, one)) for one in value)
    if isinstance(value, Mapping):
        return tuple(f"{key}={setting}" for key, setting in value.items())
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    of_settings = field.annotation == tuple[Setting, ...]
    annotation = tuple[str, ...] | Mapping[str, object] if of_settings else _plain(field.annotation)
    if name in _KINDS:
        annotation = annotation | (object if name == "dataset" else type)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=annotation)


def _plain(annotation: object) -> object:
    """An annotation without its checks: ``int | None``."""
    if get_origin(annotation) is Annotated:
        return _plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return reduce(or_, map(_plain, get_args(annotation)))
    return annotation


def _help(field: FieldInfo) -> str:
    option = next(item for item in field.metadata if isinstance(item, Option))
    return option.help + (f" None is {option.default}." if option.default else "")
