"""The steps of an epoch on a GPU, recorded once as a CUDA graph and replayed.

A step of a small net is hundreds of short kernels, and Python takes longer to launch them than a GPU to run them. A replay launches
all of a step's kernels by one call: the same kernels on the same memory, so that the numbers are those of the plain steps.

What Python does in a step is not repeated. A recording holds for the epoch that it is made in, in which learning rates and what
methods make of the epoch's number are fixed. In the plain step before it, a method is found out that keeps count of its steps in
Python, or puts another tensor in an attribute's place (:func:`changed`), or waits for the GPU.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from fairtune.methods import Composite

LEAST_STEPS = 8
"""In an epoch of fewer, recording takes longer than replaying saves."""

TakeStep = Callable[[int | Tensor], None]
"""Takes a step, of a number in the epoch, which may be a tensor ``(1,)`` on the device."""


class Replayed:
    """Takes the steps of one epoch in order: the first as it is, the others by replaying a recording of the second.

    Args:
        take: a step; all that it changes are tensors in place, and gradients.
        optimizers: that it steps.
        net: in training.
        method: whose attributes are watched.
        device: a CUDA device.
    """

    def __init__(
        self, take: TakeStep, optimizers: Iterable[Optimizer], net: nn.Module, method: Composite, device: torch.device
    ) -> None:
        self._take = take
        self._optimizers = list(optimizers)
        self._net = net
        self._method = method
        self._device = device
        self._number = torch.ones(1, dtype=torch.int64, device=device)
        self._graph: torch.cuda.CUDAGraph | None = None
        self.hindrance: str | None = None
        """Why the steps are not replayed; None if they are."""

    def __call__(self, number: int) -> None:
        """Take the step of this number."""
        if number == 0:
            self._first()
            return
        if self._graph is None and self.hindrance is None:
            self._record()
        if self._graph is None:
            self._take(number)
        else:
            self._graph.replay()

    def _first(self) -> None:
        before = bindings(self._method, self._net)
        side, current = _side(self._device), torch.cuda.current_stream(self._device)
        side.wait_stream(current)
        with torch.cuda.stream(side), _waits() as waits:
            self._take(0)
        current.wait_stream(side)
        if names := changed(before, bindings(self._method, self._net)):
            self.hindrance = f"a step changes {', '.join(names)} in Python"
        elif waits:
            self.hindrance = f"a step waits for the GPU in {', '.join(waits)}"

    def _record(self) -> None:
        graph = torch.cuda.CUDAGraph()
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        draws = generator.clone_state()
        try:
            with (
                _capturable(self._optimizers),
                torch.cuda.graph(graph, stream=_side(self._device), capture_error_mode="thread_local"),
            ):
                self._take(self._number)
                self._number += 1
        except RuntimeError as error:
            self.hindrance = f"a step cannot be recorded: {str(error).strip().partition(chr(10))[0]}"
            generator.graphsafe_set_state(draws)  # one that a recording has broken off in draws nothing more
        else:
            self._graph = graph


@contextmanager
def _waits() -> Iterator[list[str]]:
    """Where in the code the host waits for the GPU inside."""
    found: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        before = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield found
        finally:
            torch.cuda.set_sync_debug_mode(before)
    for warning in caught:
        if "synchronizing CUDA operation" in str(warning.message):
            found.append(f"{Path(warning.filename).name}, line {warning.lineno}")
        elif "debug mode is a prototype" not in str(warning.message):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)


@cache
def _side(device: torch.device) -> torch.cuda.Stream:
    """The stream on which steps are recorded, the same for all, as a stream keeps its memory to itself."""
    return torch.cuda.Stream(device)


@contextmanager
def _capturable(optimizers: list[Optimizer]) -> Iterator[None]:
    """Let optimisers be recorded; their states are on the GPU anyway, as they are fused."""
    groups = [group for optimizer in optimizers for group in optimizer.param_groups if "capturable" in group]
    before = [group["capturable"] for group in groups]
    for group in groups:
        group["capturable"] = True
    try:
        yield
    finally:
        for group, was in zip(groups, before, strict=True):
            group["capturable"] = was


def bindings(method: Composite, net: nn.Module) -> dict[str, object]:
    """What every attribute of a method's components, of their modules and of the net stands for, by name."""
    homes: list[tuple[str, object]] = [(f"net.{name}" if name else "net", module) for name, module in net.named_modules()]
    for name, part in method.parts.items():
        homes.append((name, part))
        homes += [(f"{name}.{inside}", module) for inside, module in part.modules.named_modules() if inside]
    found: dict[str, object] = {}
    for name, home in homes:
        for attribute, value in vars(home).items():
            members = value.items() if isinstance(value, dict) else ((None, value),)
            found |= {f"{name}.{attribute if key is None else key}": _held(member) for key, member in members}
    return found


def changed(before: dict[str, object], after: dict[str, object]) -> list[str]:
    """The names that stand for something else, or are new or gone."""
    return sorted(name for name in before.keys() | after.keys() if not _same(before.get(name), after.get(name)))


def _held(value: object) -> object:
    """A value itself, or of one that can grow its parts as they are now."""
    if isinstance(value, list | set | frozenset):
        return tuple(value)
    return value


def _same(one: object, other: object) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return one is other or (isinstance(one, int | float | str | bytes) and type(one) is type(other) and one == other)
