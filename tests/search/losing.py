"""A search whose trial loses its node: run alone in a private network and process namespace, where its end ends everything.

``python -m tests.search.losing FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.search.growing import at_work, in_private

SEARCH = "search --gpus-per-trial 1 --max-concurrent 1 --trials 1 --epochs 600 --accuracy-floor 0 --name run"
CLUSTER_FILE = Path(__file__).parents[2] / "cluster.yaml"
SOON_KNOWN = {name: int(value) for name, value in re.findall(r"RAY_(health_check_\w+)=(\d+)", CLUSTER_FILE.read_text())}
"""How soon a head notices that a node is lost, as our cluster file has it."""
Seen = TypeVar("Seen")


def until(look: Callable[[], Seen], search: "subprocess.Popen[bytes]", seconds: float = 400) -> Seen:
    """What is seen at last, while the search runs."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert search.poll() is None, "the search ended"
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)
    return seen


class Begun:
    """A cluster of two workers and a search whose one trial has a checkpoint by now."""

    def __init__(self, folder: Path) -> None:
        in_private(folder)
        import ray
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()
        self.cluster.add_node(
            num_cpus=0, include_dashboard=False, temp_dir=f"{folder}/r", _system_config=SOON_KNOWN, node_ip_address="127.0.0.1"
        )
        workers = [self.cluster.add_node(num_cpus=1, num_gpus=1, node_ip_address="127.0.0.1") for _ in range(2)]
        self.nodes = {node.node_id: node for node in workers}
        ray.init(address=self.cluster.address, log_to_driver=False)
        self.folder = folder
        fairtune = str(Path(sys.executable).with_name("fairtune"))
        command = [fairtune, *SEARCH.split(), "--address", self.cluster.address, "--runs", str(folder)]
        with (folder / "said.txt").open("w") as said:
            self.search = subprocess.Popen(command, stdout=said, stderr=said)
        self.kept = folder / "run" / "trials" / "0000" / "checkpoint.pt"
        self.until(self.kept.exists)
        (self.host,) = at_work()
        self.seen: dict[str, float] = {}

    def until(self, look: Callable[[], Seen], what: str | None = None) -> None:
        """Wait until something is seen, and note when."""
        until(look, self.search)
        if what is not None:
            self.seen[what] = time.monotonic()

    def goes_on_elsewhere(self) -> None:
        """Wait until the trial trains on the other node, further than it was."""
        self.until(lambda: "goes on from its checkpoint" in self.said, "said")
        self.until(lambda: at_work() - {self.host}, "trial elsewhere")
        last = self.written()
        self.until(lambda: self.written() > last, "further than its checkpoint")

    def written(self) -> int:
        """When the checkpoint was written; 0 in the moment in which a new one takes its place."""
        try:
            return self.kept.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    @property
    def said(self) -> str:
        return (self.folder / "said.txt").read_text()

    def end(self, outcome: Path) -> None:
        """Stop the search, write what was seen, and end this namespace with all that runs in it."""
        self.search.send_signal(signal.SIGINT)
        began = next(iter(self.seen.values()))
        after = {what: round(moment - began, 1) for what, moment in self.seen.items()}
        outcome.write_text(json.dumps({"seen": after, "exit": self.search.wait(100), "said": self.said}))
        os._exit(0)


def main(folder: Path, outcome: Path) -> None:
    """Kill the node of the trial, and write what comes of it."""
    begun = Begun(folder)
    import ray

    begun.cluster.remove_node(begun.nodes[begun.host], allow_graceful=False)
    begun.seen["killed"] = time.monotonic()
    begun.until(lambda: begun.host not in {node["NodeID"] for node in ray.nodes() if node["Alive"]}, "loss known")
    begun.goes_on_elsewhere()
    begun.end(outcome)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
