"""A search whose trial is told that its node will go: run alone in a private network and process namespace.

``python -m tests.search.draining FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import sys
import time
from pathlib import Path

from tests.search.losing import Begun


def main(folder: Path, outcome: Path) -> None:
    """Announce that the node of the trial will go, as for a spot machine, and write what comes of it."""
    begun = Begun(folder)
    from ray._raylet import GcsClient  # type: ignore[attr-defined]  # not in its stub
    from ray.core.generated.autoscaler_pb2 import DrainNodeReason  # type: ignore[attr-defined]  # likewise

    in_two_minutes = time.time_ns() // 10**6 + 120_000
    client = GcsClient(address=begun.cluster.address)
    announced = DrainNodeReason.Value("DRAIN_NODE_REASON_PREEMPTION")
    accepted, reason = client.drain_node(begun.host, announced, "spot", in_two_minutes)
    assert accepted, reason
    begun.seen["announced"] = time.monotonic()
    begun.goes_on_elsewhere()
    begun.end(outcome)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
