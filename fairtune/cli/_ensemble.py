"""The option by which commands take all retrainings of a choice for one."""

from __future__ import annotations

from typing import Annotated

import typer

Ensemble = Annotated[
    bool, typer.Option("--ensemble", help="The mean of all confirmed retrainings: of a search with --keep-finals.")
]
