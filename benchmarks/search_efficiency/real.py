"""Real searches, trained and confirmed, by which the replay is confirmed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import fairtune as ft
from benchmarks.search_efficiency.grids import Recorded
from benchmarks.search_efficiency.replay import OBJECTIVES
from fairtune.search.budget import most_confirmed

FINAL_SEEDS = 4
REAL: Mapping[str, Mapping[str, object]] = {
    "random, to the end": {"sampler": "random", "scheduler": "none"},
    "ours, to the end": {"sampler": "auto", "scheduler": "none"},
    "ours": {"sampler": "auto", "scheduler": "pareto_asha"},
    "ours, racing": {"sampler": "auto", "scheduler": "pareto_asha", "seeds_per_trial": "auto", "validation_folds": 2},
}
"""The searches, by the options of ``fairtune search`` in which they differ."""


class Found(NamedTuple):
    """What one search came to; the scores are means over the retrainings, on the test split.

    Attributes:
        deo_m, accuracy: of the choice; of the baseline where nothing was chosen.
        baseline_deo_m, baseline_accuracy: of the baseline.
        epochs: that the trials took.
        begun, complete: trials.
        seconds: that the whole search took.
    """

    deo_m: float
    accuracy: float
    baseline_deo_m: float
    baseline_accuracy: float
    epochs: float
    begun: float
    complete: float
    seconds: float


def search(recorded: Recorded, runs: Path, data: Path, name: str, *, epochs: int, seed: int) -> Found:
    """One search of all methods of a table jointly; one that is there already is read, one that was stopped goes on.

    Args:
        recorded: names dataset and methods; the methods have their own spaces, not the levels of the table.
        runs: folder of the runs.
        data: of the original data files.
        name: of the kind of search, in :data:`REAL`.
        epochs: for the trials; the baseline and what is kept for the confirmation come on top.
        seed: of the search and of its splits.
    """
    length = recorded.search(seed, data).epochs
    run = ft.search(
        dataset=recorded.dataset,
        data=str(data),
        method=list(recorded.grids),
        joint=True,
        trials=10_000,
        epoch_budget=epochs + length * (1 + FINAL_SEEDS * most_confirmed(OBJECTIVES)),
        final_seeds=FINAL_SEEDS,
        seed=seed,
        runs=str(runs),
        name=f"{name.replace(', ', '-').replace(' ', '-')}-{seed}",
        **REAL[name],
    )
    summary = run.summary
    baseline = summary.confirmed["baseline"]
    choice = summary.confirmed.get("chosen", baseline)
    return Found(
        choice.score("deo_m").mean,
        choice.score("accuracy").mean,
        baseline.score("deo_m").mean,
        baseline.score("accuracy").mean,
        summary.cost.epochs,
        len(summary.trials),
        sum(trial.state == "complete" for trial in summary.trials),
        summary.cost.wall_s,
    )
