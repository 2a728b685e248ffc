"""What the methods share that transfer what is read off the map of the last convolution."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.records import Batch, Outputs


@dataclass
class MapTransfer(Method):
    """Makes what is read off the student's map like what is read off the baseline's.

    Attributes:
        term: the name of the loss term.
        kept: the name of what is read off the baseline's map.
        read: takes maps ``(B, C, h, w)``, gives what is read off them, small enough to be kept.
        compare: takes the student's maps and what was read off the baseline's, gives a scalar.
        weight: of the term; each method has its own default and range.
    """

    term: ClassVar[str]
    kept: ClassVar[str]
    read: ClassVar[Callable[[Tensor], Tensor]]
    compare: ClassVar[Callable[[Tensor, Tensor], Tensor]]
    needs_teacher: ClassVar[bool] = True
    needs_maps: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    weight: float

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """What is read off the baseline's map."""
        assert teacher.maps is not None
        return {self.kept: type(self).read(teacher.maps)}

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted term."""
        assert student.maps is not None
        return {self.term: self.weight * type(self).compare(student.maps, teacher[self.kept])}
