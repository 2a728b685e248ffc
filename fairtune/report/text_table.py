"""A table of texts, for a terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

_NAME = 20
"""Characters of a row's name that are not folded."""


@dataclass(frozen=True)
class TextTable:
    """A table.

    Attributes:
        title: what it shows.
        columns: headings.
        rows: texts, one for each heading.
        note: what is to be said of it, a sentence without a full stop.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def on_terminal(self) -> Table:
        """As rich prints it; texts are taken as they are."""
        table = Table(title=self.title, caption=self.note or None, box=None, pad_edge=False, header_style="bold")
        table.title_justify = table.caption_justify = "left"
        for number, column in enumerate(self.columns):
            named = max((len(row[0]) for row in self.rows), default=0) if number == 0 else 0
            table.add_column(column.replace(", ", ",\n"), overflow="fold", min_width=min(named, _NAME))
        for row in self.rows:
            table.add_row(*row)
        return table

    def in_markdown(self) -> str:
        """As Markdown, with its title as a heading."""
        lines = [_line(self.columns), "|---" * len(self.columns) + "|", *map(_line, self.rows)]
        return "\n".join([f"## {self.title}", "", *lines, *(["", f"{self.note}."] if self.note else []), ""])


def _line(cells: Sequence[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def in_markdown(title: str, sentences: Sequence[str], tables: Sequence[TextTable]) -> str:
    """A page: a title, some sentences, and tables."""
    said = [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sentences if sentence]
    return "\n\n".join([f"# {title}", *said, *(table.in_markdown() for table in tables)])
