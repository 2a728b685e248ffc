"""Methods joined with ``+``: ``ss+hkd`` samples as ``ss`` does and adds the terms of ``hkd``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypedDict, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.optimizer import StateDict

from fairtune import plugins
from fairtune.errors import InvalidInput, unknown_name
from fairtune.methods._base import Context, Loop, Method, Objective, Progress, Protocol
from fairtune.methods._joining import check_joined, overrides
from fairtune.records import Batch, Outputs
from fairtune.space import Value
from fairtune.spec import PlugIn

T = TypeVar("T")
TASK = "ce"
"""The name under which the task loss is reported."""
FIT = "accuracy"
"""The name under which the accuracy of what is trained on is reported."""


def components(method: str) -> dict[str, type[Method]]:
    """The parts of a method's name, in order, by their short name.

    Raises:
        InvalidInput: a part is unknown, empty, or named twice.
    """
    names = plugins.parts(method)
    short = [name.rpartition(":")[2] for name in names]
    if len(set(short)) < len(short):
        raise InvalidInput(f"the method {method!r} joins two components of one name: rename a class")
    return {name: Method.load(full) for name, full in zip(short, names, strict=True)}


def compose(method: str, values: Mapping[str, Value]) -> Composite:
    """Build a method from its name and its hyperparameters.

    Args:
        method: a name, or names joined by ``+``.
        values: by full name, ``component.hyperparameter``; those left out keep their default, ``optimizer.*`` is the loop's.

    Raises:
        InvalidInput: a part is unknown, empty, or named twice; a value is of no part or out of its range; two components exclude
            each other, or one would have no effect.
    """
    parts = {}
    classes = components(method)
    for key in values:
        if not key.startswith(tuple(f"{name}." for name in (*classes, "optimizer"))):
            known = (f"{name}.{own}" for name, plugin in classes.items() for own in plugin.declared())
            raise InvalidInput(unknown_name(f"hyperparameter of {method}", key, known))
    for name, plugin in classes.items():
        own = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        parts[name] = plugin.build(**plugin.complete(own))
    return Composite(parts)


class PartState(TypedDict):
    """Modules that a component owns and their optimisers, the loop's before its own."""

    modules: dict[str, Tensor]
    optimizers: list[StateDict]


class Composite:
    """One or more methods trained as one.

    Args:
        parts: the components by name; their hooks come in this order, but for those that act last.

    Raises:
        InvalidInput: two components exclude each other, or one would have no effect.
    """

    def __init__(self, parts: Mapping[str, Method]) -> None:
        self.parts = dict(sorted(parts.items(), key=lambda part: part[1].acts_last))
        methods = self.parts.values()
        self.in_blocks = any(part.in_blocks for part in methods)
        self.needs_teacher = any(part.needs_teacher for part in methods)
        self.needs_maps = any(part.needs_maps for part in methods)
        self.trains_net = all(part.trains_net for part in methods)
        self.per_sample = all(part.per_sample for part in methods)
        self.starts_from_teacher = any(part.starts_from_teacher for part in methods)
        self.begins_anew = any(part.begins_anew for part in methods)
        self.two_views = any(part.two_views for part in methods)
        self.acts_before_update = any(overrides(part, "before_update") for part in methods)
        self.prepares = any(overrides(part, "prepare") for part in methods)
        check_joined(self.parts)
        for part in methods:
            part.combined = len(self.parts) > 1
        self._staged = next((part for part in methods if overrides(part, "trains_alone")), None)

    @property
    def needs_baseline(self) -> bool:
        """Whether a trained baseline must be there before training starts."""
        return self.needs_teacher or self.starts_from_teacher

    def balances(self, dataset: PlugIn) -> bool:
        """Whether batches of a dataset are filled equally from every cell."""
        unbiased = dataset.options.get("train") == "unbiased"
        return any(part.sampling == "balanced" and not (part.needs_unbiased and unbiased) for part in self.parts.values())

    def check_epochs(self, epochs: int, protocol: Protocol) -> None:
        """Check that a training is long enough for every component.

        Raises:
            InvalidInput: it is not.
        """
        for name, part in self.parts.items():
            if epochs < (least := part.least_epochs(protocol)):
                raise InvalidInput(
                    f"{name} under --protocol {protocol} takes {least} epochs at least, and would hand over an unfinished net "
                    f"after {epochs}: give --epochs {least}, or --protocol fixed, whose schedule fits the epochs"
                )

    def finished(self, progress: Progress) -> bool:
        """Whether epochs after this one would change nothing."""
        return any(self.parts[name].finished for name in self._training(progress))

    def start(self, context: Context) -> None:
        for part in self.parts.values():
            part.start(context)

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """What the components need of the baseline's outputs."""
        return {name: value for part in self.parts.values() for name, value in part.from_teacher(teacher).items()}

    def trains_alone(self, progress: Progress) -> bool:
        """Whether one component's terms are all that is trained now."""
        return self._staged is not None and self._staged.trains_alone(progress)

    def stage_one(self, epochs: int) -> int:
        """In how many epochs of a training one component trains alone: until then the net's scores say nothing of what it becomes.

        Args:
            epochs: of the whole training.
        """
        return sum(self.trains_alone(Progress(epoch, epochs)) for epoch in range(epochs))

    def together(self, progress: Progress) -> Progress:
        """Where training stands among the epochs in which all components train and the net's learning rate is scheduled."""
        if self._staged is None:
            return progress
        epochs = [epoch for epoch in range(progress.epochs) if not self.trains_alone(Progress(epoch, progress.epochs))]
        return Progress(sum(epoch < progress.epoch for epoch in epochs), len(epochs))

    def prepare(self, batch: Batch, progress: Progress) -> Batch:
        """What the components that train now make of a batch."""
        for name, own in self._training(progress).items():
            batch = self.parts[name].prepare(batch, own)
        return batch

    def task_loss(self, student: Outputs, batch: Batch, class_weights: Tensor | None = None) -> Tensor:
        """The mean cross-entropy, or what a component has put in its place, with the classes' and the components' weights.

        Args:
            student: outputs of the net in training.
            batch: the batch.
            class_weights: ``(K,)``; None weighs all classes alike.
        """
        replaced = [losses for part in self.parts.values() if (losses := part.task_loss(student, batch)) is not None]
        losses = _weighed(replaced[0] if replaced else _cross_entropy(student, batch.y), batch.y, class_weights)
        if batch.share is not None and batch.y2 is not None:
            rest = _weighed(_cross_entropy(student, batch.y2), batch.y2, class_weights)
            losses = batch.share * losses + (1 - batch.share) * rest
        detached = losses.detach()
        weights = [given for part in self.parts.values() if (given := part.sample_weights(detached, batch)) is not None]
        return (math.prod(weights, start=losses)).mean()

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The terms of the components that train now by name, prefixed by their component's where two would clash."""
        terms: dict[str, Tensor] = {}
        for name, own in self._training(progress).items():
            _add(terms, name, self.parts[name].loss(student, teacher, batch, own))
        return terms

    def _training(self, progress: Progress) -> Mapping[str, Progress]:
        """The components whose terms and steps count now, and where each stands among the epochs in which they do."""
        alone, together = self.trains_alone(progress), self.together(progress)
        staged = {name: progress for name, part in self.parts.items() if part is self._staged}
        return staged if alone else {name: staged.get(name, together) for name in self.parts}

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        for name, own in self._training(progress).items():
            self.parts[name].begin_epoch(loop, own)

    def before_update(self, loop: Loop, batch: Batch, objective: Objective, progress: Progress) -> None:
        """The components put other gradients in the place of the step's, in order."""
        for name in self._training(progress):
            self.parts[name].before_update(loop, batch, objective)

    def inner_step(self, loop: Loop, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The components' inner steps, in order."""
        reported: dict[str, Tensor] = {}
        for name, own in self._training(progress).items():
            _add(reported, name, self.parts[name].inner_step(loop, batch, own))
        return reported

    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """The components' scores of the epoch."""
        reported: dict[str, float] = {}
        for name, own in self._training(progress).items():
            _add(reported, name, self.parts[name].end_epoch(loop, means, own))
        return reported

    def finish(self, loop: Loop) -> None:
        for part in self.parts.values():
            part.finish(loop)

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The components' optimisers that the loop steps."""
        return [optimizer for part in self.parts.values() for optimizer in part.optimizers]

    @property
    def inner_optimizers(self) -> list[torch.optim.Optimizer]:
        """Those that the components step themselves."""
        return [optimizer for part in self.parts.values() for optimizer in part.inner_optimizers]

    def set_rates(self, share: float) -> None:
        """Set the learning rates that follow the net's to this share of those they started from."""
        for group in (group for part in self.parts.values() for optimizer in part.scheduled for group in optimizer.param_groups):
            group["lr"] = share * group["initial_lr"]

    @property
    def parameters(self) -> list[nn.Parameter]:
        """The parameters that the components own."""
        return [parameter for part in self.parts.values() for parameter in part.modules.parameters()]

    @property
    def buffers(self) -> list[Tensor]:
        """What the components remember beside parameters."""
        return [buffer for part in self.parts.values() for buffer in part.modules.buffers()]

    def state_dict(self) -> dict[str, PartState]:
        """Owned modules and their optimisers."""
        return {
            name: {
                "modules": part.modules.state_dict(),
                "optimizers": [own.state_dict() for own in (*part.optimizers, *part.inner_optimizers)],
            }
            for name, part in self.parts.items()
        }

    def load_state_dict(self, state: Mapping[str, PartState]) -> None:
        for name, part in self.parts.items():
            part.modules.load_state_dict(state[name]["modules"])
            owned = (*part.optimizers, *part.inner_optimizers)
            for own, saved in zip(owned, state[name]["optimizers"], strict=True):
                own.load_state_dict(saved)


def _cross_entropy(student: Outputs, y: Tensor) -> Tensor:
    return F.cross_entropy(student.logits, y, reduction="none")


def _weighed(losses: Tensor, y: Tensor, class_weights: Tensor | None) -> Tensor:
    return losses if class_weights is None else losses * class_weights[y]


def _add(terms: dict[str, T], component: str, new: Mapping[str, T]) -> None:
    """Add terms under their own name, prefixed by their component's where it is taken."""
    for name, value in new.items():
        clashes = name in terms or name in (TASK, FIT)
        terms[f"{component}.{name}" if clashes else name] = value
