"""What determines a trial."""

from __future__ import annotations

import itertools
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, model_serializer

from fairtune.space import Value
from fairtune.spec.base import Frozen, Positive, Precision, Protocol, digest


class PlugIn(Frozen):
    """A dataset or model by name, with its options complete.

    Attributes:
        name: of the plug-in.
        options: all of them.
        digest: of a dataset, what :func:`fairtune.datasets.digest_of` says of its files; None where nobody asked, as in runs of
            earlier versions, whose identities stay as they were.
    """

    name: str
    options: dict[str, Value] = Field(default_factory=dict)
    digest: str | None = None

    @model_serializer(mode="wrap")
    def _without_unknown_digest(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        known: dict[str, object] = fields(self)
        return {name: value for name, value in known.items() if name != "digest" or value is not None}


Schedule = Literal["plateau", "cosine", "multistep", "constant"]


def _shares(given: object) -> object:
    """Shares of the epochs, of a text such as ``0.5,0.75``; each above 0, below 1 and above the one before."""
    try:
        found = tuple(float(share) for share in (given.split(",") if isinstance(given, str) else given))  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        found = ()
    if not found or any(low >= high for low, high in itertools.pairwise((0.0, *found, 1.0))):
        raise ValueError(f"the milestones {given!r} are not shares of the epochs: give rising numbers between 0 and 1, as 0.5,0.75")
    return found


class Optimizer(Frozen):
    """How weights are updated.

    Attributes:
        name: ``adam``, or ``sgd`` with momentum 0.9.
        lr: learning rate.
        weight_decay: L2 penalty.
        schedule: ``plateau`` divides the rate by 10 after 10 epochs without a lower validation loss (the papers' code looks
            at the test loss there); ``cosine`` lets it fall to 0; ``multistep`` divides it by 10 at each of the ``milestones``;
            ``constant`` leaves it.
        milestones: shares of the epochs, rising: 0.5 and 0.75 are after epochs 40 and 60 of 80, and both after the
            only epoch of one.
    """

    name: Literal["adam", "sgd"] = "adam"
    lr: Annotated[float, Field(gt=0)] = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = "plateau"
    milestones: Annotated[tuple[float, ...], BeforeValidator(_shares)] = (0.5, 0.75)

    @model_serializer(mode="wrap")
    def _without_idle_milestones(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where no schedule looks at them, as in trials of earlier versions, whose identities stay as they were."""
        known: dict[str, object] = fields(self)
        return {name: value for name, value in known.items() if name != "milestones" or self.schedule == "multistep"}


_LATER = ("micro_batch", "teacher_sees")


class TrialSpec(Frozen):
    """All that determines a trial: equal :attr:`id` means the same training, already done.

    Attributes:
        dataset: which data, down to the content of its files; its ``seed`` option fixes the splits.
        model: which architecture.
        method: a method's name, or names joined by ``+``.
        values: every hyperparameter of the method, by full name (``mfd.weight``).
        optimizer: how weights are updated.
        epochs: length of training.
        batch_size: B.
        seed: of initialisation, order and noise.
        precision: of the forward and backward pass.
        protocol: ``official`` reproduces the authors' code where it differs from the paper or is wrong.
        train_fraction: share of the training split used.
        teacher: the baseline that distillation methods learn from and fine-tuning ones start from.
        micro_batch: samples whose gradients are computed at a time and added up over the batch; None computes the whole batch's.
        teacher_sees: the version of each image that the teacher sees: a group's name, or ``mean``, all of which its outputs are the
            mean; None for what the student sees.
    """

    dataset: PlugIn
    model: PlugIn
    method: str
    values: dict[str, Value] = Field(default_factory=dict)
    optimizer: Optimizer = Optimizer()
    epochs: Positive
    batch_size: Positive
    seed: Annotated[int, Field(ge=0)] = 0
    precision: Precision = "fp32"
    protocol: Protocol = "fixed"
    train_fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    teacher: TrialSpec | None = None
    micro_batch: Positive | None = None
    teacher_sees: str | None = None

    @model_serializer(mode="wrap")
    def _without_later_fields(self, fields: SerializerFunctionWrapHandler) -> dict[str, object]:
        """Where they say nothing, as in trials of earlier versions, whose identities stay as they were."""
        known: dict[str, object] = fields(self)
        return {name: value for name, value in known.items() if name not in _LATER or value is not None}

    @property
    def id(self) -> str:
        """The first 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(self.model_dump(mode="json"))
