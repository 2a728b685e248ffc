"""Trainings that run beside one that is timed, as they will in a search: processes that share caches and memory are slower.

``python -m fairtune.training.neighbours`` is one of them. Each line of its input says what to train from then on, or to rest; it
ends with its input.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import cycle
from pathlib import Path

import torch

from fairtune import plugins
from fairtune.records import Purpose
from fairtune.spec import TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import open_data_once

_STEPS = 3


class Neighbours:
    """Other processes of this machine's CPU, started when they are first needed, that train when they are asked to.

    There are none where a class of a notebook is trained, which no other process knows, and fewer where one fails.
    """

    def __init__(self) -> None:
        self._there: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Neighbours:
        return self

    def __exit__(self, *error: object) -> None:
        self._leave(self._there)

    @contextmanager
    def training(self, specs: Sequence[TrialSpec], root: Path, *, number: int, threads: int) -> Iterator[None]:
        """Have so many of them train for as long as the block lasts.

        Args:
            specs: what they train, one after the other; nothing of it is kept.
            root: folder of the original data files.
            number: of the processes.
            threads: that each may use.
        """
        number = 0 if plugins.given() else number
        self._there += [_process() for _ in range(number - len(self._there))]
        self._ask(number, [spec.model_dump_json() for spec in specs], root, threads)
        try:
            yield
        finally:
            self._ask(number, [], root, threads)

    def _ask(self, number: int, specs: Sequence[str], root: Path, threads: int) -> None:
        """Have them train, or rest where there is nothing to train; those that have failed are let go."""
        asked = self._there[:number]
        for process in asked:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps({"specs": specs, "root": str(root), "threads": threads}) + "\n")
                process.stdin.flush()
        failed = [process for process in asked if not _answers(process)]
        self._there = [process for process in self._there if process not in failed]
        self._leave(failed)

    def _leave(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        for process in processes:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with suppress(BrokenPipeError):
                    stream.close()


def _process() -> subprocess.Popen[str]:
    command = [sys.executable, "-m", __name__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _answers(process: subprocess.Popen[str]) -> bool:
    """Whether it has done as it was asked, or has ended."""
    assert process.stdout is not None
    return bool(process.stdout.readline())


def _work(orders: queue.SimpleQueue[str]) -> None:
    """Train what the latest order says, some steps of each training in turn; a line is printed when an order has been taken."""
    cpu = torch.device("cpu")
    while True:
        order = json.loads(orders.get())
        torch.set_num_threads(order["threads"])
        specs = [TrialSpec.model_validate_json(spec) for spec in order["specs"]]
        root = Path(order["root"])
        trainings = [assemble(spec, open_data_once(spec, root, Purpose.SEARCH), runs=None, device=cpu) for spec in specs]
        print("ready", flush=True)  # noqa: T201
        for training in cycle(trainings):
            if not orders.empty():
                break
            training.take_steps(at_most=_STEPS)


def _read(orders: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


def main() -> None:
    """Do what the lines of the input say, and end with it."""
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    _work(orders)


if __name__ == "__main__":
    main()
