"""The option by which commands that read images are told what their values mean."""

from __future__ import annotations

from typing import Annotated

import typer

Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="What values of images mean: depth=12, window=0..4095.",
        show_default="as the model was trained",
    ),
]
