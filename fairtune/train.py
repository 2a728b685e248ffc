"""The training loop: one for every method."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune import sampling
from fairtune.batches import DeviceSplit
from fairtune.device import autocast
from fairtune.errors import Diverged
from fairtune.evaluate import evaluate
from fairtune.methods import Composite, Progress
from fairtune.models import Net
from fairtune.records import GroupCounts, Ints, Outputs
from fairtune.seeding import generator, torch_stream
from fairtune.spec import Optimizer, TrialSpec
from fairtune.teacher import CachedTeacher, LiveTeacher

Teacher = CachedTeacher | LiveTeacher


class Training:
    """A net in training, one epoch at a time.

    Every random draw of epoch k comes from a stream named by the seed and k, so training restored at epoch k goes on exactly
    as if it had never stopped.

    Args:
        spec: the trial.
        net: the net, on the device.
        method: the method, started.
        train: the training split.
        validation: the split scored after each epoch.
        num_groups: A.
        num_classes: K.
        flips: whether training images are mirrored at random.
        teacher: the baseline's outputs, where the method needs them.
    """

    def __init__(
        self,
        spec: TrialSpec,
        net: Net,
        method: Composite,
        train: DeviceSplit,
        validation: DeviceSplit,
        *,
        num_groups: int,
        num_classes: int,
        flips: bool,
        teacher: Teacher | None = None,
    ) -> None:
        self.spec = spec
        self.net = net
        self.method = method
        self.train = train
        self.validation = validation
        self.num_groups = num_groups
        self.num_classes = num_classes
        self.flips = flips
        self.teacher = teacher
        self.optimizer = make_optimizer(net, spec.optimizer)
        self.schedule = _make_schedule(self.optimizer, spec)
        self.epoch = 0
        self.counts: GroupCounts | None = None

    def run_epoch(self) -> dict[str, float]:
        """Train one epoch and score the validation split.

        Returns:
            ``epoch`` (from 1), ``seconds``, ``train.loss`` and one ``train.TERM`` per loss term, ``val.loss``.

        Raises:
            Diverged: a loss term is not finite.
        """
        began = time.perf_counter()
        losses = self._train_epoch()
        self.counts, val_loss = evaluate(self.net, self.validation, num_groups=self.num_groups, precision=self.spec.precision)
        losses["val.loss"] = val_loss
        self.epoch += 1
        for name, value in losses.items():
            if not np.isfinite(value):
                raise Diverged(f"{name} became {value} in epoch {self.epoch}")
        if isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self.schedule.step(val_loss)
        elif self.schedule is not None:
            self.schedule.step()
        return {"epoch": self.epoch, "seconds": time.perf_counter() - began, **losses}

    def _train_epoch(self) -> dict[str, float]:
        order = torch.from_numpy(self.batch_order()).to(self.train.device)
        rng = generator(self.spec.seed, "order", self.epoch, 1)
        flips = torch.from_numpy(rng.random(order.shape) < 0.5).to(self.train.device) if self.flips else None
        totals: dict[str, Tensor] = {}
        self.net.train()
        with torch_stream(self.train.device, self.spec.seed, "noise", self.epoch):
            for step, index in enumerate(order):
                terms = self.step(index, None if flips is None else flips[step])
                for name, value in terms.items():
                    totals[name] = totals.get(name, 0) + value
        means = {name: float(total) / len(order) for name, total in totals.items()}
        return {"train.loss": sum(means.values()), **{f"train.{name}": mean for name, mean in means.items()}}

    def step(self, index: Tensor, flip: Tensor | None) -> dict[str, Tensor]:
        """One update of the net and of all modules the method owns.

        Args:
            index: positions in the training split ``(B,)``.
            flip: which images to mirror ``(B,)``, or None.

        Returns:
            Each loss term, detached.
        """
        batch = self.train.batch(index, flip)
        with autocast(self.train.device, self.spec.precision):
            out: Outputs = self.net(batch.x, want_maps=self.method.needs_maps)
        student = out.to(self.train.dtype)
        teacher = None if self.teacher is None else self.teacher.outputs(batch, flip)
        terms = {"ce": F.cross_entropy(student.logits, batch.y)}
        terms |= self.method.loss(student, teacher, batch, Progress(self.epoch, self.spec.epochs))
        optimizers = [self.optimizer, *self.method.optimizers]
        for optimizer in optimizers:
            optimizer.zero_grad()
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        for optimizer in optimizers:
            optimizer.step()
        return {name: value.detach() for name, value in terms.items()}

    def batch_order(self) -> Ints:
        """Positions of this epoch's batches, ``(steps, B)``."""
        rng = generator(self.spec.seed, "order", self.epoch)
        samples, batch_size = len(self.train), self.spec.batch_size
        if not self.method.balanced:
            return sampling.uniform(samples, batch_size, rng)
        cells = sampling.cell_positions(self.train.y, self.train.a, self.num_groups, self.num_classes)
        if self.spec.protocol == "official":
            return sampling.official_balanced(cells, self.num_groups, batch_size, rng)
        return sampling.balanced(cells, batch_size, samples // batch_size, rng)

    def state_dict(self) -> dict[str, Any]:
        """All that the next epoch depends on."""
        return {
            "epoch": self.epoch,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "method": self.method.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.epoch = state["epoch"]
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.method.load_state_dict(state["method"])
        if self.schedule is not None:
            self.schedule.load_state_dict(state["schedule"])


def make_optimizer(net: Net, spec: Optimizer) -> torch.optim.Optimizer:
    """The optimiser of a net's parameters."""
    if spec.name == "sgd":
        return torch.optim.SGD(net.parameters(), lr=spec.lr, momentum=0.9, weight_decay=spec.weight_decay, fused=True)
    return torch.optim.Adam(net.parameters(), lr=spec.lr, weight_decay=spec.weight_decay, fused=True)


def _make_schedule(optimizer: torch.optim.Optimizer, spec: TrialSpec) -> Any:
    match spec.optimizer.schedule:
        case "plateau":
            return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        case "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, spec.epochs)
        case _:
            return None
