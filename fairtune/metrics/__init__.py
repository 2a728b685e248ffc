"""Group metrics, each a function of :class:`fairtune.records.GroupCounts` alone."""

from fairtune.metrics._accuracy import Weighting, accuracy, cell_accuracy, worst_cell_accuracy
from fairtune.metrics._deo import deo_a, deo_m, gaps, small_cells
from fairtune.metrics._interval import Interval, interval
from fairtune.metrics._scores import BETTER, scores

__all__ = [
    "BETTER",
    "Interval",
    "Weighting",
    "accuracy",
    "cell_accuracy",
    "deo_a",
    "deo_m",
    "gaps",
    "interval",
    "scores",
    "small_cells",
    "worst_cell_accuracy",
]
