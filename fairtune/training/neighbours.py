"""Trainings that run beside one that is timed, as they will in a search: processes that share caches and memory are slower.

``python -m fairtune.training.neighbours`` is one of them. It reads what to train, a line, and trains it until its input ends.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from fairtune import plugins
from fairtune.records import Purpose
from fairtune.spec import TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import open_data_once

_STEPS = 10


@contextmanager
def neighbours(specs: Sequence[TrialSpec], root: Path, *, number: int, threads: int) -> Iterator[None]:
    """Have other processes of this machine's CPU train for as long as the block lasts.

    There are none where a class of a notebook is trained, which no other process knows, and fewer where one fails.

    Args:
        specs: what they train, one after the other; nothing of it is kept.
        root: folder of the original data files.
        number: of the processes.
        threads: that each may use.
    """
    order = json.dumps({"specs": [spec.model_dump_json() for spec in specs], "root": str(root), "threads": threads})
    with ExitStack() as stack:
        started = [stack.enter_context(_process()) for _ in range(0 if plugins.given() else number)]
        for process in started:
            assert process.stdin is not None
            process.stdin.write(f"{order}\n")
            process.stdin.flush()
        for process in started:
            assert process.stdout is not None
            process.stdout.readline()  # it trains, or has ended
        yield


@contextmanager
def _process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _train(specs: Sequence[TrialSpec], root: Path) -> None:
    """Train on and on, some steps of each; the first line that is printed says that training has begun."""
    cpu = torch.device("cpu")
    trainings = [assemble(spec, open_data_once(spec, root, Purpose.SEARCH), runs=None, device=cpu) for spec in specs]
    print("training", flush=True)  # noqa: T201
    while True:
        for training in trainings:
            training.take_steps(at_most=_STEPS)


def _end_with_the_input() -> None:
    sys.stdin.read()
    os._exit(0)


def main() -> None:
    """Train what the first line of the input says, and end with the input."""
    order = json.loads(sys.stdin.readline())
    torch.set_num_threads(order["threads"])
    specs = [TrialSpec.model_validate_json(spec) for spec in order["specs"]]
    threading.Thread(target=_end_with_the_input, daemon=True).start()
    _train(specs, Path(order["root"]))


if __name__ == "__main__":
    main()
