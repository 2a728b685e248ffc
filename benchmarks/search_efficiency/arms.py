"""Which searches are compared, and which parts ours is taken apart into, or could have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from benchmarks.search_efficiency.policies import Policy

ESTIMATE = "stretched shrunken"
TODAY = Policy(sampler="tpe", points=True)
"""What ``fairtune search`` did by default before it stopped trials early or ranked by an estimate."""
OURS = Policy(sampler="auto", scheduler="pareto_asha", estimate=ESTIMATE, points=True)

COMPARED: Mapping[str, Policy] = {
    "papers' grids": Policy(grid=True),
    "random": Policy(),
    "TPE": Policy(sampler="tpe"),
    "NSGA-II": Policy(sampler="nsga2"),
    "ASHA on accuracy": Policy(scheduler="asha", accuracy_only=True),
    "today": TODAY,
    "ours": OURS,
}

ABLATED: Mapping[str, Policy] = {
    "ours": OURS,
    "without constraint": replace(OURS, constraint=False),
    "without the floor in early rungs": replace(OURS, early_floor=False),
    "random for its sampler": replace(OURS, sampler="random"),
    "as many trials per method": replace(OURS, joint=False),
    "without early stopping": replace(OURS, scheduler="none"),
    "DEO_M for its estimate": replace(OURS, estimate="DEO_M"),
    "without papers' points": replace(OURS, points=False),
    "with racing": replace(OURS, folds=1),
    "with racing on two folds": replace(OURS, folds=2),
}
