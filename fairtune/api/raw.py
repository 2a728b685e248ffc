"""A trained net from raw inputs to probabilities: what it was scored on has been through nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtune.api.offsets import Offsets
from fairtune.batches.augment import Augment
from fairtune.batches.resize import pillow_weighs_costs, resized
from fairtune.datasets import Reading
from fairtune.models import Net
from fairtune.records import Outputs
from fairtune.spec import TrialSpec
from fairtune.training.data import make_dataset
from fairtune.training.device import parameter_dtype


class RawModel(nn.Module):
    """Resizing, scaling and standardising, the net, what moves its thresholds, and the softmax.

    Args:
        net: the net, in evaluation mode.
        shape: of what it sees, ``(C, H, W)`` or ``(F,)``.
        reading: how an image becomes what its dataset stores; None for vectors.
        dtype: of its weights, in which it was scored, whatever the precision that it was trained in.
        offsets: what moves its thresholds; None where they are left alone.
    """

    def __init__(
        self, net: Net, shape: tuple[int, ...], reading: Reading | None, dtype: torch.dtype, offsets: Offsets | None = None
    ) -> None:
        super().__init__()
        self.net = net
        self.offsets = offsets
        self.reading = reading
        self._seen = Augment((), (shape[1], shape[2])) if reading is not None else None
        self._by_cost = pillow_weighs_costs()
        self._dtype = dtype

    @property
    def by_group(self) -> int:
        """How many groups it tells apart; 0 where it need not be told the group."""
        return 0 if self.offsets is None else self.offsets.groups

    def forward(self, x: Tensor, group: Tensor | None = None) -> Tensor:
        """Probabilities ``(N, K)``, float64.

        Args:
            x: decoded images ``(N, H, W, C)`` uint8, of any height and width; or vectors ``(N, F)`` as their dataset stores them.
            group: number of each one's group ``(N,)``, int64, where thresholds are moved by it.
        """
        return self._decided(self._seen_of(x), group)

    def of_stored(self, x: Tensor, group: Tensor | None = None) -> Tensor:
        """The same of images ``(N, C, H, W)`` uint8 that have the size in which they are stored."""
        assert self._seen is not None
        return self._decided(self._seen(x, self._dtype), group)

    def outputs(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The net's own logits ``(N, K)`` and embedding ``(N, D)`` for what :meth:`forward` takes, float64."""
        return self._said(self._seen_of(x))

    def _seen_of(self, x: Tensor) -> Tensor:
        if self.reading is None:
            return x.to(self._dtype)
        assert self._seen is not None
        stored = resized(x, self.reading.size, crop=self.reading.fit == "crop", by_cost=self._by_cost)
        return self._seen(stored, self._dtype)

    def _decided(self, seen: Tensor, group: Tensor | None) -> Tensor:
        if self.offsets is None:
            logits: Tensor = self.net(seen).logits.double()
        else:
            logits = self.offsets(*self._said(seen), group)
        return logits.softmax(dim=1)

    def _said(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        found: Outputs = self.net(seen)
        assert found.embedding is not None  # thresholds were fitted to it
        return found.logits.double(), found.embedding.flatten(1).double()


def raw_model(net: Net, shape: tuple[int, ...], spec: TrialSpec, offsets: Offsets | None = None) -> RawModel:
    """A net as it was trained by a specification, from raw inputs."""
    reading = make_dataset(spec.dataset).reading(shape) if len(shape) == 3 else None
    return RawModel(net.eval(), shape, reading, parameter_dtype(spec.precision), offsets)
