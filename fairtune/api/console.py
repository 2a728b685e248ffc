"""Where the verbs print, on a terminal, in a log file and in a notebook."""

from __future__ import annotations

import codecs
import io
import sys

from rich.console import Console

_LOG_WIDTH = 120


_PLAIN = {"±": "+/-", "…": "...", "≥": ">=", "≤": "<="}
_ERRORS = "fairtune-plain"


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """What stands for characters that an output cannot show."""
    assert isinstance(error, UnicodeEncodeError)
    return "".join(_PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error(_ERRORS, _plain)


def open_console(*, stderr: bool = False) -> Console:
    """Standard output or error, or the cell of a notebook; markup is off, as settings, paths and errors may hold brackets.

    What the terminal's encoding cannot show is shown in plain characters.
    """
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=_ERRORS)
    console = Console(stderr=stderr, highlight=False, markup=False)
    if not (console.is_jupyter or stream.isatty()):
        console.width = _LOG_WIDTH
    return console
