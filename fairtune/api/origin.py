"""What is known of the machine and the software that a search is begun with."""

from __future__ import annotations

import datetime as dt
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

import fairtune
from fairtune.study.origin import Origin

_PACKAGES = ("torch", "torchvision", "numpy", "ray", "optuna", "mlflow", "scikit-learn", "scipy")
_PATIENCE_S = 5


def origin() -> Origin:
    """Of this process, now."""
    return Origin(
        when=dt.datetime.now(dt.UTC).isoformat(" ", "seconds"),
        version=version("fairtune"),
        commit=commit_of(Path(fairtune.__file__).parent),
        host=platform.node(),
        system=platform.platform(),
        device=_device(),
        packages={"python": platform.python_version()} | {name: version(name) for name in _PACKAGES},
    )


def commit_of(package: Path) -> str:
    """The commit of a checkout whose folder of code this is, with a ``+`` where files differ from it; empty where there is none."""
    if not (package.parent / ".git").exists():
        return ""
    commit = _git(package.parent, "rev-parse", "HEAD")
    return commit + "+" * bool(commit and _git(package.parent, "status", "--porcelain", "--untracked-files=no"))


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *command], capture_output=True, text=True, timeout=_PATIENCE_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _device() -> str:
    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(device) for device in range(torch.cuda.device_count()))
    return f"{_processor()}, {torch.get_num_threads()} cores"


def _processor() -> str:
    """As Linux names it, else as Python does."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor() or "CPU")
