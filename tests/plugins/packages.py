"""Packages of other people, written to a folder as an installer would."""

from pathlib import Path

PLUG_INS = '''
"""Plug-ins of every kind, as somebody else would write them."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import optuna
import torch

from fairtune.datasets import Dataset, Info, Pool
from fairtune.errors import InvalidInput
from fairtune.methods import Method
from fairtune.models import Net
from fairtune.plugins import Family
from fairtune.records import Outputs
from fairtune.rules import Rule
from fairtune.samplers import Sampler
from fairtune.schedulers import Scheduler
from fairtune.space import Real, hyperparameter


@dataclass
class Calm(Method):
    """Keeps the logits small, whoever they are of."""

    citation: ClassVar[str] = "A. Nobody, Calm Nets, 2026"

    weight: float = hyperparameter(0.1, Real(low=0, high=10), search=Real(low=0.1, high=1), help="how small")

    def loss(self, student, teacher, batch, progress):
        return {"size": self.weight * student.logits.square().mean()}


@dataclass(kw_only=True)
class Stripes(Dataset):
    """Stripes that lie or stand, dark or light, drawn when they are asked for."""

    cache_name: ClassVar[str] = "stripes-1"
    licence: ClassVar[str] = "CC0"
    citation: ClassVar[str] = "A. Nobody, Stripes, 2026"
    obtain: ClassVar[str] = "comes with its package"

    def describe(self, root):
        names = {"classes": ("lying", "standing"), "groups": ("dark", "light")}
        return Info(**names, shape=(3, 8, 8), balanced_test=True, model="channel_means", epochs=1, batch_size=8)

    def check(self, root):
        pass

    def decode(self, root):
        return {"train": drawn(0, 80), "test": drawn(80, 16)}


def drawn(first, count):
    x, number = np.zeros((count, 8, 8, 3), dtype=np.uint8), np.arange(first, first + count)
    for n, image in enumerate(x):
        lines = image if n % 2 == 0 else image.swapaxes(0, 1)
        lines[::2] = 60 + 50 * (n % 2) + 100 * (n // 2 % 2) + n % 40
    return Pool(x, {"y": number % 2, "a": number // 2 % 2, "source": number})


class ChannelMeans(Net):
    """A linear layer on the mean of every channel."""

    def __init__(self, shape, num_classes):
        if len(shape) != 3:
            raise InvalidInput(f"channel means are of images, not of inputs of shape {shape}: try mlp")
        super().__init__(shape)
        self.head = torch.nn.Linear(shape[0], num_classes)

    def forward(self, x, *, want_maps=False):
        means = x.mean((2, 3))
        return Outputs(self.head(means), means, None, means)


class Repeated(Family):
    """Channel means, repeated so many times."""

    @classmethod
    def member(cls, name):
        if not name.isdigit():
            raise InvalidInput(f"repeated:{name}: give a number")
        return type(f"Repeated{name}", (ChannelMeans,), {"__doc__": f"Channel means, {name} times."})


class Latest(Rule):
    """The latest of the feasible, whatever its scores."""

    def key(self, view):
        return (-view.number,)


class Chance(Sampler):
    """Draws everything at random."""

    def on(self, problem):
        return optuna.samplers.RandomSampler(seed=problem.seed)


class Patient(Scheduler):
    """Looks at every second epoch and stops nobody."""

    def rungs(self, epochs):
        return range(2, epochs, 2)

    def verdict(self, trial, others):
        return "go_on"
'''

ENTRY_POINTS = """
[fairtune.methods]
calm = outsider.plug_ins:Calm
[fairtune.datasets]
stripes = outsider.plug_ins:Stripes
[fairtune.models]
channel_means = outsider.plug_ins:ChannelMeans
repeated = outsider.plug_ins:Repeated
[fairtune.rules]
latest = outsider.plug_ins:Latest
[fairtune.samplers]
chance = outsider.plug_ins:Chance
[fairtune.schedulers]
patient = outsider.plug_ins:Patient
"""


def install(site: Path, package: str, entry_points: str, **modules: str) -> Path:
    """Put a package and what an installer notes of it where Python looks for packages.

    Args:
        site: the folder, to be part of ``sys.path``.
        package: its name.
        entry_points: what it announces.
        modules: its modules' text by name.
    """
    code, noted = site / package.replace("-", "_"), site / f"{package.replace('-', '_')}-1.0.dist-info"
    for folder in (code, noted):
        folder.mkdir(parents=True)
    (code / "__init__.py").touch()
    for name, text in modules.items():
        (code / f"{name}.py").write_text(text)
    (noted / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (noted / "entry_points.txt").write_text(entry_points)
    return site


def install_outsider(site: Path) -> Path:
    """A package with a plug-in of every kind."""
    return install(site, "outsider", ENTRY_POINTS, plug_ins=PLUG_INS)
