"""A search whose trial loses its node: run alone in a private network and process namespace, where its end ends everything.

``python -m tests.search.losing FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.search.growing import at_work, in_private

SEARCH = "search --gpus-per-trial 1 --max-concurrent 1 --trials 1 --epochs 600 --accuracy-floor 0 --name run"
SOON_KNOWN = {"health_check_period_ms": 1000, "health_check_timeout_ms": 2000, "health_check_failure_threshold": 5}
Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], search: "subprocess.Popen[bytes]", seconds: float = 200) -> Seen:
    """What is seen at last, while the search runs."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert search.poll() is None, "the search ended"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return seen


def main(folder: Path, outcome: Path) -> None:
    """Start a cluster of two workers and a search, kill the node of its trial, and write what comes of it."""
    in_private(folder)
    import ray
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    cluster.add_node(
        num_cpus=0, include_dashboard=False, temp_dir=f"{folder}/r", _system_config=SOON_KNOWN, node_ip_address="127.0.0.1"
    )
    nodes = {
        node.node_id: node for node in (cluster.add_node(num_cpus=1, num_gpus=1, node_ip_address="127.0.0.1") for _ in range(2))
    }
    ray.init(address=cluster.address, log_to_driver=False)
    command = [
        str(Path(sys.executable).with_name("fairtune")),
        *SEARCH.split(),
        "--address",
        cluster.address,
        "--runs",
        str(folder),
    ]
    with (folder / "said.txt").open("w") as said:
        search = subprocess.Popen(command, stdout=said, stderr=said)
    kept = folder / "run" / "trials" / "0000" / "checkpoint.pt"
    until(kept.exists, search)
    (host,) = at_work()
    cluster.remove_node(nodes[host], allow_graceful=False)
    seen = {"killed": time.monotonic()}
    until(lambda: host not in {node["NodeID"] for node in ray.nodes() if node["Alive"]}, search)
    seen["loss known"] = time.monotonic()
    last = kept.stat().st_mtime_ns
    until(lambda: at_work() - {host}, search)
    seen["trial elsewhere"] = time.monotonic()
    until(lambda: kept.stat().st_mtime_ns > last, search)
    seen["further than its checkpoint"] = time.monotonic()
    search.send_signal(signal.SIGINT)
    after = {what: round(moment - seen["killed"], 1) for what, moment in seen.items()}
    outcome.write_text(json.dumps({"seen": after, "exit": search.wait(100), "said": (folder / "said.txt").read_text()}))
    os._exit(0)  # the namespace ends with this process, and Ray with it


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
