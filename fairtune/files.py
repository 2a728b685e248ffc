"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a temporary file beside ``path``, then rename it to ``path``."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        write(scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def data_root(given: str | None) -> Path:
    """The folder of original data files: as given, else ``$FAIRTUNE_DATA``, else ``data``."""
    return Path(given or os.environ.get("FAIRTUNE_DATA") or "data").expanduser().resolve()
