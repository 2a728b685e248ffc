"""Which type of machine the cluster's autoscaler starts: one that can be had now.

Ray's own scorer knows which types could not be started lately and does not ask: where spot machines have run out it goes on asking
for them. ``cluster.yaml`` names this one in ``RAY_AUTOSCALER_UTILIZATION_SCORER``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ray.autoscaler._private.node_provider_availability_tracker import NodeAvailabilitySummary
from ray.autoscaler._private.resource_demand_scheduler import _default_utilization_scorer


def available_first(
    node_resources: Mapping[str, float],
    resources: Sequence[Mapping[str, float]],
    node_type: str,
    *,
    node_availability_summary: NodeAvailabilitySummary,
) -> tuple[object, ...] | None:
    """Rank a type of machine: those that can be had first, then as Ray does.

    Args:
        node_resources: what a machine of this type has.
        resources: what is asked for, a request each.
        node_type: its name in the cluster's file.
        node_availability_summary: what came of the last starts; Ray forgets it after half an hour.

    Returns:
        The highest is started, of equal ones that whose name sorts last; None where it can serve no request.
    """
    score = _default_utilization_scorer(
        node_resources,  # type: ignore[arg-type]  # Ray asks for numbers.Real, which no float is for a type checker
        resources,  # type: ignore[arg-type]  # likewise
        node_type,
        node_availability_summary=node_availability_summary,
    )
    if score is None:
        return None
    last = node_availability_summary.node_availabilities.get(node_type)
    return (last is None or last.is_available, *score)
