"""``fairtune audit``."""

from __future__ import annotations

from fairtune.cli._run import Run
from fairtune.cli._told import console, told


def audit(run: Run) -> None:
    """Apply every rule to a search, confirm their choices on the test split, and say what each rule costs.

    [bold]Example[/]

      fairtune audit runs/digits-mfd-20260101-120000
    """
    with told():
        from fairtune.api.audit import audit_run

        audit_run(run, console)
