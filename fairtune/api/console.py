"""Where the verbs print, on a terminal, in a log file and in a notebook."""

from __future__ import annotations

import sys

from rich.console import Console

_LOG_WIDTH = 120


def open_console() -> Console:
    """Standard output, or the cell of a notebook; markup is off, as settings, paths and errors may hold brackets."""
    console = Console(highlight=False, markup=False)
    if not (console.is_jupyter or sys.stdout.isatty()):
        console.width = _LOG_WIDTH
    return console
