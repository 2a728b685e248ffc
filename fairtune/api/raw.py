"""A trained net from raw inputs to probabilities: what it was scored on has been through nothing else."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from fairtune.batches.augment import Augment
from fairtune.batches.resize import pillow_weighs_costs, resized
from fairtune.datasets import Reading
from fairtune.models import Net
from fairtune.spec import TrialSpec
from fairtune.training.data import make_dataset
from fairtune.training.device import parameter_dtype


class RawModel(nn.Module):
    """Resizing, scaling and standardising, the net, and the softmax.

    Args:
        net: the net, in evaluation mode.
        shape: of what it sees, ``(C, H, W)`` or ``(F,)``.
        reading: how an image becomes what its dataset stores; None for vectors.
        dtype: of its weights, in which it was scored, whatever the precision that it was trained in.
    """

    def __init__(self, net: Net, shape: tuple[int, ...], reading: Reading | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.net = net
        self.reading = reading
        self._seen = Augment((), (shape[1], shape[2])) if reading is not None else None
        self._by_cost = pillow_weighs_costs()
        self._dtype = dtype

    def forward(self, x: Tensor) -> Tensor:
        """Probabilities ``(N, K)``, float64.

        Args:
            x: decoded images ``(N, H, W, C)`` uint8, of any height and width; or vectors ``(N, F)`` as their dataset stores them.
        """
        if self.reading is None:
            return self._scored(x.to(self._dtype))
        return self.of_stored(resized(x, self.reading.size, crop=self.reading.fit == "crop", by_cost=self._by_cost))

    def of_stored(self, x: Tensor) -> Tensor:
        """The same of images ``(N, C, H, W)`` uint8 that have the size in which they are stored."""
        assert self._seen is not None
        return self._scored(self._seen(x, self._dtype))

    def _scored(self, x: Tensor) -> Tensor:
        probabilities: Tensor = self.net(x).logits.double().softmax(dim=1)
        return probabilities


def raw_model(net: Net, shape: tuple[int, ...], spec: TrialSpec) -> RawModel:
    """A net as it was trained by a specification, from raw inputs."""
    reading = make_dataset(spec.dataset).reading(shape) if len(shape) == 3 else None
    return RawModel(net.eval(), shape, reading, parameter_dtype(spec.precision))
