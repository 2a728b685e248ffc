"""Which trainings are recorded: the datasets, and every combination of a few levels of each hyperparameter of several methods.

A full grid can be searched by any sampler without saying anything untrue: a proposal is a level of each hyperparameter, in order,
and each has been trained. The levels span what fairtune searches by default, and hold what the papers publish.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fairtune.datasets import Dataset
from fairtune.methods import compose
from fairtune.request.spaces import hyperparameters
from fairtune.space import Value
from fairtune.spec import PlugIn, SearchSpec, TrialSpec

Levels = Mapping[str, tuple[Value, ...]]
_LR = (3e-4, 1e-3, 3e-3, 1e-2)
_WHOLE: Mapping[str, Levels] = {
    "mfd": {"mfd.weight": (0.1, 0.3, 1, 3, 10, 30), "mfd.sigma": (0.3, 1, 3), "optimizer.lr": _LR},
    "group_dro": {"group_dro.weight": (0.25, 0.5, 1), "group_dro.eta": (0.01, 0.1, 1), "optimizer.lr": _LR},
    "reweight": {"reweight.weight": (0, 0.5, 1, 1.5, 2), "optimizer.lr": _LR},
    "eo_l2": {"eo_l2.weight": (0.1, 1, 10, 100, 1000), "optimizer.lr": _LR},
    "ad": {"ad.weight": (0.01, 0.1, 1, 10, 100), "optimizer.lr": _LR},
}
_THREE_LR = (1e-3, 3e-3, 1e-2)
_HALF: Mapping[str, Levels] = {
    "mfd": {"mfd.weight": (0.1, 0.3, 1, 3, 10, 30), "optimizer.lr": _LR},
    "group_dro": {"group_dro.weight": (0.5, 1), "group_dro.eta": (0.01, 0.1, 1), "optimizer.lr": _THREE_LR},
    "reweight": {"reweight.weight": (0.5, 1, 1.5, 2), "optimizer.lr": _THREE_LR},
    "eo_l2": {"eo_l2.weight": (0.1, 1, 10, 100, 1000), "optimizer.lr": _THREE_LR},
    "ad": {"ad.weight": (0.01, 0.1, 1, 10, 100), "optimizer.lr": _THREE_LR},
}


class Setting(NamedTuple):
    """A method and the values of its grid."""

    method: str
    values: dict[str, Value]


class Replicate(NamedTuple):
    """One of the trainings of every setting: on which split, from which seed."""

    split: int
    seed: int


@dataclass(frozen=True)
class Recorded:
    """The trainings of one dataset.

    Attributes:
        dataset: its name.
        grids: the levels searched, by method; whatever else a method has is at its default.
        splits: validation splits, drawn by the dataset's own seed; each has a baseline, which is the teacher.
        seeds: trainings of a setting on each split.
        options: of the dataset, where they are not its defaults.
        model, epochs, batch_size: None for the dataset's defaults.
        train_fraction: share of the training split used.
    """

    dataset: str
    grids: Mapping[str, Levels]
    splits: int
    seeds: int
    options: Mapping[str, Value] = field(default_factory=dict)
    model: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    train_fraction: float = 1.0

    def settings(self) -> list[Setting]:
        """All of them, in a fixed order; the baseline first."""
        return [Setting("scratch", {}), *self._on_grids()]

    def replicates(self) -> list[Replicate]:
        """In the order of recording: one seed on every split, then the next."""
        return [Replicate(split, seed) for seed in range(self.seeds) for split in range(self.splits)]

    def search(self, split: int, root: Path) -> SearchSpec:
        """The search to which the trainings on a split belong."""
        dataset = Dataset.load(self.dataset)
        options = dataset.complete({"seed": split, **self.options}, root)
        info = dataset.build(**options).describe(root)
        return SearchSpec(
            dataset=PlugIn(name=self.dataset, options=options),
            model=PlugIn(name=self.model or info.model),
            spaces={},
            epochs=self.epochs or info.epochs,
            batch_size=self.batch_size or info.batch_size,
            precision="fp32",
            seed=split,
            train_fraction=self.train_fraction,
            students_apart=True,
        )

    def training(self, setting: Setting, replicate: Replicate, root: Path) -> TrialSpec:
        """One training. The first on a split has the seed that it has in a search: the baseline's, unless that is the teacher."""
        defaults = {name: known.default for name, known in hyperparameters(setting.method).items()}
        values = defaults | setting.values
        search = self.search(replicate.split, root)
        spec = search.trial(setting.method, values, needs_baseline=compose(setting.method, defaults).needs_baseline)
        return spec if replicate.seed == 0 else spec.model_copy(update={"seed": replicate.split + 1000 * replicate.seed})

    def _on_grids(self) -> Iterator[Setting]:
        for method, levels in self.grids.items():
            for values in itertools.product(*levels.values()):
                yield Setting(method, dict(zip(levels, values, strict=True)))


RECORDED = {
    "digits": Recorded("digits", _WHOLE, splits=4, seeds=3),
    "biased_mnist": Recorded(
        "biased_mnist",
        _HALF,
        splits=3,
        seeds=2,
        options={"rho": 0.9},
        model="mlp",
        epochs=27,
        batch_size=100,
        train_fraction=0.1,
    ),
    "cifar10s": Recorded("cifar10s", _HALF, splits=4, seeds=2, model="mlp3", epochs=27, batch_size=100, train_fraction=0.1),
}
"""``biased_mnist`` is less biased than published: at rho 0.99 a tenth of the training set has no image of most cells."""
