"""``fairtune report``."""

from __future__ import annotations

from fairtune.cli._run import Run
from fairtune.cli._told import console, told
from fairtune.errors import FairtuneError


def report(run: Run) -> None:
    """Write a run's report anew from its study and print the outcome.

    [bold]Example[/]

      fairtune report runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.report import write_report
        from fairtune.report.terminal import print_outcome
        from fairtune.study.folders import RunFolder, database_of
        from fairtune.study.study import SearchStudy
        from fairtune.study.summary import summarise

        spec, place = RunFolder(run).load()
        study = SearchStudy(database_of(place), spec)
        try:
            print_outcome(console, write_report(spec, place, study))
        except OSError as error:
            print_outcome(console, summarise(spec, place, study))
            raise FairtuneError(f"the report's files stay as they are, as {run} cannot be written: {error.strerror}") from error
