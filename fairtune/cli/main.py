"""The ``fairtune`` command: every file of this folder is a verb.

``fairtune/cli/resume.py`` holds one public function and is ``fairtune resume``; a file that holds a ``typer.Typer`` named ``app``
is a group of verbs. Verbs import what they run only when they run, so that help and refusals are at hand at once.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from importlib.metadata import version
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Annotated

import typer

_ORDER = (
    *("search", "plan", "resume", "report", "choose", "audit", "compare", "figure", "evaluate", "export", "predict"),
    *("train", "run", "list", "ui", "data", "doctor", "cluster"),
)


def _verbs() -> list[str]:
    """The verbs by name, the usual ones first."""
    files = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return sorted((name for name in files if name != "main"), key=lambda name: (*_ORDER, name).index(name))


def _command(module: ModuleType) -> FunctionType:
    """The one public function defined in a verb's file."""
    own = [
        item
        for name, item in vars(module).items()
        if inspect.isfunction(item) and not name.startswith("_") and name.rstrip("_") == module.__name__.rpartition(".")[2]
    ]
    if len(own) != 1:
        raise RuntimeError(f"{module.__name__} must define one function of its name")
    return own[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"fairtune {version('fairtune')}")  # noqa: T201
        raise typer.Exit


def _build() -> typer.Typer:
    built = typer.Typer(
        name="fairtune",
        help="Search the hyperparameters of fair training methods on Ray, by accuracy and fairness.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich",
    )

    @built.callback()
    def _any(
        print_version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
        ] = False,
    ) -> None:
        pass

    for name in _verbs():
        module = importlib.import_module(f"fairtune.cli.{name}")
        if isinstance(group := getattr(module, "app", None), typer.Typer):
            built.add_typer(group, name=name)
        else:
            built.command(name)(_command(module))
    return built


app = _build()


def main() -> None:
    """The ``fairtune`` command."""
    sys.exit(app())
