"""Where a search is found in MLflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from fairtune.study.key import JobKey


@dataclass(frozen=True)
class Mirror:
    """The ids that MLflow gave.

    Attributes:
        experiment_id: of the dataset's experiment.
        run_id: of the search's run.
        children: run of each training that has one.
    """

    experiment_id: str
    run_id: str
    children: Mapping[JobKey, str] = field(default_factory=dict)
