"""What a training method is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from fairtune.records import Batch, Outputs

Protocol = Literal["fixed", "official"]
M = TypeVar("M", bound=nn.Module)


class Context(NamedTuple):
    """What a method knows of its trial when it is set up."""

    num_classes: int
    num_groups: int
    feature_shape: tuple[int, ...]
    device: torch.device
    protocol: Protocol
    dtype: torch.dtype = torch.float32


class Progress(NamedTuple):
    """Where training stands: ``epoch`` counts from 0 to ``epochs`` - 1."""

    epoch: int
    epochs: int

    @property
    def fraction(self) -> float:
        """0 in the first epoch, 1 in the last; 0 when there is only one."""
        return self.epoch / (self.epochs - 1) if self.epochs > 1 else 0.0


@dataclass
class Method:
    """A training method: a sampling rule, loss terms added to the cross-entropy, modules of its own.

    A subclass is a dataclass whose fields are its hyperparameters, each made by :func:`fairtune.space.hyperparameter`.

    Attributes:
        sampling: ``balanced`` fills every batch equally from each (y, a) cell.
        needs_teacher: whether ``loss`` is given the outputs of the trained baseline.
        needs_maps: whether nets must return their last convolution's map.
    """

    sampling: ClassVar[Literal["uniform", "balanced"]] = "uniform"
    needs_teacher: ClassVar[bool] = False
    needs_maps: ClassVar[bool] = False

    context: Context = field(init=False, repr=False)
    modules: nn.ModuleList = field(init=False, repr=False)
    optimizers: list[torch.optim.Optimizer] = field(init=False, repr=False)

    def start(self, context: Context) -> None:
        """Bind the method to a trial, then let it build its modules in :meth:`setup`."""
        self.context = context
        self.modules = nn.ModuleList()
        self.optimizers = []
        self.setup()

    def setup(self) -> None:
        """Build modules, if any, each handed to :meth:`own`."""

    def own(self, module: M, lr: float) -> M:
        """Give a module to this method: its own Adam over exactly its parameters, both kept in checkpoints."""
        self.modules.append(module.to(self.context.device, self.context.dtype))
        self.optimizers.append(torch.optim.Adam(module.parameters(), lr=lr))
        return module

    def loss(self, student: Outputs, teacher: Outputs | None, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms to add to the cross-entropy, already weighted.

        Terms are pure, static in shape, and without Python branches on data; an empty cell contributes nothing.

        Args:
            student: outputs of the net in training, float32 or float64, with gradient.
            teacher: outputs of the baseline on the same images, without gradient; None unless ``needs_teacher``.
            batch: the batch.
            progress: where training stands.

        Returns:
            Scalars by name; an empty mapping adds nothing.
        """
        return {}
