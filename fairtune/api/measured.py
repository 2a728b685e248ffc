"""What is measured of trainings that are planned, each kind of training once however many plans it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from fairtune.spec import TrialSpec
from fairtune.training.cost import Shape
from fairtune.training.neighbours import Neighbours

T = TypeVar("T")


class Measured:
    """Trainings by what decides how long they take.

    That is all of their specification but its seed and the size of its fractions: a weight, a rate or a share has as much computed
    whatever it is, unless it is 0.

    Args:
        timed_s: seconds of steps that are timed of each.
        neighbours: what trains beside those that are timed.
    """

    def __init__(self, timed_s: float, neighbours: Neighbours) -> None:
        self.timed_s = timed_s
        self.neighbours = neighbours
        self._known: dict[str, object] = {}

    @classmethod
    @contextmanager
    def open(cls, timed_s: float = 1.0) -> Iterator[Measured]:
        """For as long as the block lasts; its neighbours end with it."""
        with Neighbours() as neighbours:
            yield cls(timed_s, neighbours)

    def once(self, spec: TrialSpec, shape: Shape, of_machine: object, measure: Callable[[], T]) -> T:
        """What is known of a training, measured where it is not.

        Args:
            spec: the training.
            shape: of its data.
            of_machine: what else decides: what is measured, on what, with how many beside it.
            measure: does it.
        """
        key = repr((_kind(spec.model_dump()), shape.stored, shape.train, shape.validation, of_machine))
        if key not in self._known:
            self._known[key] = measure()
        found: T = self._known[key]  # type: ignore[assignment]  # kept under what names its type
        return found


def _kind(value: object) -> object:
    """A part of a specification, of its fractions only whether they are 0."""
    match value:
        case dict():
            return {name: _kind(part) for name, part in value.items() if name != "seed"}
        case float():
            return value != 0
    return value
