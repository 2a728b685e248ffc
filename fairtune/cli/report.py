"""``fairtune report``."""

from __future__ import annotations

from typing import Annotated

import typer

from fairtune.cli._run import Run
from fairtune.cli._told import console, told
from fairtune.errors import FairtuneError, InvalidInput

Latex = Annotated[bool, typer.Option("--latex", help="Only print the confirmed settings as a LaTeX table.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Only print them as a Markdown table.")]

Register = Annotated[
    str | None, typer.Option(metavar="NAME", help="Make the chosen model the next version of MLflow's model NAME.")
]


def report(run: Run, latex: Latex = False, markdown: Markdown = False, register: Register = None) -> None:
    """Write a run's report anew from its study, with every figure in RUN/figures, and print the outcome.

    The run may still go on: its page is of the trials so far.

    [bold]Example[/]

      fairtune report runs/digits-mfd-20260101-120000
      fairtune report runs/digits-mfd-20260101-120000 --latex
    """
    with told():
        from fairtune.report import write_all
        from fairtune.report.outcome import print_outcome
        from fairtune.report.paper import paper_table
        from fairtune.study.folders import RunFolder, database_of
        from fairtune.study.study import SearchStudy
        from fairtune.study.summary import summarise

        if latex and markdown:
            raise InvalidInput("--latex and --markdown: give one of them")
        spec, place = RunFolder(run).load()
        study = SearchStudy(database_of(place), spec)
        if latex or markdown:
            typer.echo(paper_table(summarise(spec, place, study), "latex" if latex else "markdown"))
            return
        try:
            print_outcome(console, write_all(spec, place, study))
        except OSError as error:
            print_outcome(console, summarise(spec, place, study))
            raise FairtuneError(f"the report's files stay as they are, as {run} cannot be written: {error.strerror}") from error
        if register is not None:
            from fairtune.tracking.logged import register as register_chosen

            console.print(f"registered: {register}, version {register_chosen(spec, place, study, register)}", highlight=False)
