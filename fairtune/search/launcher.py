"""Faults of a file for Ray's cluster launcher, found without a cloud.

``ray up`` has no dry run: what it cannot use comes out when machines are rented already, or never, as a search that waits. Checked
here is what Ray's own validation says, and what it misses: sources that are not there, limits that exclude each other, machines
that the cloud does not have, commands that leave a cluster open or its workers unborn.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeGuard

import jsonschema
import ray.autoscaler
from ray.autoscaler._private import util
from ray.autoscaler._private.providers import _NODE_PROVIDERS

from fairtune.errors import InvalidInput, unknown_name
from fairtune.request.yaml_files import read_mapping
from fairtune.search.aws import machine_faults
from fairtune.search.cluster_file import ClusterFile, MachineType

_NEEDED = {
    "aws": ("region",),
    "gcp": ("region", "availability_zone", "project_id"),
    "azure": ("location", "resource_group"),
    "local": ("head_ip", "worker_ips"),
    "external": ("module",),
}
"""Without these a provider fails once it is asked for machines."""
_FROM_AN_INDEX = re.compile(r"\bpip3? install\b[^;&|]*(?<![-/\w.~])fairtune(?![-/\w.])")
_OPEN_DASHBOARD = re.compile(r"--dashboard-host[= ](0\.0\.0\.0|::)(?!\S)")


def read_cluster_file(path: Path) -> ClusterFile:
    """The settings of a cluster file that can work.

    Args:
        path: a file for ``ray up``.

    Raises:
        InvalidInput: all that was found, a sentence each.
    """
    schema = json.loads((Path(ray.autoscaler.__file__).parent / "ray-schema.json").read_text())
    content = read_mapping(path, "cluster file", list(schema["properties"]))
    faults = [*_schema_faults(content, schema)]
    if _is_sound(content, faults):
        for check in (_provider, _head, _limits, _spot, _sources, _install, _starts):
            faults += check(content)
        if not faults:
            faults += machine_faults(content) if content["provider"]["type"] == "aws" else []
            faults += _refused_by_ray(content)
        if not faults:
            return content
    raise InvalidInput([f"the cluster file {path}: {fault}" for fault in faults])


def _is_sound(content: Mapping[str, object], faults: Sequence[str]) -> TypeGuard[ClusterFile]:
    """Whether Ray's schema, which our type of it is a part of, found no fault."""
    return not faults


def summary(config: ClusterFile) -> list[str]:
    """The cluster that a file asks for, a line each: its head, its workers by type, how many in all."""
    head, workers = config["head_node_type"], _workers(config)
    lines = [f"head {head}: {_machine(config['available_node_types'][head])}"]
    lines += [f"workers {name}: {_machine(kind)}, {_least(kind)} to {_most(config, kind)}" for name, kind in workers.items()]
    return [*lines, f"at most {config.get('max_workers', 0)} workers; one that idles for {_idle(config):g} minutes leaves"]


def _schema_faults(config: Mapping[str, object], schema: Mapping[str, object]) -> Iterator[str]:
    for error in jsonschema.Draft7Validator(schema).iter_errors(config):
        place = ".".join(map(str, error.absolute_path))
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            for name in sorted(set(error.instance) - set(known)):
                yield unknown_name(f"setting of {place}", name, known)
        else:
            yield f"{place}: {error.message}" if place else error.message
    if "available_node_types" not in config:
        yield "available_node_types is missing: it names the head's and the workers' types of machine"


def _provider(config: ClusterFile) -> Iterator[str]:
    provider = config["provider"]
    kind = provider["type"]
    if kind not in _NODE_PROVIDERS:
        yield unknown_name("provider.type", kind, _NODE_PROVIDERS)
    for name in _NEEDED.get(kind, ()):
        if not provider.get(name):
            yield f"provider.{name} is missing: {kind} needs it"


def _head(config: ClusterFile) -> Iterator[str]:
    kinds, head = config["available_node_types"], config.get("head_node_type")
    if head is None:
        yield "head_node_type is missing: it names one of available_node_types"
    elif head not in kinds:
        yield unknown_name("head_node_type", head, kinds)
    elif _gpus(kinds[head]):
        yield f"the head {head!r} has a GPU, which is paid for as long as the cluster stands: give it a type without"
    if not any(_gpus(kind) for kind in _workers(config).values()):
        yield "no type of worker has a GPU under resources: no trial that asks for one would ever start"


def _limits(config: ClusterFile) -> Iterator[str]:
    most = config.get("max_workers")
    if not most:
        yield f"max_workers is {'missing' if most is None else 0}: how many workers there may be in all"
        return
    for name, kind in config["available_node_types"].items():
        low, high = _least(kind), _most(config, kind)
        if high > most:
            yield f"available_node_types.{name}.max_workers is {high}, above the cluster's max_workers {most}"
        if low > high:
            yield f"available_node_types.{name}.min_workers is {low}, above its max_workers {high}"
    low = sum(map(_least, config["available_node_types"].values()))
    if low > most:
        yield f"the types' min_workers are {low} in all, above the cluster's max_workers {most}"


def _spot(config: ClusterFile) -> Iterator[str]:
    """Ray starts, of equal types that can be had, the one of the highest priority."""
    workers = _workers(config)
    for spot, kind in workers.items():
        if not _is_spot(kind):
            continue
        for other, dearer in workers.items():
            equal = dearer["resources"] == kind["resources"] and not _is_spot(dearer)
            if equal and dearer.get("priority", 0) >= kind.get("priority", 0):
                yield (
                    f"of the equal types {spot!r} and {other!r} Ray may start {other!r} where spot machines can be had: give "
                    f"{spot!r} the higher priority"
                )


def _sources(config: ClusterFile) -> Iterator[str]:
    for target, source in config.get("file_mounts", {}).items():
        if not Path(source).expanduser().exists():
            yield f"file_mounts: {source} (for {target}) is not there, sought from {Path.cwd()}"


def _install(config: ClusterFile) -> Iterator[str]:
    for command in _setup_commands(config):
        if _FROM_AN_INDEX.search(command):
            yield (
                f"{command!r} takes fairtune from a package index, which has none: install the wheel that `make wheel` puts into "
                "dist/, by file_mounts"
            )


def _starts(config: ClusterFile) -> Iterator[str]:
    heads = [command for command in config.get("head_start_ray_commands", ()) if "ray start" in command]
    workers = [command for command in config.get("worker_start_ray_commands", ()) if "ray start" in command]
    if not any("--head" in command for command in heads):
        yield "head_start_ray_commands start no head: `ray start --head ...`"
    elif not any("--autoscaling-config" in command for command in heads):
        yield "head_start_ray_commands give no --autoscaling-config=~/ray_bootstrap_config.yaml: no worker would ever start"
    if not any("--address" in command for command in workers):
        yield "worker_start_ray_commands do not join the head: `ray start --address=$RAY_HEAD_IP:6379`"
    for command in heads + workers:
        if "RAY_AUTH_MODE=token" not in command.partition("ray start")[0]:
            yield f"{command!r} lets whoever reaches its ports run code: write RAY_AUTH_MODE=token before `ray start`"
        if _OPEN_DASHBOARD.search(command):
            yield f"{command!r} shows the dashboard to every network: write --dashboard-host=127.0.0.1"


def _refused_by_ray(config: ClusterFile) -> Iterator[str]:
    try:
        util.validate_config(util.prepare_config(copy.deepcopy(dict(config))))
    except Exception as error:  # bare ones, of many kinds
        yield " ".join(str(error).split())


def _workers(config: ClusterFile) -> dict[str, MachineType]:
    kinds, head = config["available_node_types"], config.get("head_node_type")
    return {name: kind for name, kind in kinds.items() if name != head or kind.get("max_workers")}


def _setup_commands(config: ClusterFile) -> list[str]:
    own = (config.get("setup_commands", []), config.get("head_setup_commands", []), config.get("worker_setup_commands", []))
    return [command for commands in own for command in commands]


def _gpus(kind: MachineType) -> float:
    return float(kind["resources"].get("GPU", 0))


def _least(kind: MachineType) -> int:
    return int(kind.get("min_workers", 0))


def _most(config: ClusterFile, kind: MachineType) -> int:
    return int(kind.get("max_workers", config.get("max_workers", 0)))


def _is_spot(kind: MachineType) -> bool:
    node = kind["node_config"]
    return bool(
        node.get("InstanceMarketOptions", {}).get("MarketType") == "spot"
        or node.get("scheduling", {}).get("preemptible")
        or node.get("scheduling", {}).get("provisioningModel") == "SPOT"
    )


def _machine(kind: MachineType) -> str:
    node = kind["node_config"]
    has = ", ".join(f"{count} {name}" for name, count in kind["resources"].items() if count) or "no trials"
    return f"{node.get('InstanceType') or node.get('machineType') or 'machine'}{' spot' if _is_spot(kind) else ''} ({has})"


def _idle(config: ClusterFile) -> float:
    return float(config.get("idle_timeout_minutes", 5))
