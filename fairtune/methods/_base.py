"""What a training method is."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from fairtune.methods._optimizer import MakeOptimizer, adam, make_optimizer
from fairtune.plugins import Pluggable
from fairtune.records import Batch, Floats, Ints, Outputs
from fairtune.spec import Optimizer

Protocol = Literal["fixed", "official"]
Within = Literal["groups within classes", "classes within groups"]
M = TypeVar("M", bound=nn.Module)
Objective = Callable[[], Tensor]
"""Computes the whole loss of a batch anew, with gradient."""


class Context(NamedTuple):
    """What a method knows of its trial when it is set up.

    Attributes:
        num_classes: K.
        num_groups: A.
        feature_shape: of one sample's ``Outputs.features``.
        device: where the net is.
        protocol: whether to behave as the authors' code.
        dtype: of the net's weights.
        embedding_size: length of one sample's ``Outputs.embedding``.
        attribute_size: length of one sample's ``Batch.attribute``; 0 where a dataset has none.
        cells: training samples per cell ``(A, K)``.
        shares: share of each cell in what is drawn from them, ``(A, K)``, with sum 1: what weights are computed from, for batches
            that are balanced already need none.
        net: the net, which methods may gate or read but which the loop trains.
        untrained: the net as it would be without a baseline to start from, where the method ``begins_anew``; None where ``net`` is
            that.
        optimizer: how the loop updates the net.
        shape: of one input, ``(C, H, W)`` or ``(F,)``; empty where it is not known.
        epochs: of the whole training; 0 where it is not known.
    """

    num_classes: int
    num_groups: int
    feature_shape: tuple[int, ...]
    device: torch.device
    protocol: Protocol
    dtype: torch.dtype = torch.float32
    embedding_size: int = 0
    attribute_size: int = 0
    cells: Ints | None = None
    shares: Floats | None = None
    net: nn.Module | None = None
    untrained: nn.Module | None = None
    optimizer: Optimizer = Optimizer()
    shape: tuple[int, ...] = ()
    epochs: int = 0


class Progress(NamedTuple):
    """Where training stands: ``epoch`` counts from 0 to ``epochs`` - 1.

    What a method's hooks are given counts the epochs in which its terms count: one that is joined with another which first trains
    alone starts at 0 after that stage.
    """

    epoch: int
    epochs: int

    @property
    def fraction(self) -> float:
        """0 in the first epoch, 1 in the last; 0 when there is only one."""
        return self.epoch / (self.epochs - 1) if self.epochs > 1 else 0.0


class Loop(typing.Protocol):
    """What the training loop offers to the methods that do more than add a loss term."""

    @property
    def net(self) -> nn.Module:
        """The net in training."""

    @property
    def steps(self) -> int:
        """Batches of this epoch."""

    def batch(self, number: int | Tensor) -> Batch:
        """One batch of this epoch, augmented as in its step; numbers beyond the last start over.

        Args:
            number: from 0, or a :meth:`counter`.
        """

    def counter(self) -> int | Tensor:
        """A count that begins at 0 and that a method may raise by ``+=`` in a step; a number alone would stand still where a GPU
        replays steps."""

    def forward(self, batch: Batch) -> Outputs:
        """Run the net as a step does, with gradient."""

    def validated(self) -> Iterator[tuple[Outputs, Batch]]:
        """The net's outputs on the validation split, in evaluation mode, without gradient."""

    def everything(self) -> Iterator[Batch]:
        """Every sample of the training split once, as evaluation sees it."""


@dataclass
class Method(Pluggable):
    """A training method: a sampling rule, loss terms added to the cross-entropy, modules of its own.

    A subclass is a dataclass whose fields are its hyperparameters, each made by :func:`fairtune.space.hyperparameter`. Most
    methods only override :meth:`loss`.

    Attributes:
        sampling: ``balanced`` fills every batch equally from each (y, a) cell.
        needs_unbiased: whether it balances batches only so that labels say nothing of groups, and draws uniformly from a training
            set that is made so (``train: unbiased``).
        in_blocks: whether ``protocol: official`` balances its batches as the code of S. Jung et al., CVPR 2021, does.
        needs_teacher: whether ``loss`` is given what :meth:`from_teacher` takes from the trained baseline.
        needs_maps: whether nets must return their last convolution's map.
        begins_anew: whether it trains an untrained net too, whatever the net starts from: ``Context.untrained``.
        steps_net: whether the method itself updates weights of the net, or of a copy, beside the loop: it wants one that is not
            frozen.
        acts_last: whether its hooks come after those of others, wherever it stands in a name: it looks at what all have done.
        trains_net: whether the loop updates the net's own weights; if not, they stay frozen and the net in evaluation mode.
        per_sample: whether its part in the loss is a mean over the samples of a batch, none of which looks at another, so that a
            batch can be computed in parts (``--micro-batch``).
        alone: why other methods would have no effect beside it, as in "it trains nothing"; empty where they may be joined.
        mixes: whether :meth:`prepare` mixes samples, which then have no label and group of their own.
        two_views: whether batches want a second draw of the transforms, ``Batch.view``.
        only_balances: whether all it does is to make label and group independent, as balanced batches do.
        authors: how its authors trained it, by dataset, in the keys of the files in ``search_spaces/authors/``; for methods of
            other packages.
    """

    kind: ClassVar = "method"
    sampling: ClassVar[Literal["uniform", "balanced"]] = "uniform"
    needs_unbiased: ClassVar[bool] = False
    in_blocks: ClassVar[bool] = False
    needs_teacher: ClassVar[bool] = False
    needs_maps: ClassVar[bool] = False
    begins_anew: ClassVar[bool] = False
    steps_net: ClassVar[bool] = False
    acts_last: ClassVar[bool] = False
    trains_net: ClassVar[bool] = True
    per_sample: ClassVar[bool] = False
    alone: ClassVar[str] = ""
    mixes: ClassVar[bool] = False
    two_views: ClassVar[bool] = False
    only_balances: ClassVar[bool] = False
    authors: ClassVar[Mapping[str, Mapping[str, object]]] = {}

    combined: bool = field(default=False, init=False, repr=False, compare=False)
    """Whether it is joined with others."""
    context: Context = field(init=False, repr=False)
    modules: nn.ModuleList = field(init=False, repr=False)
    optimizers: list[torch.optim.Optimizer] = field(init=False, repr=False)
    inner_optimizers: list[torch.optim.Optimizer] = field(init=False, repr=False)
    scheduled: list[torch.optim.Optimizer] = field(init=False, repr=False)

    @property
    def starts_from_teacher(self) -> bool:
        """Whether the net starts from the trained baseline's weights."""
        return False

    @property
    def finished(self) -> bool:
        """Whether more epochs would change nothing; asked after each in which its terms count."""
        return False

    def least_epochs(self, protocol: Protocol) -> int:
        """The shortest training that it can make use of; a shorter one is refused."""
        return 1

    def acts_within(self, protocol: Protocol) -> tuple[Within, ...]:
        """What it compares or mixes, if that is all it does: data in which there is none of these are refused.

        Groups within classes are there if a class has samples of two groups, classes within groups if a group has samples of two
        classes. Empty for a method that has an effect on any data.
        """
        return ()

    @classmethod
    def facts(cls) -> dict[str, str]:
        """Also what it needs."""
        needs = cls.build().needs
        return super().facts() | ({"needs": ", ".join(needs)} if needs else {})

    @property
    def needs(self) -> list[str]:
        """What there must be for it to train, in words."""
        wants = {
            "the baseline's outputs": self.needs_teacher,
            "the baseline's weights": self.starts_from_teacher,
            "balanced batches": self.sampling == "balanced",
            "the map of a convolution": self.needs_maps,
        }
        return [name for name, wanted in wants.items() if wanted]

    def start(self, context: Context) -> None:
        """Bind the method to a trial, then let it build its modules in :meth:`setup`."""
        self.context = context
        self.modules = nn.ModuleList()
        self.optimizers = []
        self.inner_optimizers = []
        self.scheduled = []
        self.setup()

    def setup(self) -> None:
        """Build modules, if any, each handed to :meth:`own`.

        Raises:
            InvalidInput: the method makes no sense for this net or this data.
        """

    def own(self, module: M, optimizer: float | MakeOptimizer | None, *, inner: bool = False, scheduled: bool = False) -> M:
        """Give a module to this method: it and its optimiser are kept in checkpoints.

        Args:
            module: moved to the trial's device and dtype.
            optimizer: the learning rate of an Adam, or a function that makes an optimiser; None for a module without parameters.
            inner, scheduled: as for :meth:`keep`.
        """
        self.modules.append(module.to(self.context.device, self.context.dtype))
        if optimizer is not None:
            make = optimizer if callable(optimizer) else adam(optimizer)
            self.keep(make(module.parameters()), inner=inner, scheduled=scheduled)
        return module

    def like_net(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """An optimiser as the loop's of the net, to be handed to :meth:`own`."""
        return make_optimizer(parameters, self.context.optimizer)

    def keep(self, optimizer: torch.optim.Optimizer, *, inner: bool = False, scheduled: bool = False) -> None:
        """Keep an optimiser of this method in checkpoints.

        Args:
            optimizer: of owned modules or, where the method ``steps_net``, of the net's parameters.
            inner: this method steps it itself, in :meth:`inner_step`; otherwise the loop does, with the net's.
            scheduled: its learning rate falls as the net's does; to be set for whatever updates the net.
        """
        (self.inner_optimizers if inner else self.optimizers).append(optimizer)
        if scheduled:
            self.scheduled.append(optimizer)
            for group in optimizer.param_groups:
                group["initial_lr"] = group["lr"]

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """What :meth:`loss` needs of the baseline's outputs, one row per sample; kept in a cache where that is possible.

        A name means the same in every method, because methods share the cache.
        """
        return {}

    def trains_alone(self, progress: Progress) -> bool:
        """Whether this method's terms are all that is trained now, without the cross-entropy and the terms of others.

        Of methods that are joined one at most may have such a stage. Asked before the method is started, too.
        """
        return False

    def prepare(self, batch: Batch, progress: Progress) -> Batch:
        """What the net is trained on in place of a batch; draws come from torch's default generator.

        A batch whose samples are mixed says so by ``share`` and ``y2``.
        """
        return batch

    def task_loss(self, student: Outputs, batch: Batch) -> Tensor | None:
        """Losses of the samples ``(B,)`` that take the place of the cross-entropy's; None leaves it."""
        return None

    def sample_weights(self, losses: Tensor, batch: Batch) -> Tensor | None:
        """Weights ``(B,)`` of the samples in the mean task loss, 1 on average; None weighs all alike.

        Args:
            losses: the task loss of each sample ``(B,)``, without gradient.
            batch: the batch.
        """
        return None

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Terms to add to the task loss, already weighted.

        Terms are pure, static in shape, and without Python branches on data; an empty cell contributes nothing.

        Args:
            student: outputs of the net in training, float32 or float64, with gradient.
            teacher: what :meth:`from_teacher` took from the baseline's outputs on the same images, without gradient; empty unless
                ``needs_teacher``.
            batch: the batch.
            progress: where training stands.

        Returns:
            Scalars by name; an empty mapping adds nothing.
        """
        return {}

    def begin_epoch(self, loop: Loop, progress: Progress) -> None:
        """Called before the first step of an epoch."""

    def before_update(self, loop: Loop, batch: Batch, objective: Objective) -> None:
        """Called between the gradient of a step and its update, to put another gradient in its place.

        What computing the objective anew changes in buffers, such as running statistics and memories, is taken back afterwards.

        Args:
            loop: the loop, whose net's parameters hold the gradient of the batch's loss.
            batch: the batch, prepared.
            objective: all of the loss.
        """

    def inner_step(self, loop: Loop, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """Called after each update of the net, whose parameters still hold the gradients of that step.

        Returns:
            Scalars to report beside the loss terms, by name.
        """
        return {}

    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """Called after the last step of an epoch, before the validation split is scored.

        Args:
            loop: the loop.
            means: of the task loss (``ce``) and of each term over the epoch.
            progress: where training stands.

        Returns:
            Scores to report with the epoch, by name.

        Raises:
            Diverged: training cannot recover.
        """
        return {}

    def finish(self, loop: Loop) -> None:
        """Called once, after the last epoch and before the final scores: leave the net as it is to be used."""
