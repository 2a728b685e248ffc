"""What a training will cost, counted on tensors without values: nothing is trained, and no device is needed."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from fairtune.batches.split import SCORING_BATCH
from fairtune.datasets import Info
from fairtune.errors import InvalidInput
from fairtune.models import NO_WEIGHTS, ways_of_a_gpu
from fairtune.records import Split
from fairtune.spec import Precision, TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.data import Data
from fairtune.training.device import autocast
from fairtune.training.loop import Training
from fairtune.training.stages import standing_for
from fairtune.training.teacher import CachedTeacher
from fairtune.training.valueless import no_values

_CPU = torch.device("cpu")


class Shape(NamedTuple):
    """What is known of a dataset without looking at its samples.

    Attributes:
        info: what it says of itself.
        stored: shape of one stored sample, ``(H, W, C)`` or ``(F,)``.
        train, validation: samples of each split.
        attribute_size: length of one sample's ``Batch.attribute``; 0 where there is none.
    """

    info: Info
    stored: tuple[int, ...]
    train: int
    validation: int
    attribute_size: int = 0

    @classmethod
    def of(cls, data: Data) -> Shape:
        """Of opened data."""
        attribute = data.train.attribute
        size = 0 if attribute is None else attribute.shape[1]
        return cls(data.info, data.train.pool.shape[1:], len(data.train), len(data.validation), size)

    @property
    def sample_bytes(self) -> int:
        """Of one stored sample."""
        return int(np.prod(self.stored)) * self._dtype.itemsize

    @property
    def _dtype(self) -> np.dtype[np.generic]:
        return np.dtype(np.uint8 if len(self.stored) == 3 else np.float32)

    def data(self) -> Data:
        """Splits of this shape, all of one sample, every cell alike."""
        return Data(self.info, self._split(self.train), self._split(self.validation))

    def _split(self, samples: int) -> Split:
        rows, classes, groups = np.arange(samples), len(self.info.classes), len(self.info.groups)
        attribute = np.zeros((samples, self.attribute_size), np.float32) if self.attribute_size else None
        return Split(
            np.broadcast_to(np.zeros((), self._dtype), (samples, *self.stored)),
            rows,
            rows % classes,
            rows // classes % groups,
            rows,
            num_groups=groups,
            num_classes=classes,
            attribute=attribute,
        )


class Cost(NamedTuple):
    """What one training takes.

    Attributes:
        step_flops: floating point operations of a step's matrix products and convolutions, forward and backward; of the costlier
            stage, where there are two.
        flops: of the whole training, the scoring of every epoch included.
        operations: launched in the whole training, views not counted.
        peak_bytes: all tensors at the fullest moment of training and scoring: nets, gradients, optimisers, activations, batch.
        weights_bytes: the net's state, as it is kept for trials on the front.
        state_bytes: a checkpoint.
        outputs_bytes: the teacher's outputs on all training images, where they are kept; else 0.
    """

    step_flops: int
    flops: float
    operations: float
    peak_bytes: int
    weights_bytes: int
    state_bytes: int
    outputs_bytes: int


class NotCounted(InvalidInput):
    """What a training takes cannot be counted, because what it does depends on values."""


class _Count(NamedTuple):
    flops: float
    operations: float

    def __sub__(self, other: _Count) -> _Count:
        return _Count(self.flops - other.flops, self.operations - other.operations)


def cost_of(spec: TrialSpec, shape: Shape, device: torch.device) -> Cost:
    """What a training takes.

    It is put together as ever, takes its first epoch and its last with one step and with two, and scores a batch; the difference of
    the two is what a step takes. Each stage counts for as many epochs as it has. What methods do at the end of an epoch, or between
    stages, is not counted. On a GPU memory for convolutions' working space, for fragments and for the driver comes on top.

    Args:
        spec: the training.
        shape: of its data.
        device: where it will compute; it need not be there.

    Raises:
        NotCounted: its steps depend on values.
        InvalidInput: it cannot be put together.
    """
    try:
        return _counted(spec, shape, device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise NotCounted(
            f"what a training of {spec.method} with {spec.model.name} under --protocol {spec.protocol} takes cannot be counted "
            f"before it is trained, as its steps depend on values ({reason}): leave it out of the plan"
        ) from error


def _counted(spec: TrialSpec, shape: Shape, device: torch.device) -> Cost:
    spec = spec.model_copy(
        update={"model": spec.model.model_copy(update={"options": {**spec.model.options, "weights": NO_WEIGHTS}})}
    )
    with no_values(), _ways_of(device), _Meter(on_gpu=device.type != "cpu") as meter:
        training = assemble(spec, shape.data(), runs=None, device=_CPU)
        steps = len(training.batch_order())
        stages = list(_stages(training, meter))
        scored = meter.of(lambda: _score(training, training.objective.precision))
        _score(training, None)  # at the end, in the weights' precision, which takes more memory
        share = len(training.validation) / min(SCORING_BATCH, len(training.validation))
        flops, operations = (
            sum(like * (first[of] + (steps - 1) * step[of]) for like, first, step in stages) + spec.epochs * share * scored[of]
            for of in (0, 1)
        )
        kept = training.teacher.kept.values() if isinstance(training.teacher, CachedTeacher) else ()
        return Cost(
            step_flops=int(max(step.flops for _, _, step in stages)),
            flops=flops,
            operations=operations,
            peak_bytes=meter.peak,
            weights_bytes=_bytes(training.net.state_dict()),
            state_bytes=_bytes(training.state_dict()),
            outputs_bytes=sum(tensor.nbytes for tensor in kept),
        )


def _stages(training: Training, meter: _Meter) -> Iterator[tuple[int, _Count, _Count]]:
    """Of each stage its epochs, what one of a single step takes, and a step more; optimisers have made their state before."""
    for epoch, like in standing_for(training).items():
        training.epoch = epoch
        training.take_steps(at_most=1)
        if like:
            one, two = (meter.of(partial(training.take_steps, at_most=few)) for few in (1, 2))
            yield like, one, two - one


@contextlib.contextmanager
def _ways_of(device: torch.device) -> Iterator[None]:
    if device.type == "cpu":
        yield
    else:
        with ways_of_a_gpu():
            yield


@torch.no_grad()
def _score(training: Training, precision: Precision | None) -> None:
    """Score a batch; in the weights' precision where none is given."""
    training.net.eval()
    batch = training.validation.batch(torch.arange(min(SCORING_BATCH, len(training.validation))))
    with autocast(_CPU, precision or "fp32"):
        training.net(batch.x).to(batch.x.dtype)


def _bytes(state: object) -> int:
    return sum(leaf.nbytes for leaf in tree_leaves(state) if isinstance(leaf, Tensor))


_CONVOLUTIONS = (torch.ops.aten.convolution, torch.ops.aten.convolution_backward)


def _rearranged(args: Sequence[object], out: object) -> int:
    """Bytes of working space in which cuDNN's kernels for exact float32 have the images channel by channel, in and out."""
    tensors = [tensor for tensor in (args[0], *(out if isinstance(out, tuple) else (out,))) if isinstance(tensor, Tensor)]
    return sum(tensor.nbytes for tensor in tensors if tensor.dtype == torch.float32 and tensor.ndim == 4)


class _Meter(TorchDispatchMode):
    """Counts operations and the bytes that are in use; those of a storage from the operation that makes it to its end.

    Attributes:
        peak: most bytes in use at a time.
    """

    def __init__(self, *, on_gpu: bool) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak = 0
        self._on_gpu = on_gpu
        self._operations = 0
        self._alive: dict[int, int] = {}
        self._in_use = 0

    def of(self, act: Callable[[], object]) -> _Count:
        """What an act takes."""
        before = self._operations
        with FlopCounterMode(display=False) as counter:
            act()
        return _Count(counter.get_total_flops(), self._operations - before)

    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        out = func(*args, **(kwargs or {}))
        self._operations += not func.is_view
        for storage in (leaf.untyped_storage() for leaf in tree_leaves(out) if isinstance(leaf, Tensor)):
            if storage._cdata not in self._alive:
                self._alive[storage._cdata] = storage.nbytes()
                self._in_use += storage.nbytes()
                self.peak = max(self.peak, self._in_use)
                weakref.finalize(storage, self._end, storage._cdata)
        if self._on_gpu and func.overloadpacket in _CONVOLUTIONS:
            self.peak = max(self.peak, self._in_use + _rearranged(args, out))
        return out

    def _end(self, storage: int) -> None:
        self._in_use -= self._alive.pop(storage)
