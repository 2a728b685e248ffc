"""Classifier retraining."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import nn

from fairtune.methods._base import Method
from fairtune.methods._optimizer import adam
from fairtune.space import Real, hyperparameter


@dataclass
class ClassifierRetraining(Method):
    """Trains a new head on the frozen baseline, in batches filled equally from every cell (CRT).

    L = CE on balanced batches, of a linear head that starts anew on the baseline's embedding; all else stays as it is, BatchNorm's
    statistics too. Source: B. Kang et al., "Decoupling Representation and Classifier for Long-Tailed Recognition", ICLR 2020, who
    balance classes; cells as in SubpopBench (Y. Yang et al., ICML 2023). The head has an Adam of its own, of constant rate.
    """

    citation: ClassVar[str] = (
        "B. Kang, S. Xie, M. Rohrbach, Z. Yan, A. Gordo, J. Feng, Y. Kalantidis, Decoupling Representation and Classifier for "
        "Long-Tailed Recognition, ICLR 2020"
    )

    sampling: ClassVar[Literal["uniform", "balanced"]] = "balanced"
    trains_net: ClassVar[bool] = False
    alone: ClassVar[str] = "it trains the head only"

    lr: float = hyperparameter(
        1e-3, Real(low=1e-8, high=1, log=True), search=Real(low=1e-4, high=1e-1, log=True), help="learning rate of the head"
    )

    @property
    def starts_from_teacher(self) -> bool:
        """It retrains the baseline's head."""
        return True

    def setup(self) -> None:
        """Freeze the net but for a new head."""
        net = self.context.net
        assert net is not None
        assert isinstance(net.head, nn.Linear)
        net.requires_grad_(False)
        net.head.reset_parameters()
        net.head.requires_grad_(True)
        self.own(net.head, adam(self.lr, self.context.optimizer.weight_decay))
