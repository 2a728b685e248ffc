"""What a file for Ray's cluster launcher says, once Ray's own schema holds of it."""

from __future__ import annotations

from typing import NotRequired, TypedDict


class Machine(TypedDict, total=False):
    """What the cloud is told of a machine, as far as we look at it."""

    ImageId: str
    InstanceType: str
    machineType: str
    InstanceMarketOptions: dict[str, object]
    scheduling: dict[str, object]


class MachineType(TypedDict):
    """Machines of one type: what each has for trials, and how many there may be."""

    node_config: Machine
    resources: dict[str, float]
    min_workers: NotRequired[int]
    max_workers: NotRequired[int]
    priority: NotRequired[int]


class Provider(TypedDict):
    """Who rents machines out, and where."""

    type: str
    region: NotRequired[str]


class ClusterFile(TypedDict):
    """A cluster."""

    provider: Provider
    available_node_types: dict[str, MachineType]
    head_node_type: NotRequired[str]
    max_workers: NotRequired[int]
    idle_timeout_minutes: NotRequired[float]
    file_mounts: NotRequired[dict[str, str]]
    setup_commands: NotRequired[list[str]]
    head_setup_commands: NotRequired[list[str]]
    worker_setup_commands: NotRequired[list[str]]
    head_start_ray_commands: NotRequired[list[str]]
    worker_start_ray_commands: NotRequired[list[str]]
