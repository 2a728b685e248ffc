"""A cluster that grows, and a search on it: run alone in a private network and process namespace, where its end ends everything.

``python -m tests.search.growing FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

GCS = "127.0.0.1:6399"
GPU_NODES = 3
TRIALS = 6
MOMENTS = {
    "demand of the baseline seen",
    "first GPU node up",
    "demand of every other trial seen",
    "all GPU nodes up",
    "trials on all of them",
    "all trials ended",
    "search ended",
    "all GPU nodes gone",
}
SEARCH = (
    f"search --address {GCS} --gpus-per-trial 1 --trials {TRIALS} --epochs 200 --accuracy-floor 0 --final-seeds 1 --name run --runs"
)
CLUSTER_FILE = {
    "cluster_name": "growing",
    "max_workers": 5,
    "idle_timeout_minutes": 0.1,
    "upscaling_speed": 10.0,
    "provider": {
        "type": "fake_multinode",
        "gcs_address": GCS,
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
    },
    "auth": {},
    "docker": {},
    "file_mounts": {},
    "file_mounts_sync_continuously": False,
    "cluster_synced_files": [],
    "initialization_commands": [],
    "setup_commands": [],
    "head_setup_commands": [],
    "worker_setup_commands": [],
    "head_start_ray_commands": [],
    "worker_start_ray_commands": [],
    "head_node_type": "ray.head.default",
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "gpu": {"resources": {"CPU": 1, "GPU": 1}, "node_config": {}, "max_workers": GPU_NODES},
        "cpu": {"resources": {"CPU": 1}, "node_config": {}, "max_workers": 2},
    },
}


def in_private(folder: Path) -> None:
    """Make this namespace ready for clusters that listen on loopback and want a token."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    os.environ |= {
        "HOME": str(folder),
        "OMP_NUM_THREADS": "1",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }


def at_work() -> set[str]:
    """Nodes on which trials train."""
    from ray._private.state import actors

    working = [actor for actor in actors().values() if actor["State"] == "ALIVE" and "Trainable" in actor["ActorClassName"]]
    return {actor["Address"]["NodeID"] for actor in working}


def set_up(folder: Path) -> None:
    """A head that runs no trial and an autoscaler that starts nodes on this machine."""
    in_private(folder)
    os.environ |= {"AUTOSCALER_UPDATE_INTERVAL_S": "1", "RAY_FAKE_CLUSTER": "1", "RAY_enable_autoscaler_v2": "0"}
    file = folder / "cluster.json"
    file.write_text(json.dumps(CLUSTER_FILE))
    where = ["--head", f"--port={GCS.rpartition(':')[2]}", "--node-ip-address=127.0.0.1", f"--temp-dir={folder}/r"]
    size = ["--num-cpus=0", f"--object-store-memory={100 * 2**20}", "--include-dashboard=false", f"--autoscaling-config={file}"]
    ray = Path(sys.executable).with_name("ray")
    subprocess.run([ray, "start", *where, *size], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Onlooker:
    """Notes when what it looks for is first seen."""

    def __init__(self) -> None:
        import ray

        ray.init(address=GCS, log_to_driver=False)
        self._began = time.monotonic()
        self.seen: dict[str, float] = {}
        self.hosts: set[str] = set()

    def note(self, what: str, holds: bool) -> None:
        if holds and what not in self.seen:
            self.seen[what] = round(time.monotonic() - self._began, 1)

    def wanted(self) -> int:
        """Placement groups that the autoscaler knows to be waited for."""
        from ray.experimental.internal_kv import _internal_kv_get

        report = json.loads(_internal_kv_get("__autoscaling_status") or b"{}").get("load_metrics_report", {})
        return sum(count for _, count in report.get("pg_demand", []))

    def workers(self) -> set[str]:
        """The nodes that have a GPU."""
        import ray

        return {node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("GPU")}


def watch(search: "subprocess.Popen[bytes]", ended: Callable[[], int]) -> dict[str, Any]:
    """Look on until the search has ended and the nodes that it wanted have left."""
    onlooker = Onlooker()
    while search.poll() is None:
        wanted, workers, busy = onlooker.wanted(), onlooker.workers(), at_work()
        onlooker.hosts |= busy
        onlooker.note("demand of the baseline seen", wanted > 0)
        onlooker.note("first GPU node up", len(workers) > 0)
        onlooker.note("demand of every other trial seen", len(busy) > 0 and wanted == GPU_NODES - 1)
        onlooker.note("all GPU nodes up", len(workers) == GPU_NODES)
        onlooker.note("trials on all of them", len(busy) == GPU_NODES)
        onlooker.note("all trials ended", ended() == TRIALS)
        time.sleep(0.3)
    onlooker.note("search ended", True)
    deadline = time.monotonic() + 60
    while onlooker.workers() and time.monotonic() < deadline:
        time.sleep(0.3)
    onlooker.note("all GPU nodes gone", not onlooker.workers())
    return {"seen": onlooker.seen, "hosts": len(onlooker.hosts)}


def main(folder: Path, outcome: Path) -> None:
    """Set up, search, look on, and write what was seen."""
    set_up(folder)
    command = [str(Path(sys.executable).with_name("fairtune")), *SEARCH.split(), str(folder / "runs")]
    with (folder / "said.txt").open("w") as said:
        search = subprocess.Popen(command, stdout=said, stderr=said)
        seen = watch(search, lambda: len(list((folder / "runs" / "run" / "trials").glob("*/trial.json"))))
    outcome.write_text(json.dumps(seen | {"exit": search.returncode, "said": (folder / "said.txt").read_text()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
