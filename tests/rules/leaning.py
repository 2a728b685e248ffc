"""A rule from outside whose option decides what it chooses."""

from dataclasses import dataclass

from fairtune.rules import Rule
from fairtune.space import Real, hyperparameter


@dataclass
class Leaning(Rule):
    """The least DEO_M less so much of the accuracy."""

    to_accuracy: float = hyperparameter(0.0, Real(low=-100.0, high=100.0), help="what a unit of accuracy is worth")

    def key(self, view):
        accuracy, gap = view.costs("accuracy", "deo_m")
        return gap + self.to_accuracy * accuracy, view.number
