"""The kinds of plug-ins."""

from __future__ import annotations

from typing import Literal, get_args

Kind = Literal["method", "dataset", "model", "rule", "sampler", "scheduler"]
KINDS: tuple[Kind, ...] = get_args(Kind)
BASES: dict[Kind, str] = {
    "method": "fairtune.methods.Method",
    "dataset": "fairtune.datasets.Dataset",
    "model": "fairtune.models.Net",
    "rule": "fairtune.rules.Rule",
    "sampler": "fairtune.samplers.Sampler",
    "scheduler": "fairtune.schedulers.Scheduler",
}
"""What a plug-in of each kind derives from."""


def group(kind: Kind) -> str:
    """The group of entry points under which packages announce plug-ins of a kind; fairtune's own room of them."""
    return f"fairtune.{kind}s"
