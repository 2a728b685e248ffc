"""How far the cluster of a search grows by itself.

A search asks for all trials at once that it may run at a time, and Ray's autoscaler starts the nodes that they want; so what is
there now is no measure. The limits stand in the file that the autoscaler was started with, which is on the head: a search that
runs there, as with ``ray exec`` and ``ray job submit``, reads them. Elsewhere, and where the autoscaler is not in the head's
container, as KubeRay's, only that it exists is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import psutil
import ray
from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray._raylet import (  # type: ignore[attr-defined]  # not in its stub
    GCS_AUTOSCALER_STATE_NAMESPACE,
    GCS_AUTOSCALER_V2_ENABLED_KEY,
)
from ray.autoscaler._private.util import format_readonly_node_type
from ray.experimental.internal_kv import _internal_kv_get
from ray.util.client import ray as client

from fairtune.request.yaml_files import read_mapping
from fairtune.search.cluster_file import ClusterFile, MachineType

_FILE, _GCS = "--autoscaling-config=", "--gcs-address="
_ROUNDING = 1e-6
_MIRRORED = format_readonly_node_type("")
"""How types of node begin that Ray makes up where nobody starts nodes."""


def autoscaler_file() -> ClusterFile | None:
    """The file with the limits of the cluster that this process is connected to; None where it is not seen from here."""
    file = next(_files_of_autoscalers(), None)
    return None if file is None else cast("ClusterFile", read_mapping(file, "autoscaler's file"))


def trials_within(config: ClusterFile, needs: Mapping[str, float]) -> int:
    """How many trials fit the largest cluster that a cluster file allows.

    Args:
        config: a file for ``ray up``.
        needs: amount of each resource that a trial takes.
    """
    types, left = dict(config["available_node_types"]), config.get("max_workers", 0)
    trials = _trials_on(types.pop(config["head_node_type"]), needs)
    for node in sorted(types.values(), key=lambda node: _trials_on(node, needs), reverse=True):
        nodes = min(left, node.get("max_workers", left))
        left -= nodes
        trials += nodes * _trials_on(node, needs)
    return trials


def fitting(has: Mapping[str, float], needs: Mapping[str, float]) -> int:
    """How many trials fit what there is of each resource.

    Args:
        has: amount of each.
        needs: amount that a trial takes.
    """
    return int(min(has.get(name, 0) / amount for name, amount in needs.items() if amount > 0) + _ROUNDING)


def _trials_on(node: MachineType, needs: Mapping[str, float]) -> int:
    return fitting(node.get("resources", {}), needs)


def _files_of_autoscalers() -> Iterator[Path]:
    """The file of the autoscaler of this cluster, if it runs on this machine, as one of Ray's processes."""
    if client.is_connected():  # another machine is the driver
        return
    gcs = ray.get_runtime_context().gcs_address
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            folder = process.cwd()
        except psutil.Error:
            continue
        if f"{_GCS}{gcs}" in words:
            for word in words:
                file = Path(folder, word.removeprefix(_FILE)).expanduser()
                if word.startswith(_FILE) and file.is_file():
                    yield file


def has_autoscaler() -> bool:
    """Whether something starts nodes of this cluster; a cluster made by hand has a monitor too, which only looks on."""
    if _internal_kv_get(GCS_AUTOSCALER_V2_ENABLED_KEY, namespace=GCS_AUTOSCALER_STATE_NAMESPACE) == b"1":
        return True
    status = json.loads(_internal_kv_get(DEBUG_AUTOSCALING_STATUS) or b"{}")
    types = status.get("autoscaler_report", {}).get("node_type_mapping") or {}
    return any(not kind.startswith(_MIRRORED) for kind in types.values())
