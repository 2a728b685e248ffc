"""Options of the command line, made from the fields of a request."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, get_args

import typer
from pydantic.fields import FieldInfo

from fairtune.options import Option
from fairtune.request.options import DataRequest
from fairtune.request.order import in_order, panel_of


def takes(
    model: type[DataRequest], *names: str, unless_given: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of a request.

    Args:
        model: the request; each of its fields becomes an option, read and checked by the model itself.
        names: of the fields that the command has options for; none stands for all.
        unless_given: what help calls the default of every option; None for each one's own.

    Returns:
        A decorator of a function whose first parameter, ``given``, is what the user typed, by the names of the fields.
    """
    fields = {name: field for name, field in in_order(model).items() if not names or name in names}
    options = [_parameter(name, field, unless_given) for name, field in fields.items()]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]

        def run(**typed: object) -> None:
            given = {name: value for name in fields if (value := typed.pop(name)) not in (None, [])}
            command(given, **typed)

        parameters = [*own, *options]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        vars(run)["__signature__"] = inspect.Signature(parameters)
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def _parameter(name: str, field: FieldInfo, unless_given: str | None) -> inspect.Parameter:
    option = _option(field)
    several, kinds = field.default == (), _kinds(field.annotation)
    is_flag = kinds == {bool}
    own = option.default if field.default is None else None if several or is_flag else str(field.default)
    default = unless_given or own
    made = typer.Option(
        option.called(name),
        help=option.help + (f"  [dim]\\[default: {default}][/]" if default else ""),
        metavar=None if is_flag else option.metavar or ("NUMBER" if kinds & {int, float} else "TEXT"),
        show_default=False,
        rich_help_panel=panel_of(name),
    )
    kind = list[str] | None if several else bool | None if is_flag else str | None
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, made])


def _option(field: FieldInfo) -> Option:
    found: Option = next(item for item in field.metadata if isinstance(item, Option))
    return found


def _kinds(annotation: object) -> set[type]:
    """The plain types in an annotation."""
    inside = get_args(annotation)
    return set().union(*map(_kinds, inside)) if inside else {annotation} if isinstance(annotation, type) else set()
