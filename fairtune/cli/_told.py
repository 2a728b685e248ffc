"""Where commands print, and how errors meant for the user become a message and an exit code."""

from __future__ import annotations

import logging
from contextlib import ExitStack

import typer

from fairtune.api.console import open_console
from fairtune.endings import ended_by_signals
from fairtune.errors import FairtuneError, Interrupted, InvalidInput

console = open_console()
errors = open_console(stderr=True)


class told:  # noqa: N801
    """Turns errors meant for the user into a message and an exit code."""

    def __init__(self) -> None:
        self._signals = ExitStack()

    def __enter__(self) -> None:
        self._signals.enter_context(ended_by_signals())
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._signals:
            self._tell(error)

    def _tell(self, error: BaseException | None) -> None:
        if isinstance(error, InvalidInput) and len(error.faults) > 1:
            errors.print(f"{len(error.faults)} faults", style="bold red")
            for fault in error.faults:
                errors.print(f"  - {fault}", soft_wrap=True)
        elif isinstance(error, FairtuneError):
            errors.print(f"fairtune: {error}", soft_wrap=True)
        elif isinstance(error, KeyboardInterrupt):
            errors.print("fairtune: stopped")
            raise typer.Exit(Interrupted.exit_code) from error
        if isinstance(error, FairtuneError):
            raise typer.Exit(error.exit_code) from error
