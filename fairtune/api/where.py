"""The machine that a plan is for: a card by name, those of a cluster file, or this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from fairtune.errors import InvalidInput
from fairtune.search.cluster_file import ClusterFile
from fairtune.search.launcher import read_cluster_file
from fairtune.spec import Precision
from fairtune.training.cards import Card, find_card

UTILISATION: dict[Precision, float] = {"bf16": 0.08, "fp32": 0.25, "float64": 0.25}
"""Share of a card's peak that training is assumed to reach where nobody has measured it; of an H100 nets took 6 to 13 % and 18 to
38 %."""
_RENTED = {
    "p5": "h100",
    "p4de": "a100-80",
    "p4d": "a100",
    "g5": "a10g",
    "g6": "l4",
    "g4dn": "t4",
    "a3-highgpu": "h100",
    "a3-megagpu": "h100",
    "a2-ultragpu": "a100-80",
    "a2-highgpu": "a100",
    "a2-megagpu": "a100",
    "g2-standard": "l4",
}
"""Which card machines of a family have; its relatives have others: ``g6e`` an L40S, ``p5e`` and ``a3-ultragpu`` H200s."""


class Where(NamedTuple):
    """What a user says of the machine.

    Attributes:
        on: a card's name; None is this machine, unless a cluster is given.
        cluster: a file for Ray's cluster launcher.
        peak_tflops, memory_gib: of a card that is not known, or in place of what is.
        price: of one GPU for an hour.
        utilisation: share of its peak that training reaches; None is that assumed for the precision.
    """

    on: str | None = None
    cluster: Path | None = None
    peak_tflops: float | None = None
    memory_gib: float | None = None
    price: float | None = None
    utilisation: float | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is this machine."""
        return self.on is None and self.cluster is None and self.peak_tflops is None

    def share(self, precision: Precision) -> float:
        """Of the card's peak that training reaches."""
        return UTILISATION[precision] if self.utilisation is None else self.utilisation

    def cards(self) -> tuple[Card, int]:
        """The card, and how many of it there are at a time.

        Raises:
            InvalidInput: the card is not known, or the cluster's cannot be told.
        """
        if self.cluster is None:
            return find_card(self.on, tflops=self.peak_tflops, gib=self.memory_gib), 1
        names, count = _of_cluster(read_cluster_file(self.cluster), self.cluster)
        name = self.on or _only(names, self.cluster)
        if name is None and self.peak_tflops is None:
            raise InvalidInput(f"{self.cluster}: which GPU its machines have is not known here: give --on CARD beside it")
        return find_card(name, tflops=self.peak_tflops, gib=self.memory_gib), count


def _of_cluster(config: ClusterFile, path: Path) -> tuple[dict[str, str | None], int]:
    """The types of the machines that have GPUs, each with its card where that is known, and how many GPUs there are at most."""
    kinds = [kind for kind in config["available_node_types"].values() if kind["resources"].get("GPU")]
    if not kinds:
        raise InvalidInput(
            f"{path}: none of its machines has a GPU in its resources: give --on CARD without --cluster, or say there how many "
            "each has"
        )
    machines = (kind["node_config"].get("InstanceType") or kind["node_config"].get("machineType") or "" for kind in kinds)
    each = max(int(kind["resources"]["GPU"]) for kind in kinds)
    return {machine: _RENTED.get(_family(machine)) for machine in machines}, each * int(config.get("max_workers", 1))


def _family(machine: str) -> str:
    """What a type's name has before the size: ``g6`` of ``g6.xlarge``, ``a3-highgpu`` of ``a3-highgpu-8g``."""
    return machine.partition(".")[0] if "." in machine else machine.rpartition("-")[0]


def _only(cards: Mapping[str, str | None], path: Path) -> str | None:
    """The card of all machines; None where it is not known."""
    if len(set(cards.values())) > 1:
        raise InvalidInput(f"{path}: its workers have different GPUs ({', '.join(sorted(cards))}): give --on CARD for one of them")
    return next(iter(cards.values()))
