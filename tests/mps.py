"""A process that has the name of NVIDIA's Multi-Process Service, where there is none."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fairtune.training.sharing import SERVICE


@contextmanager
def mps(folder: Path) -> Iterator[None]:
    """Have it run."""
    sleep = shutil.which("sleep")
    assert sleep is not None
    shutil.copy(sleep, folder / SERVICE)
    with subprocess.Popen([folder / SERVICE, "60"]) as service:
        try:
            yield
        finally:
            service.kill()
