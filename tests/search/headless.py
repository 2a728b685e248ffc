"""A search whose cluster loses its head: run alone in a private network and process namespace, where its end ends everything.

``python -m tests.search.headless FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import psutil

from tests.search.losing import Begun


def main(folder: Path, outcome: Path) -> None:
    """Kill the head of the cluster, and write what comes of it."""
    begun = Begun(folder)
    head = next(process for process in psutil.process_iter() if process.name() == "gcs_server")
    head.send_signal(signal.SIGKILL)
    began = time.monotonic()
    begun.until(lambda: "waiting for the head" in begun.said)
    named = time.monotonic() - began
    ended = begun.search.wait(200)
    seen = {"named": round(named, 1), "ended": round(time.monotonic() - began, 1)}
    outcome.write_text(json.dumps({"seen": seen, "exit": ended, "said": begun.said}))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
