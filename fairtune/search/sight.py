"""What Ray has for trials, seen by starting it or by joining it."""

from __future__ import annotations

from typing import NamedTuple

import ray

from fairtune.search.cluster import cluster
from fairtune.sizes import GIB
from fairtune.spec import Place


class Sight(NamedTuple):
    """What a cluster has.

    Attributes:
        nodes: machines that are alive.
        cpus, gpus: in all.
        memory_gib: that Ray would give out.
        trials: that a search would ask for at a time; None for all that it has.
    """

    nodes: int
    cpus: float
    gpus: float
    memory_gib: float
    trials: int | None


def look(place: Place) -> Sight:
    """Join the cluster of a search, or start the one that a search on this machine would, and see what it has.

    Args:
        place: names the cluster and what a trial needs.

    Raises:
        InvalidInput: the cluster does not answer or start, or can never run such a trial.
    """
    with cluster(place) as demand:
        have = ray.cluster_resources()
        nodes = sum(bool(node["Alive"]) for node in ray.nodes())
        return Sight(nodes, have.get("CPU", 0), have.get("GPU", 0), have.get("memory", 0) / GIB, demand.at_a_time)
