"""Debiasing by pruning: gates on a frozen, biased net learn to shut out what tells the group."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypedDict

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.methods._base import Loop, Method, Progress, Protocol
from fairtune.methods._gates import Plateau, prune, settled, sparsity
from fairtune.methods._information import normalised_mutual_information
from fairtune.methods._optimizer import adam
from fairtune.methods._private_head import AuthorsHead, PrivateHead, ScaledHead
from fairtune.records import Batch, Outputs
from fairtune.space import Integer, Real, hyperparameter

_COLDEST = 1e-8
_MI_THRESHOLD = 0.05


class State(nn.Module):
    """What the search for a mask remembers between epochs; all of it goes into checkpoints.

    Args:
        gates: to remember the best values of.
        temperature: of the gates' sigmoid.
        head: the untrained private head, with a copy of which every mask is tried.
    """

    temperature: Tensor
    best_mi: Tensor
    waited: Tensor
    best_score: Tensor
    head_weight: Tensor
    head_bias: Tensor

    def __init__(self, gates: Iterable[Tensor], temperature: Tensor, head: nn.Linear) -> None:
        super().__init__()
        self.register_buffer("temperature", temperature)
        self.register_buffer("best_mi", torch.tensor(torch.inf))
        self.register_buffer("waited", torch.tensor(0.0))
        self.register_buffer("best_score", torch.tensor(-torch.inf))
        self.register_buffer("head_weight", head.weight.detach().clone())
        self.register_buffer("head_bias", head.bias.detach().clone())
        for number, values in enumerate(gates):
            self.register_buffer(f"best_{number}", values.detach().clone())


class Scores(TypedDict):
    """A gated net on the validation split: what a private head knows of the group, and the accuracy of net and head."""

    mi: float
    private_accuracy: float
    accuracy: float


@dataclass
class GatedDebiasing(Method):
    """The training that the methods with gates share; they differ in where the gates are.

    The baseline's weights are frozen, every gate starts open. On batches in which labels say nothing of groups, of an unbiased
    training set or else balanced, the gates descend CE + weight * I_n, the normalised mutual information between the group and the
    soft predictions of a private head, a linear layer on the embedding that is itself trained to tell the group. The gates' sigmoid
    grows steeper as its temperature falls; now and then, and at the end, gates below 0 are tried as closed for good, each time with
    a private head that starts from the same weights as the first, and the best mask found is the result. The authors take weights
    from 5 to 50 in their ablation; the ranges searched reach further.

    Where we differ: the authors multiply the temperature by ``factor`` each time that I_n on the validation split has not fallen
    for more than ``patience`` epochs, until it is below 1e-8, and try masks at those moments. So does ``official``, which refuses a
    training that ends before the temperature can have fallen that far. A gate changes while its value is of the size of the
    temperature, and a step moves it by about ``lr``: each step of ten hardens most of the net at once, and nothing learns far below
    ``lr``. Under ``fixed`` the temperature falls a little after each epoch, always by the same factor, from 1 to ``lr`` if that is
    lower, and masks are tried after each epoch of the second half.

    Their private head is trained by SGD with a rate of .1 whatever the embeddings' size, which jumps about where these are large:
    what it knew of one mask on digits was 63 % or 97 % right after a change of the net by 1e-7. Under ``fixed`` it takes embeddings
    in units of their root mean square norm and is fitted to the end by L-BFGS.
    """

    citation: ClassVar[str] = (
        "R. Nahon, I. L. De Moura Matos, V.-T. Nguyen, E. Tartaglione, Debiasing Surgeon: Fantastic Weights and How to "
        "Find Them, ECCV 2024"
    )

    sampling: ClassVar[Literal["uniform", "balanced"]] = "balanced"
    needs_unbiased: ClassVar[bool] = True
    trains_net: ClassVar[bool] = False

    weight: float = hyperparameter(
        10.0, Real(low=0, log=True), search=Real(low=1, high=100, log=True), help="weight of the mutual information"
    )
    lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=10, log=True), search=Real(low=1e-4, high=1e-1, log=True), help="learning rate of the gates"
    )
    weight_decay: float = hyperparameter(1e-4, Real(low=0, high=1, log=True), help="of the gates; draws them to 0, which is open")
    factor: float = hyperparameter(0.1, Real(low=0.01, high=0.99), help="official: of the temperature each time it is lowered")
    patience: int = hyperparameter(5, Integer(low=0, high=100), help="official: epochs without less information before it is")

    gates: list[nn.Parameter] = field(init=False, repr=False)

    @property
    def starts_from_teacher(self) -> bool:
        """The biased net is the baseline."""
        return True

    @property
    def needs(self) -> list[str]:
        """Also the head that tells the group."""
        return [*super().needs, "a private head"]

    @property
    def finished(self) -> bool:
        """Whether the gates are as good as closed or open."""
        return bool(self.state.temperature < _COLDEST)

    def least_epochs(self, protocol: Protocol) -> int:
        """Under ``official`` those that its schedule takes at the least: the first sets the best value, each fall waits longer
        than ``patience``.
        """
        falls = math.floor(round(math.log(_COLDEST, self.factor), 6)) + 1
        return 1 + falls * (self.patience + 1) if protocol == "official" else 1

    @abstractmethod
    def install(self, net: nn.Module, temperature: Tensor) -> list[nn.Parameter]:
        """Put gates on the net."""

    def setup(self) -> None:
        """Freeze the net, install the gates, build the private head."""
        context = self.context
        net = context.net
        assert net is not None
        net.requires_grad_(False)
        temperature = torch.ones((), device=context.device, dtype=context.dtype)
        self.gates = self.install(net, temperature)
        self.own(nn.ParameterList(self.gates), adam(self.lr, self.weight_decay))
        kind = AuthorsHead if context.protocol == "official" else ScaledHead
        head = kind(context.embedding_size, context.num_groups)
        self.head = self.own(head, head.optimizer)
        self.state = self.own(State(self.gates, temperature, self.head), None)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The private head's cross-entropy, which no gate sees, and what it still knows, which it does not learn from."""
        z = student.embedding
        assert z is not None
        information = normalised_mutual_information(self.head.guess(z), batch.a)
        return {"private": F.cross_entropy(self.head(z.detach()), batch.a), "information": self.weight * information}

    def end_epoch(self, loop: Loop, means: Mapping[str, float], progress: Progress) -> dict[str, float]:
        """Train the private head to its end, then try masks and lower the temperature where it is time to."""
        scores = self._scored(loop, self.head)
        if self.context.protocol == "official":
            self._fall_on_plateau(loop, scores["mi"])
        else:
            self._cool(loop, (progress.epoch + 1) / progress.epochs)
        assert self.context.net is not None
        return {
            "private_mi": scores["mi"],
            "private_accuracy": scores["private_accuracy"],
            "sparsity": sparsity(self.context.net),
            "temperature": float(self.state.temperature),
        }

    def _fall_on_plateau(self, loop: Loop, information: float) -> None:
        """Lower the temperature if the private head has known no less for a while."""
        plateau = Plateau(self.patience, _MI_THRESHOLD)
        plateau.best, plateau.waited = float(self.state.best_mi), int(self.state.waited)
        if plateau.reached(information):
            self._try_mask(loop)
            self.state.temperature.mul_(self.factor)
            plateau.waited = 0
        self.state.best_mi.fill_(plateau.best)
        self.state.waited.fill_(plateau.waited)

    def _cool(self, loop: Loop, share: float) -> None:
        """Lower the temperature to what it is after this share of the epochs."""
        if 0.5 <= share < 1:
            self._try_mask(loop)
        self.state.temperature.fill_(min(self.lr, 1.0) ** share)

    @torch.no_grad()
    def finish(self, loop: Loop) -> None:
        """Close for good what the best mask closes."""
        self._try_mask(loop)
        for number, g in enumerate(self.gates):
            g.copy_(getattr(self.state, f"best_{number}"))
        assert self.context.net is not None
        prune(self.context.net)

    @torch.no_grad()
    def _try_mask(self, loop: Loop) -> None:
        """Score the net as it would be if gates below 0 were closed, with a private head that is trained anew, and remember the
        gates if it is the best so far.
        """
        kept = [g.clone() for g in self.gates]
        for g in self.gates:
            g.copy_(settled(g))
        head = copy.deepcopy(self.head)
        head.weight.copy_(self.state.head_weight)
        head.bias.copy_(self.state.head_bias)
        scores = self._scored(loop, head)
        for g, values in zip(self.gates, kept, strict=True):
            g.copy_(values)
        accuracy = _above_chance(scores["accuracy"], self.context.num_classes)
        private = _above_chance(scores["private_accuracy"], self.context.num_groups)
        score = -private if self.context.protocol == "official" else accuracy * (1 - private / 2)
        if score > float(self.state.best_score):
            self.state.best_score.fill_(score)
            for number, values in enumerate(kept):
                getattr(self.state, f"best_{number}").copy_(values)

    @torch.no_grad()
    def _scored(self, loop: Loop, head: PrivateHead) -> Scores:
        """Scores on the validation split, the private head first trained to its end on the net as it is now.

        Every (y, a) cell counts alike: where labels tell of groups, so do the embeddings of a fair net.
        """
        training = [(loop.forward(batch).embedding, batch.a) for batch in map(loop.batch, range(loop.steps))]
        head.fit([(z, a) for z, a in training if z is not None])
        outputs = list(loop.validated())
        guess = head(torch.cat([out.embedding for out, _ in outputs if out.embedding is not None]))
        a, y = (torch.cat([getattr(batch, name) for _, batch in outputs]) for name in ("a", "y"))
        right = torch.cat([out.logits for out, _ in outputs]).argmax(1) == y
        cell = a * self.context.num_classes + y
        weight = 1 / torch.bincount(cell)[cell].to(guess.dtype)
        weight = weight / weight.mean()
        return Scores(
            mi=float(normalised_mutual_information(guess.softmax(1), a, weight)),
            private_accuracy=float((weight * (guess.argmax(1) == a)).mean()),
            accuracy=float((weight * right).mean()),
        )


def _above_chance(accuracy: float, values: int) -> float:
    """An accuracy as a share of the way from guessing, 0, to certainty, 1; below 0 for worse than guessing."""
    return (accuracy - 1 / values) / (1 - 1 / values)
