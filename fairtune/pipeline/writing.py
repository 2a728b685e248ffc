"""The report of a pipeline as files: a page, Markdown, LaTeX and CSV."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path

import jinja2
from markupsafe import Markup
from rich.console import Console

from fairtune.files import write_atomically, write_text
from fairtune.pipeline.charts import charts_of, pictures_of
from fairtune.pipeline.material import Material
from fairtune.pipeline.tables import block_table, columns, lines_of, ordering_table, told_of
from fairtune.report.chart import Chart
from fairtune.report.figures import write_chart
from fairtune.report.svg import draw_svg, keys
from fairtune.report.text_table import TextTable

_SPECIAL = re.compile(r"([&%$#_{}])")
_SIGNS = {"↑": r"$\uparrow$", "↓": r"$\downarrow$", "±": r"$\pm$"}


def write_report(material: Material, folder: Path) -> list[Path]:
    """Write ``report.html``, ``report.md``, ``report.csv`` and ``report.tex``; figures of statistics into ``figures``.

    Returns:
        The files.

    Raises:
        NoRoom: the disk is full.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page, text, table, latex = (folder / f"report.{ending}" for ending in ("html", "md", "csv", "tex"))
    write_text(page, in_html(material))
    write_text(text, in_markdown(material))
    write_atomically(table, partial(material.table.to_csv, index=False))
    write_text(latex, in_latex(material))
    if material.compared.charts:
        (folder / "figures").mkdir(exist_ok=True)
    for chart in material.compared.charts:
        write_chart(chart, folder / "figures")
    return [page, text, table, latex]


def print_report(material: Material, folder: Path, console: Console) -> None:
    """Print the tables, the orderings, and where the report is."""
    for table in (*_tables(material), *_orderings(material)):
        console.print()
        console.print(table.on_terminal())
    console.print()
    for sentence in material.differs:
        console.print(sentence, style="dim", soft_wrap=True)
    console.print(f"report   {folder / 'report.html'}, report.md, report.csv, report.tex", soft_wrap=True)


def in_markdown(material: Material) -> str:
    """The report as Markdown."""
    parts = [f"# {material.file.content.title}", *_unended(material)]
    parts += ["\n".join(material.file.header)] if material.file.header else []
    parts += [f"Made by `{material.command}`. {material.setting[0].upper()}{material.setting[1:]}. Cost: {material.cost}."]
    parts.append(READING)
    parts += [table.in_markdown() for table in (*_tables(material), *_orderings(material), *material.compared.tables)]
    if material.differs:
        parts += ["## What differs from the papers", "\n".join(f"* {sentence}" for sentence in material.differs)]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def in_html(material: Material) -> str:
    """The report as a page that needs nothing beside it."""
    told = {data: told_of(rows, material.scores) for data, rows in material.blocks.items()}
    blocks = [(data, lines_of(rows, told[data]), list(columns(rows, told[data]))) for data, rows in material.blocks.items()]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            material=material,
            blocks=blocks,
            orderings=_orderings(material),
            charts=[*charts_of(material), *material.compared.charts],
            pictures=pictures_of(material),
            reading=READING,
        )
    )


def in_latex(material: Material) -> str:
    """The tables for a paper."""
    return "\n\n".join(_latex(table) for table in _tables(material)) + "\n"


READING = (
    "Scores on the test split, mean ± standard deviation over seeds; an arrow says which way a score went from the plain model's; "
    "apart is ours less the published one, in units of both standard deviations together, where either is known."
)


def _tables(material: Material) -> list[TextTable]:
    return [block_table(data or "Scores", rows, material.scores) for data, rows in material.blocks.items()]


def _orderings(material: Material) -> list[TextTable]:
    return [ordering_table(material.checked)] if material.checked else []


def _unended(material: Material) -> list[str]:
    ended = len(material.ended)
    return [f"**Of {material.of} searches {ended} have ended; this is how it stands.**"] if ended < material.of else []


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader("fairtune", "pipeline"), jinja2.PackageLoader("fairtune", "report")])
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["svg"] = _svg
    environment.filters["keys"] = _keys
    return environment


def _svg(chart: Chart) -> Markup:
    return Markup(draw_svg(chart))


def _keys(chart: Chart) -> list[tuple[Markup, str]]:
    return [(Markup(drawn), said) for drawn, said in keys(chart)]


def _latex(table: TextTable) -> str:
    lines = [
        f"% {table.title}; needs \\usepackage{{booktabs}}",
        rf"\begin{{tabular}}{{l{'r' * (len(table.columns) - 1)}}}",
        r"\toprule",
        _row(table.columns),
        r"\midrule",
        *map(_row, table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    said = " & ".join(_SPECIAL.sub(r"\\\1", cell) for cell in cells)
    for sign, command in _SIGNS.items():
        said = said.replace(sign, command)
    return rf"{said} \\"
