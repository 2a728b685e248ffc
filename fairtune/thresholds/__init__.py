"""Fairer predictions without training: a trained net's decisions are moved, by what a validation split says.

Each way has one number that trades accuracy for fairness, so that one trained net gives a whole front. They are what every method
has to beat: a method that loses to them has brought nothing that could not be had for no training at all.
"""

from fairtune.thresholds._front import WAYS, WEIGHTS, Adjusted, Offered, Way, adjust, front
from fairtune.thresholds._scored import Adjustment, Predicted, Scored, decide
from fairtune.thresholds.group_thresholds import GroupOffsets
from fairtune.thresholds.shared_thresholds import MergedOffsets

__all__ = [
    "WAYS",
    "WEIGHTS",
    "Adjusted",
    "Adjustment",
    "GroupOffsets",
    "MergedOffsets",
    "Offered",
    "Predicted",
    "Scored",
    "Way",
    "adjust",
    "decide",
    "front",
]
