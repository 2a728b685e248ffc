"""``fairtune report``."""

from __future__ import annotations

from fairtune.cli._run import Run
from fairtune.cli._told import console, told


def report(run: Run) -> None:
    """Write a run's report anew from its study and print the outcome.

    [bold]Example[/]

      fairtune report runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.report import write_report
        from fairtune.report.terminal import print_outcome
        from fairtune.study.folders import RunFolder
        from fairtune.study.study import SearchStudy

        spec, place = RunFolder(run).load()
        print_outcome(console, write_report(spec, place, SearchStudy(RunFolder.of(place).study, spec)))
