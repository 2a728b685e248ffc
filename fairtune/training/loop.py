"""The training loop: one for every method."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal, TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.optim.optimizer import StateDict

from fairtune.batches import sampling
from fairtune.batches.augment import Drawn
from fairtune.batches.memory import moved
from fairtune.batches.split import SCORING_BATCH, DeviceSplit
from fairtune.errors import Diverged, InvalidInput
from fairtune.methods import FIT, Composite, PartState, Progress, make_optimizer
from fairtune.metrics import Weighting
from fairtune.models import Net
from fairtune.records import Batch, GroupCounts, Ints, Outputs
from fairtune.seeding import generator, torch_stream
from fairtune.spec import Epoch, Optimizer, TrialSpec
from fairtune.training.evaluate import evaluate
from fairtune.training.objective import Objective
from fairtune.training.replay import LEAST_STEPS, Replayed, TakeStep
from fairtune.training.teacher import CachedTeacher, LiveTeacher

Teacher = CachedTeacher | LiveTeacher
Replays = Literal["never", "where it can", "always"]
_HOST = torch.device("cpu")


class TrainingState(TypedDict):
    """All that the next epoch depends on; None for what a training does not have."""

    epoch: int
    net: dict[str, Tensor]
    optimizer: StateDict | None
    schedule: dict[str, object] | None
    method: dict[str, PartState]


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
        weighting: how scores of the validation split weigh its samples.
        teacher: the baseline's outputs, where the method needs them.
        class_weights: of the classes in the task loss ``(K,)``; None weighs all alike.
    """

    def __init__(
        self,
        spec: TrialSpec,
        net: Net,
        method: Composite,
        train: DeviceSplit,
        validation: DeviceSplit,
        *,
        weighting: Weighting = "samples",
        teacher: Teacher | None = None,
        class_weights: Tensor | None = None,
    ) -> None:
        self.spec = spec
        self.net = net
        self.method = method
        self.train = train
        self.validation = validation
        self.weighting = weighting
        self.teacher = teacher
        self.objective = Objective(net, method, spec.precision, class_weights)
        own = set(method.parameters)
        parameters = [parameter for parameter in net.parameters() if parameter not in own] if method.trains_net else []
        self.optimizer = make_optimizer(parameters, spec.optimizer) if parameters else None
        self.schedule = (
            None
            if self.optimizer is None
            else _make_schedule(self.optimizer, spec.optimizer, method.together(Progress(0, spec.epochs)).epochs)
        )
        self.epoch = 0
        self._order = torch.empty(0)
        self._drawn: Drawn = ()
        self._second: Drawn = ()
        self._summed: Collection[str] = ()
        self.replays: Replays = "never"
        """Whether a GPU replays the steps of an epoch, see :mod:`fairtune.training.replay`."""
        self._launch: Callable[[int], None] | None = None
        self.on_step: Callable[[int, int, int], None] | None = None
        """Told of each step that has been handed out: its epoch and number, from 1, and how many the epoch has."""
        self.counts: GroupCounts | None = None
        """Of the validation split after the last epoch."""

    @property
    def progress(self) -> Progress:
        """Where it stands: in the epoch that is trained next, or now."""
        return Progress(self.epoch, self.spec.epochs)

    @property
    def done(self) -> bool:
        """Whether training has ended: after all epochs, or sooner where more would change nothing."""
        last = Progress(self.epoch - 1, self.spec.epochs)
        return self.epoch >= self.spec.epochs or (self.epoch > 0 and self.method.finished(last))

    def run_epoch(self) -> Epoch:
        """Train one epoch and score the validation split; after the last, the methods leave the net as it is to be used, and it is
        scored in the weights' precision, whichever it was trained in.

        The group counts behind the scores are in :attr:`counts`.

        Raises:
            Diverged: a loss term or an output of the net is not finite.
        """
        began = time.perf_counter()
        progress = self.progress
        losses, reported = self._train_epoch(progress)
        self.epoch += 1
        for name, value in (losses | reported).items():
            if not np.isfinite(value):
                raise Diverged(f"train.{name} became {value} in epoch {self.epoch}")
        if self.done:
            self.method.finish(self)
        scored = evaluate(self.net, self.validation, precision=None if self.done else self.spec.precision)
        self.counts = scored.counts
        if self.schedule is not None and not self.method.trains_alone(progress):
            if isinstance(self.schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                self.schedule.step(scored.loss)
            else:
                self.schedule.step()
        val = scored.scores(self.weighting)
        return Epoch(number=self.epoch, seconds=time.perf_counter() - began, losses=losses, reported=reported, val=val)

    def _train_epoch(self, progress: Progress) -> tuple[dict[str, float], dict[str, float]]:
        """The losses of an epoch and what the methods report, see :class:`fairtune.spec.Epoch`."""
        self.method.set_rates(self._share_of_rate)
        with torch_stream(self.train.device, self.spec.seed, "noise", self.epoch):
            means = {name: total / self.steps for name, total in on_host(self.take_steps()).items()}
            self._launch = None
            reported = self.method.end_epoch(self, means, progress)
        losses = {name: mean for name, mean in means.items() if name in self._summed}
        others = {name: mean for name, mean in means.items() if name not in self._summed}
        return {"loss": sum(losses.values()), **losses}, others | reported

    def take_steps(self, *, at_most: int | None = None) -> dict[str, Tensor]:
        """The steps of an epoch; a GPU is given its work and not waited for.

        Args:
            at_most: so many of them; None takes all.

        Returns:
            The sums over the steps of what :meth:`step` returns, on the device.
        """
        self._order = moved(torch.from_numpy(self.batch_order()[:at_most]), _HOST if self._streams else self.train.home)
        batches = self._order.shape[0], self._order.shape[1]
        self._drawn = self.train.draw(batches, generator(self.spec.seed, "order", self.epoch, 1), _HOST if self._streams else None)
        self._second = self.train.draw(batches, generator(self.spec.seed, "order", self.epoch, 2)) if self.method.two_views else ()
        totals: dict[str, Tensor] = {}
        self.net.train(self.method.trains_net)
        self.method.begin_epoch(self, self.progress)
        take = partial(self._add_step, totals)
        replayed = self._replayed(take)
        self._launch = replayed or take
        for number in range(self.steps):
            self._launch(number)
            if replayed is not None and replayed.hindrance is not None and self.replays == "always":
                raise InvalidInput(f"--compile cudagraphs: {self.spec.method}: {replayed.hindrance}: give --compile off")
            if self.on_step is not None:
                self.on_step(self.epoch + 1, number + 1, self.steps)
        return totals

    def _add_step(self, totals: dict[str, Tensor], number: int | Tensor) -> None:
        """Add what a step of this epoch returns to the totals, in place once they are there."""
        for name, value in self.step_of(number).items():
            if name in totals:
                totals[name] += value
            else:
                totals[name] = value.clone()

    def step_of(self, number: int | Tensor) -> dict[str, Tensor]:
        """The step on a batch of this epoch, see :meth:`step`; of a number from 0, or a tensor ``(1,)`` where the order is."""
        return self.step(_row(self._order, number), self._drawn_for(number), self._second_for(number))

    def _replayed(self, take: TakeStep) -> Replayed | None:
        """How steps are replayed, unless they are not: images and outputs gathered on the host are known to no recording."""
        device = self.train.device
        waits = self.train.home == _HOST or (isinstance(self.teacher, CachedTeacher) and self.teacher.home == _HOST)
        if self.replays == "never" or self.steps < LEAST_STEPS or device.type != "cuda":
            return None
        if waits:
            if self.replays == "always":
                raise InvalidInput(
                    "--compile cudagraphs: images or the teacher's outputs do not fit the GPU's memory and come from the host, "
                    "which no recording knows of: give --compile off"
                )
            return None
        return Replayed(take, [*self._optimizers, *self.method.inner_optimizers], self.net, self.method, device)

    @property
    def _optimizers(self) -> list[torch.optim.Optimizer]:
        return [*([self.optimizer] if self.optimizer else []), *self.method.optimizers]

    def step(self, index: Tensor, drawn: Drawn = (), second: Drawn = ()) -> dict[str, Tensor]:
        """One update of the net and of all modules the method owns.

        Args:
            index: positions in the training split ``(B,)``.
            drawn: what the transforms of the training split drew for them.
            second: the same for the second view of each, where the method asks for it.

        Returns:
            Each loss term, the share of the batch that the net got right, and what the methods' inner steps report, detached.
        """
        progress = self.progress
        optimizers = self._optimizers
        for optimizer in optimizers:
            optimizer.zero_grad()
        terms: dict[str, Tensor] = {}
        for part, its_drawn, its_second in self._micro_batches(index, drawn, second):
            batch, share = self.prepared(part, its_drawn, its_second), len(part) / len(index)
            found, right = self._terms(batch, part, its_drawn, progress)
            if optimizers:
                (share * _total(found)).backward()
            for name, value in (found | {FIT: right}).items():
                terms[name] = terms.get(name, 0) + share * value.detach()
        if self.method.acts_before_update:
            self._change_gradients(batch, index, drawn, progress)
        for optimizer in optimizers:
            optimizer.step()
        self._summed = tuple(found)
        terms |= self.method.inner_step(self, batch, progress)
        return {name: value.detach() for name, value in terms.items()}

    def _micro_batches(self, index: Tensor, drawn: Drawn, second: Drawn) -> Iterator[tuple[Tensor, Drawn, Drawn]]:
        """The parts of a batch whose gradients are added up: one, unless the trial has smaller ones."""
        size = self.spec.micro_batch or len(index)
        for part in (slice(start, start + size) for start in range(0, len(index), size)):
            yield index[part], tuple(values[part] for values in drawn), tuple(values[part] for values in second)

    def prepared(self, index: Tensor, drawn: Drawn, second: Drawn) -> Batch:
        """What the net is trained on in this epoch; arguments as for :meth:`step`."""
        batch = self.train.batch(index, drawn)
        if self.method.two_views:
            batch = replace(batch, view=self.train.batch(index, second).x)
        return self.method.prepare(batch, self.progress)

    def _terms(self, batch: Batch, index: Tensor, drawn: Drawn, progress: Progress) -> tuple[dict[str, Tensor], Tensor]:
        """The loss of a batch in its terms, with gradient, and the share of it that the net gets right."""
        return self.objective.terms(batch, self._from_teacher(batch, index, drawn), progress)

    def _from_teacher(self, batch: Batch, index: Tensor, drawn: Drawn) -> dict[str, Tensor]:
        if isinstance(self.teacher, CachedTeacher):
            return self.teacher.outputs(batch, drawn, index if self._streams else None)
        return {} if self.teacher is None else self.teacher.outputs(batch, drawn)

    @property
    def _streams(self) -> bool:
        """Whether the teacher's outputs are gathered on the host, which so has to know there what each step is given; what a method
        makes of a batch is known on the device alone."""
        return isinstance(self.teacher, CachedTeacher) and self.teacher.home == _HOST and not self.method.prepares

    def _change_gradients(self, batch: Batch, index: Tensor, drawn: Drawn, progress: Progress) -> None:
        """Let the methods put other gradients in the place of a step's; what they compute is remembered by nothing."""
        buffers = [*self.net.buffers(), *self.method.buffers]
        kept = [buffer.clone() for buffer in buffers]
        self.method.before_update(self, batch, lambda: _total(self._terms(batch, index, drawn, progress)[0]), progress)
        with torch.no_grad():
            for buffer, value in zip(buffers, kept, strict=True):
                buffer.copy_(value)

    @property
    def _share_of_rate(self) -> float:
        """The net's learning rate as a share of the one it started from."""
        return 1.0 if self.optimizer is None else self.optimizer.param_groups[0]["lr"] / self.spec.optimizer.lr

    @property
    def steps(self) -> int:
        """Batches of this epoch."""
        return len(self._order)

    def batch(self, number: int | Tensor) -> Batch:
        """One batch of this epoch, augmented as in its step; numbers beyond the last start over.

        Args:
            number: from 0; or a tensor ``(1,)`` where the order is.
        """
        number = number % self.steps
        return self.train.batch(_row(self._order, number), self._drawn_for(number))

    def counter(self) -> int | Tensor:
        """A number for :meth:`batch` that can be raised in place: on the device, where the order is there too."""
        return 0 if self._order.device == _HOST else torch.zeros(1, dtype=torch.int64, device=self._order.device)

    def forward(self, batch: Batch) -> Outputs:
        """Run the net on a batch, in the trial's precision; outputs in the weights' dtype."""
        return self.objective.forward(batch)

    @torch.no_grad()
    def validated(self) -> Iterator[tuple[Outputs, Batch]]:
        """The net's outputs on the validation split, in evaluation mode."""
        training = self.net.training
        self.net.eval()
        for index in torch.split(torch.arange(len(self.validation), device=self.validation.home), SCORING_BATCH):
            batch = self.validation.batch(index)
            yield self.forward(batch), batch
        self.net.train(training)

    def everything(self) -> Iterator[Batch]:
        """Every sample of the training split once, as evaluation sees it."""
        for index in torch.split(torch.arange(len(self.train), device=self.train.home), SCORING_BATCH):
            yield self.train.batch(index)

    def _drawn_for(self, number: int | Tensor) -> Drawn:
        return tuple(_row(values, number) for values in self._drawn)

    def _second_for(self, number: int | Tensor) -> Drawn:
        return tuple(_row(values, number) for values in self._second)

    def batch_order(self) -> Ints:
        """Positions of this epoch's batches, ``(steps, B)``."""
        rng = generator(self.spec.seed, "order", self.epoch)
        samples, batch_size = len(self.train), self.spec.batch_size
        if not self.method.balances(self.spec.dataset):
            return sampling.uniform(samples, batch_size, rng)
        cells = sampling.cell_positions(self.train)
        if self.spec.protocol == "official" and self.method.in_blocks:
            return sampling.official_balanced(cells, self.train.num_groups, batch_size, rng)
        return sampling.balanced(cells, batch_size, samples // batch_size, rng)

    def state_dict(self) -> TrainingState:
        """All that the next epoch depends on."""
        return {
            "epoch": self.epoch,
            "net": self.net.state_dict(),
            "optimizer": None if self.optimizer is None else self.optimizer.state_dict(),
            "schedule": None if self.schedule is None else self.schedule.state_dict(),
            "method": self.method.state_dict(),
        }

    def load_state_dict(self, state: TrainingState) -> None:
        """Go on from a state."""
        self.epoch = state["epoch"]
        self.net.load_state_dict(state["net"])
        if self.optimizer is not None and state["optimizer"] is not None:
            self.optimizer.load_state_dict(state["optimizer"])
        self.method.load_state_dict(state["method"])
        if self.schedule is not None and state["schedule"] is not None:
            self.schedule.load_state_dict(state["schedule"])


def _row(values: Tensor, number: int | Tensor) -> Tensor:
    return values[number] if isinstance(number, int) else values.index_select(0, number)[0]


def on_host(values: Mapping[str, Tensor]) -> dict[str, float]:
    """Scalars of a device as numbers, for which a GPU is waited once."""
    numbers = torch.stack([value.double() for value in values.values()]).tolist() if values else []
    return dict(zip(values, numbers, strict=True))


def _total(terms: Mapping[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def _make_schedule(optimizer: torch.optim.Optimizer, spec: Optimizer, epochs: int) -> torch.optim.lr_scheduler.LRScheduler | None:
    match spec.schedule:
        case "plateau":
            return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
        case "cosine":
            return torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
        case "multistep":
            return torch.optim.lr_scheduler.MultiStepLR(optimizer, [max(1, round(share * epochs)) for share in spec.milestones])
        case _:
            return None
