"""``fairtune list``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from fairtune import plugins
from fairtune.cli._told import console, told
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
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("name", "what"):
        table.add_column(title)
    for name, line in plugins.overview(kind).items():
        table.add_row(name, line)
    console.print(table)


def _print_one(kind: plugins.Kind, name: str) -> None:
    from fairtune.space import declared

    plugin = plugins.load(kind, name)
    console.print(name, style="bold")
    console.print(plugins.description(plugin), soft_wrap=True)
    for title in ("licence", "citation", "obtain"):
        if text := getattr(plugin, title, None):
            console.print(f"{title}: {text}", soft_wrap=True)
    if kind == "method" and (needs := plugin().needs):
        console.print(f"needs {', '.join(needs)}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("option", "default", "allowed", "what"):
        table.add_column(title)
    for key, option in declared(plugin).items():
        table.add_row(key, str(option.default), str(option.legal), option.help)
    if table.row_count:
        console.print(table)


def _print_scores(name: str | None) -> None:
    """All scores in the order of tables, or all that is known of one."""
    from fairtune.metrics import SCORES

    if name is None:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("name", "better", "range", "what"):
            table.add_column(title, no_wrap=title != "what")
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
        console.print(plugins.description(score.compute), soft_wrap=True)
    for title in ("better", "range", "interval", "source"):
        console.print(f"{title}: {getattr(score, title)}")
