"""The option by which commands move a model's thresholds."""

from __future__ import annotations

from typing import Annotated

import typer

Thresholds = Annotated[
    str | None,
    typer.Option(
        "--thresholds",
        metavar="WAY",
        help="Move its decisions, fitted on validation: shared_thresholds; group_thresholds, which needs the group.",
        show_default="left alone",
    ),
]
