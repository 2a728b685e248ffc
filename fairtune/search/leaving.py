"""Whether a worker's node is about to be taken away, as clouds say of spot machines some time before."""

from __future__ import annotations

import ray
from ray._private.state import state


def node_is_leaving() -> bool:
    """Whether Ray was told that the node of this process will go: its autoscaler or ``ray drain-node`` drains it."""
    return ray.is_initialized() and ray.get_runtime_context().get_node_id() in state.get_draining_nodes()
