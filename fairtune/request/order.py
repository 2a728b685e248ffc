"""The order in which people meet the options: in help, in the Python API's signatures and in ``RUN/spec.yaml``."""

from __future__ import annotations

from pydantic import BaseModel
from pydantic.fields import FieldInfo

PANELS: dict[str, tuple[str, ...]] = {
    "Data, method and model": ("dataset", "method", "model", "set", "space"),
    "Teacher": ("teacher_model", "teacher_epochs", "teacher_set", "teacher_sees"),
    "Search": (
        *("select", "accuracy_floor", "compare_with", "sampler", "joint", "warm_start", "scheduler"),
        *("seeds_per_trial", "validation_folds", "final_seeds", "post_process"),
    ),
    "Budget, whichever ends first": ("trials", "time_budget_s", "epoch_budget", "gpu_budget_s", "patience"),
    "Training": ("epochs", "batch_size", "micro_batch", "seed", "precision", "compile", "protocol", "train_fraction"),
    "Place": (
        *("data", "runs", "name", "tracking_uri", "study", "storage", "address"),
        *("gpus_per_trial", "cpus_per_trial", "memory_per_trial", "max_concurrent", "trial_timeout_s", "keep_finals"),
    ),
}
"""The options by the heading under which help shows them."""
_PANEL_OF = {name: panel for panel, names in PANELS.items() for name in names}


def panel_of(name: str) -> str:
    """The heading of an option."""
    return _PANEL_OF[name]


def in_order(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of a request, by name."""
    names = list(_PANEL_OF)
    return dict(sorted(model.model_fields.items(), key=lambda item: names.index(item[0])))
