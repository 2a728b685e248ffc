"""``fairtune list``."""

from __future__ import annotations

import inspect
from typing import Annotated

import typer
from rich.table import Table

from fairtune import plugins
from fairtune.cli._told import console, errors, told
from fairtune.errors import InvalidInput, unknown_name

_LISTS: dict[str, plugins.Kind | None] = {f"{kind}s": kind for kind in plugins.KINDS} | {"scores": None}
_OTHERS, _LAST = ", ".join([*_LISTS][:-1]), [*_LISTS][-1]

What = Annotated[str, typer.Argument(metavar="KIND", help=f"{_OTHERS} or {_LAST}.", show_default=False)]
Name = Annotated[str | None, typer.Argument(help="One of them, with all that can be set of it.", show_default=False)]


def list_(what: What, name: Name = None) -> None:
    """List what there is, or say all about one of it.

    [bold]Examples[/]

      fairtune list methods

      fairtune list methods mfd
    """
    with told():
        if what not in _LISTS:
            raise InvalidInput(unknown_name("list", what, _LISTS))
        kind = _LISTS[what]
        if kind is None:
            _print_scores(name)
            return
        if name is None:
            _print_names(kind)
        else:
            _print_one(kind, name)


def _print_names(kind: plugins.Kind) -> None:
    lines = plugins.listed(kind)
    titles = ("name", "package", "what") if any(line.package for line in lines) else ("name", "what")
    table = _table(*titles)
    for line in lines:
        table.add_row(*(cell for cell, title in zip(line, ("name", "package", "what"), strict=True) if title in titles))
    console.print(table)
    for fault in plugins.faults(kind):
        errors.print(f"fairtune: {fault}", soft_wrap=True)


def _print_one(kind: plugins.Kind, name: str) -> None:
    plugin = plugins.load(kind, name)
    console.print(name, style="bold")
    console.print(plugin.description(), soft_wrap=True)
    for title, text in plugin.facts().items():
        console.print(f"{title}: {text}", soft_wrap=True)
    table = _table("option", "default", "allowed", "what")
    for key, option in plugin.declared().items():
        table.add_row(key, str(option.default), str(option.legal), option.help)
    if table.row_count:
        console.print(table)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=title in ("name", "better", "range"))
    return table


def _print_scores(name: str | None) -> None:
    """All scores in the order of tables, or all that is known of one."""
    from fairtune.metrics import SCORES

    if name is None:
        table = _table("name", "better", "range", "what")
        for score in SCORES.values():
            table.add_row(score.name, score.better, score.range, score.summary)
        console.print(table)
        return
    if name not in SCORES:
        raise InvalidInput(unknown_name("score", name, SCORES))
    score = SCORES[name]
    console.print(name, style="bold")
    console.print(f"{score.label}: {score.summary}", soft_wrap=True)
    if score.compute is not None:
        console.print(inspect.getdoc(score.compute) or "", soft_wrap=True)
    for title in ("better", "range", "interval", "source"):
        console.print(f"{title}: {getattr(score, title)}")
