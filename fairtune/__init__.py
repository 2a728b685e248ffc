"""fairtune: hyperparameter search for fair training of vision models, on Ray.

``import fairtune as ft; run = ft.search(dataset="digits", method="mfd", trials=16)``. Nothing large is imported before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairtune.api.evaluate import evaluate
    from fairtune.api.listing import datasets, methods, models, rules, samplers, schedulers
    from fairtune.api.notebook import search, train
    from fairtune.api.plan import plan
    from fairtune.api.run import open_run

__version__ = "0.1.0"
__all__ = ["datasets", "evaluate", "methods", "models", "open_run", "plan", "rules", "samplers", "schedulers", "search", "train"]

_HOMES = {
    "evaluate": "fairtune.api.evaluate",
    "open_run": "fairtune.api.run",
    "plan": "fairtune.api.plan",
    "train": "fairtune.api.notebook",
}
_ROOMS = ("datasets", "methods", "models", "rules", "samplers", "schedulers", "search")
"""Packages that are functions too: see :mod:`fairtune._rooms`."""


if not TYPE_CHECKING:  # where a type checker saw it, it would take any name for one of ours

    def __getattr__(name: str) -> object:
        if name in _HOMES:
            return getattr(importlib.import_module(_HOMES[name]), name)
        if name in _ROOMS:
            return importlib.import_module(f"fairtune.{name}")
        raise AttributeError(f"module 'fairtune' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
