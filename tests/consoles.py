"""What a console that writes into memory was told."""

import io

from rich.console import Console


def text_on(console: Console) -> str:
    """All of it so far."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()
