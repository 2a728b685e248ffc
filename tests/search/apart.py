"""A search on nodes that do not see its folder, one of which is lost: run alone in a private network and process namespace.

``python -m tests.search.apart FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON. The nodes' own
mount namespaces hide the folder of runs from them; what they share is a server that speaks S3.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psutil

from fairtune.storage import Shelf
from tests.s3 import CREDENTIALS, S3
from tests.search.growing import GCS, at_work, in_private
from tests.search.losing import SOON_KNOWN, until

SEARCH = (
    f"search --address {GCS} --gpus-per-trial 0 --max-concurrent 1 --trials 1 --epochs 200 --accuracy-floor 0 --final-seeds 1 "
    "--name run --runs"
)
RAY = str(Path(sys.executable).with_name("ray"))
SIZE = [f"--object-store-memory={100 * 2**20}", "--node-ip-address=127.0.0.1"]


def start_head(folder: Path) -> None:
    """A head that runs no trial."""
    where = ["--head", f"--port={GCS.rpartition(':')[2]}", f"--temp-dir={folder}/r", f"--system-config={json.dumps(SOON_KNOWN)}"]
    command = [RAY, "start", *where, *SIZE, "--num-cpus=0", "--include-dashboard=false"]
    with (folder / "head.txt").open("w") as said:
        subprocess.run(command, check=True, stdout=said, stderr=said)


def start_node(folder: Path, name: str) -> "subprocess.Popen[bytes]":
    """A node that sees nothing in the folder of runs."""
    ray = f"{RAY} start --block --address={GCS} --num-cpus=1 {' '.join(SIZE)}"
    command = ["unshare", "-m", "sh", "-c", f"mount -t tmpfs none {folder}/runs && exec {ray}"]
    environment = os.environ | {"FAIRTUNE_CACHE": f"{folder}/{name}", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "1"}
    with (folder / f"{name}.txt").open("w") as said:
        return subprocess.Popen(command, env=environment, stdout=said, stderr=said)


def kill(node: "subprocess.Popen[bytes]") -> None:
    """Kill a node with all its processes."""
    for process in [*psutil.Process(node.pid).children(recursive=True), psutil.Process(node.pid)]:
        process.kill()


def main(folder: Path, outcome: Path) -> None:
    """Start a cluster and a search, kill the node of its trial, and write what comes of it."""
    in_private(folder)
    os.environ |= CREDENTIALS
    server = S3()
    (folder / "runs").mkdir()
    start_head(folder)
    import ray

    ray.init(address=GCS, log_to_driver=False)
    first = start_node(folder, "first")
    while not (hosts := {node["NodeID"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU")}):
        time.sleep(0.1)
    fairtune = str(Path(sys.executable).with_name("fairtune"))
    command = [fairtune, *SEARCH.split(), str(folder / "runs"), "--storage", server.address()]
    with (folder / "said.txt").open("w") as said:
        search = subprocess.Popen(command, env=os.environ | {"FAIRTUNE_CACHE": f"{folder}/driver"}, stdout=said, stderr=said)
    trial = Shelf(server.address(), "run/trials/0000")
    until(lambda: not trial.is_empty, search)
    start_node(folder, "second")
    kept = len(list((folder / "runs" / "run").glob("trials/*/*")))
    kill(first)
    seen = {"killed": time.monotonic()}
    until(lambda: at_work() - hosts, search)
    seen["trial elsewhere"] = time.monotonic()
    code = search.wait(200)
    seen["search ended"] = time.monotonic()
    after = {what: round(moment - seen["killed"], 1) for what, moment in seen.items()}
    left = sorted(info.path for info in Shelf(server.address(), "run")._files(recursive=True))
    texts = {"said": (folder / "said.txt").read_text(), "files of trials while they ran": kept, "left of the run": left}
    outcome.write_text(json.dumps({"seen": after, "exit": code, **texts}))
    server.stop()
    os._exit(0)  # the namespace ends with this process, and Ray with it


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
