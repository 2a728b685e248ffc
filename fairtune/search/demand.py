"""What each trial of a search asks Ray for, and how many trials to ask for at a time."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import ray

from fairtune.errors import InvalidInput
from fairtune.names import counted
from fairtune.search.cluster_file import ClusterFile
from fairtune.search.growth import autoscaler_file, fitting, has_autoscaler, trials_within
from fairtune.sizes import GIB
from fairtune.spec import Place

_log = logging.getLogger(__name__)
MEMORY = "memory"
"""Ray's name of a machine's memory, in bytes."""
Amounts = Mapping[str, float]
"""So much of each of Ray's resources."""


class Demand(NamedTuple):
    """What a search asks a cluster for.

    Attributes:
        of_each: what each trial has set aside.
        at_a_time: how many trials; None for all that there are, where the cluster grows and does not say how far.
    """

    of_each: Amounts
    at_a_time: int | None


def demand_of(place: Place) -> Demand:
    """What a search asks the cluster for that this process is connected to.

    Memory that was not given but estimated keeps no trial from running: where no machine has so much, a trial asks for what the
    largest has, and for none where it is not known what the machines have that would be started.

    Raises:
        InvalidInput: no node of it, nor one that it may start, holds a trial.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    file = None if place.address is None else autoscaler_file()
    endless = place.address is not None and file is None and has_autoscaler()
    needs = _needs(place)
    if place.memory_per_trial is None and MEMORY in needs:
        types = [] if file is None else [kind["resources"] for kind in file["available_node_types"].values()]
        needs = _with_memory_of(needs, nodes, types, endless=endless)
    fits, grown = sum(fitting(node, needs) for node in nodes), None if file is None else trials_within(file, needs)
    if fits == 0 and (place.address is None or grown == 0):
        raise InvalidInput(_fits_nowhere(place, needs, nodes, file))
    if place.max_concurrent is not None:
        return Demand(needs, place.max_concurrent)
    if endless:
        _log.warning("the cluster grows and does not say how far: asking for every trial at once; set a limit by --max-concurrent")
        return Demand(needs, None)
    return Demand(needs, max(1, fits, grown or 0))


def in_words(amounts: Amounts, like: Amounts) -> str:
    """Amounts of what a trial asks for, for people.

    Args:
        amounts: of each resource.
        like: what a trial asks for; whether that is memory too.
    """
    computing = f"{counted(amounts.get('CPU', 0), 'CPU')} and {counted(amounts.get('GPU', 0), 'GPU')}"
    return f"{computing}, {amounts.get(MEMORY, 0) / GIB:.3g} GiB of memory" if MEMORY in like else computing


def _needs(place: Place) -> Amounts:
    needs = {"CPU": place.cpus_per_trial, "GPU": place.gpus_per_trial}
    return needs | {MEMORY: int(place.memory_gib * GIB)} if place.memory_gib > 0 else needs


def _with_memory_of(needs: Amounts, nodes: Sequence[Amounts], types: Sequence[Amounts], *, endless: bool) -> Amounts:
    """What a trial asks for, its memory no more than the largest machine has that would hold it."""
    without = {name: amount for name, amount in needs.items() if name != MEMORY}
    held = [machine for machine in (*nodes, *types) if fitting(machine, without)]
    if endless or not held or any(MEMORY not in machine for machine in held):
        _log.warning(
            "it is not known how much memory the nodes have that the cluster would start, so trials ask for none: say it under "
            "resources in its file, or give --memory-per-trial"
        )
        return without
    most = max(machine[MEMORY] for machine in held)
    if most >= needs[MEMORY]:
        return needs
    _log.warning(
        f"a trial is expected to take {needs[MEMORY] / GIB:.3g} GiB of memory, and no machine has more than {most / GIB:.3g} for "
        "trials: one at a time on each; --memory-per-trial overrules that"
    )
    return {**needs, MEMORY: int(most)}


def _fits_nowhere(place: Place, needs: Amounts, nodes: Sequence[Amounts], file: ClusterFile | None) -> str:
    where = "this machine" if place.address is None else f"a node that the cluster at {place.address} has or may start"
    has = {name: sum(node.get(name, 0) for node in nodes) for name in needs}
    types = [] if file is None else file["available_node_types"].values()
    silent = MEMORY in needs and bool(types) and not any(MEMORY in kind["resources"] for kind in types)
    free = MEMORY in needs and has[MEMORY] < needs[MEMORY] and not silent
    return (
        f"no trial fits {where}: it asks for {in_words(needs, needs)}; Ray sees {in_words(has, needs)} in all"
        f"{', and its file does not say how much memory its nodes have' * silent}"
        f"{': free some, or call fairtune search again with the same --name and a smaller --memory-per-trial' * free}"
    )
