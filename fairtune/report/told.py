"""How an audit or a comparison is told: on the terminal, and as a file for programs and one for people."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel
from rich.console import Console

from fairtune.files import write_text
from fairtune.report.text_table import TextTable, in_markdown


class Told(NamedTuple):
    """An audit or a comparison in words.

    Attributes:
        title: of what it is.
        sentences: what is to be said, the most important first, each without a full stop.
        tables: what is to be shown.
    """

    title: str
    sentences: Sequence[str]
    tables: Sequence[TextTable]


def print_told(console: Console, told: Told) -> None:
    """Print it: the first sentence, the tables, the others."""
    first, *others = told.sentences
    console.print(first, style="bold", soft_wrap=True)
    for table in told.tables:
        console.print()
        console.print(table.on_terminal())
    console.print()
    for sentence in others:
        console.print(sentence, soft_wrap=True)


def write_told(folder: Path, found: BaseModel, told: Told, name: str = "audit") -> list[Path]:
    """Write ``NAME.json`` and ``NAME.md``.

    Raises:
        NoRoom: the disk is full.
        OSError: the folder may only be read.
    """
    data, page = folder / f"{name}.json", folder / f"{name}.md"
    write_text(data, found.model_dump_json(by_alias=True, indent=2) + "\n")
    write_text(page, in_markdown(told.title, told.sentences, told.tables))
    return [data, page]
