"""``fairtune predict``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from fairtune.cli._ensemble import Ensemble
from fairtune.cli._run import Run
from fairtune.cli._thresholds import Thresholds
from fairtune.cli._told import told
from fairtune.cli._values import Values

Images = Annotated[list[Path], typer.Argument(metavar="IMAGES...", help="Image files, or folders of them.", show_default=False)]


Groups = Annotated[
    Path | None,
    typer.Option(
        "--groups", metavar="TABLE", help="Columns path and group, for --thresholds that need the group.", show_default=False
    ),
]


def predict(
    run: Run,
    images: Images,
    settings: Values = None,
    thresholds: Thresholds = None,
    groups: Groups = None,
    ensemble: Ensemble = False,
) -> None:
    """Predict image files with the chosen model of a run: a CSV table of the class and the probability of every class.

    [bold]Example[/]

      fairtune predict runs/faces photos/ > predictions.csv

      fairtune predict runs/scans more/ --set depth=12

      fairtune predict runs/faces photos/ --thresholds group_thresholds --groups photos/groups.csv
    """
    with told():
        from fairtune.api.groups import read_groups
        from fairtune.api.predict import find_images, predict_files
        from fairtune.api.run import open_run

        files = find_images(images)
        of_files = None if groups is None else read_groups(groups, files)
        model = open_run(run).model(thresholds, ensemble=ensemble).reading_by(settings or ())
        for number, rows in enumerate(predict_files(model, files, of_files)):
            rows.to_csv(sys.stdout, index=False, header=number == 0)
