"""A search whose cluster loses its head: run alone in a private network and process namespace.

``python -m tests.search.beheading FOLDER OUTCOME``: writes what was seen, with the seconds at which it was, as JSON.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from tests.search.losing import Begun
from tests.sockets import running, words


def main(folder: Path, outcome: Path) -> None:
    """Kill the head's GCS, and write what the search says and how it ends."""
    begun = Begun(folder)
    import ray

    ray.shutdown()  # or Ray would end this process too
    gcs = next(pid for pid in running() if "gcs_server" in words(pid, "cmdline")[0])
    os.kill(gcs, signal.SIGKILL)
    began = time.monotonic()
    code = begun.search.wait(150)
    seen = {"GCS killed": 0.0, "search ended": round(time.monotonic() - began, 1)}
    outcome.write_text(json.dumps({"seen": seen, "exit": code, "said": begun.said, "run": str(folder / "run")}))
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
