"""Whether Amazon's cloud could start the machines that a cluster file names, as far as its published interface says."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from fairtune.errors import unknown_name
from fairtune.search.cluster_file import ClusterFile, Machine

if TYPE_CHECKING:
    from botocore.model import ServiceModel

_RAY_ONLY = {"SubnetIds"}
"""Settings of a machine that Ray takes for itself."""
_DEFAULT_IMAGE = "latest_dlami"


def machine_faults(config: ClusterFile) -> list[str]:
    """Faults of the types of machine in a cluster file of the provider ``aws``.

    Args:
        config: the file's settings, valid otherwise.

    Returns:
        A sentence each: settings and types of machine that the cloud does not know, a region without Ray's image; and one sentence
        where the client that knows them is not installed.
    """
    if importlib.util.find_spec("boto3") is None:
        return ["the machines of aws cannot be checked, nor started, without boto3: `make setup-cluster`, or pip install boto3"]
    kinds = config["available_node_types"]
    return [
        *_image_faults(config["provider"]["region"], [kind["node_config"] for kind in kinds.values()]),
        *(
            f"available_node_types.{name}.node_config: {fault}"
            for name, kind in kinds.items()
            for fault in _setting_faults(kind["node_config"])
        ),
    ]


def _image_faults(region: str, nodes: Sequence[Machine]) -> Iterator[str]:
    from ray.autoscaler._private.aws.config import DEFAULT_AMI

    rays_own = any(str(node.get("ImageId", _DEFAULT_IMAGE)).lower() == _DEFAULT_IMAGE for node in nodes)
    if rays_own and region not in DEFAULT_AMI:
        yield f"Ray knows no image for the region {region!r}: give its ImageId, or one of {', '.join(sorted(DEFAULT_AMI))}"


@cache
def _cloud() -> ServiceModel:
    """The cloud's published interface, of some megabytes."""
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("ec2", "service-2"))


def _setting_faults(node: Machine) -> Iterator[str]:
    from botocore.validate import ParamValidator

    asked = _cloud().operation_model("RunInstances").input_shape
    given = {name: value for name, value in node.items() if name not in _RAY_ONLY}
    for name in sorted(set(given) - set(asked.members)):
        yield unknown_name("setting", name, asked.members)
    known = {name: value for name, value in given.items() if name in asked.members}
    report = ParamValidator().validate({"MinCount": 1, "MaxCount": 1, **known}, asked)
    if report.has_errors():
        yield " ".join(report.generate_report().split())
    machines = asked.members["InstanceType"].enum
    if "InstanceType" not in node:
        yield "InstanceType is missing: the type of machine"
    elif node["InstanceType"] not in machines:
        yield unknown_name("InstanceType", str(node["InstanceType"]), machines)
