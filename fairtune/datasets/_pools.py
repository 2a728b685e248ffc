"""What a dataset gives: its description, and its samples in pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

import numpy as np

from fairtune.batches.transforms import Normalise, Transform
from fairtune.datasets._twins import Twins
from fairtune.names import Names
from fairtune.records import Array

Part = Literal["train", "validation", "test"]


@dataclass(frozen=True, kw_only=True)
class Info:
    """What a dataset with its options is.

    Attributes:
        classes: name of each label.
        groups: name of each group.
        shape: of what a net sees, ``(C, H, W)`` or ``(F,)``. Images may be stored larger: training crops them, evaluation
            resizes them.
        augment: transforms drawn anew for every training batch, in this order.
        normalise: what a net standardises images by whose weights don't say, in training and in evaluation.
        balanced_test: whether each class of the test split holds equally many samples of every group, to within one; if so,
            validation accuracy is weighted by cell to estimate the same quantity.
        model: default architecture.
        epochs: default length of training.
        batch_size: default batch size.
        balanced_batch_size: default of methods that fill batches equally from every cell, where that must be smaller.
        class_balance: beta of the effective-number class weights that the cross-entropy is trained with
            (:func:`fairtune.batches.sampling.effective_number_weights`); None weighs all classes alike.
    """

    classes: tuple[str, ...]
    groups: tuple[str, ...]
    shape: tuple[int, ...]
    augment: tuple[Transform, ...] = ()
    normalise: Normalise | None = None
    balanced_test: bool
    model: str
    epochs: int
    batch_size: int = 128
    balanced_batch_size: int | None = None
    class_balance: float | None = None

    @property
    def names(self) -> Names:
        """Of classes and groups, in sentences."""
        return Names(self.classes, self.groups)


class Published(NamedTuple):
    """What is known of a dataset without its files.

    Attributes:
        info: what it says of itself.
        stored: shape of one decoded image, ``(H, W, C)``, or vector ``(F,)``.
        train, validation: samples of each split.
    """

    info: Info
    stored: tuple[int, ...]
    train: int
    validation: int


class Samples(Protocol):
    """Inputs that are read slice by slice: an array, or files decoded when asked for."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, H, W, C)`` or ``(N, F)``."""
        ...

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """uint8 for images, float32 for vectors."""
        ...

    def __getitem__(self, rows: slice, /) -> Array:
        """The samples of consecutive rows."""
        ...


@dataclass(frozen=True)
class Pool:
    """One part of a dataset: every input once, with all that is known of it.

    Attributes:
        x: ``(N, H, W, C)`` uint8, or ``(N, F)`` float32; memory-mapped once it comes from the cache.
        columns: arrays of N rows by name: labels, attributes, patients, whatever the options choose among. ``source`` (int64) is
            always there: samples of one source (an original image, a patient) never fall into different splits. Numbers are those
            of the whole dataset: a part has none of another's. Images that come from the cache have
            :data:`fairtune.datasets._twins.IMAGE_COLUMNS` too.
        twins: equal images of all parts, as far as they have been read.
    """

    x: Samples
    columns: Mapping[str, Array] = field(default_factory=dict)
    twins: Twins = ()

    def __len__(self) -> int:
        return int(self.x.shape[0])


class Content(NamedTuple):
    """What decoded pools depend on.

    Attributes:
        options: those that change the pixels or what is in the test part, as JSON would hold them.
        files: every file that is read to make the pools, relative to the folder of the original ones.
    """

    options: tuple[object, ...] = ()
    files: Sequence[str] = ()
