"""``fairtune audit``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._told import console, told
from fairtune.errors import InvalidInput

Target = Annotated[
    Path, typer.Argument(metavar="RUN|FILE", help="Folder of a run, or a CSV file of predictions.", show_default=False)
]
Label = Annotated[str | None, typer.Option("--label", help="Column of the true class.", show_default="label")]
Prediction = Annotated[str | None, typer.Option("--prediction", help="Column of the predicted class.", show_default="prediction")]
Scores = Annotated[
    list[str] | None,
    typer.Option(
        "--score",
        help="Column of the second class's probability, or a column NAME_CLASS for each class.",
        show_default="score, score_CLASS",
    ),
]
Groups = Annotated[list[str] | None, typer.Option("--group", help="Column of groups; repeat for more.", show_default="group")]
Weight = Annotated[str | None, typer.Option("--weight", help="Column of the samples' weights.", show_default="weight, if there")]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for audit.json and audit.md of a file.", show_default="none")]


def audit(
    target: Target,
    label: Label = None,
    prediction: Prediction = None,
    score: Scores = None,
    group: Groups = None,
    weight: Weight = None,
    out: Out = None,
) -> None:
    """Say what every rule would have cost a search, its choices confirmed on the test split; or audit any model's predictions.

    Of a run, all rules are applied to its trials, and what they choose is retrained and scored on the test split, which is noted.
    Of a file with a row for each sample, all scores are computed with their intervals.

    [bold]Examples[/]

      fairtune audit runs/digits-mfd-20260101-120000

      fairtune audit predictions.csv --label diagnosis --prediction answer --group sex --group age
    """
    given = {"--label": label, "--prediction": prediction, "--score": score, "--group": group, "--weight": weight, "--out": out}
    with told():
        if target.is_dir():
            if named := [option for option, value in given.items() if value]:
                raise InvalidInput(f"{', '.join(named)}: columns are those of a file of predictions, and {target} is a folder")
            from fairtune.api.audit import audit_run

            audit_run(target, console)
            return
        from fairtune.api.audit_file import audit_file
        from fairtune.api.predictions import Columns

        columns = Columns(label or "label", prediction, tuple(score or ()), tuple(group or ("group",)), weight)
        audit_file(target, columns, console, out)
