"""Metrics, most of them functions of :class:`fairtune.records.GroupCounts` alone, and the scores that trials report.

A score is a :class:`Score` beside the function that computes it, in any file of this folder: that makes it recorded, shown and
searchable.
"""

from fairtune.metrics._account import account
from fairtune.metrics._accuracy import (
    accuracy,
    balanced_accuracy,
    cell_accuracy,
    group_accuracy,
    worst_cell_accuracy,
    worst_group_accuracy,
)
from fairtune.metrics._attainment import attained
from fairtune.metrics._auc import auc
from fairtune.metrics._band import within_at_once
from fairtune.metrics._cells import CellScore, GroupScore, cell_scores, group_scores
from fairtune.metrics._chances import Drawn, chance_of_dominating, draw_truths
from fairtune.metrics._collapsed import name_only_class, only_class
from fairtune.metrics._compare import Difference, NetScore, compare
from fairtune.metrics._crowding import crowding, pareto_ranks
from fairtune.metrics._deo import deo_a, deo_m, deo_m_upper, gaps
from fairtune.metrics._floor import reaches, shortfall
from fairtune.metrics._independence import dp_l2, dp_mi, eo_l2, eo_mi
from fairtune.metrics._interval import (
    UNDEFINED,
    Interval,
    Number,
    interval,
    interval_over_models,
)
from fairtune.metrics._iou import group_iou, iou, iou_paired, sigma_iou
from fairtune.metrics._limits import Limits
from fairtune.metrics._margins import margin_table
from fairtune.metrics._noise import standard_error
from fairtune.metrics._odds import equal_opportunity, equalized_odds
from fairtune.metrics._paired import share_left
from fairtune.metrics._pareto import hypervolume, non_dominated
from fairtune.metrics._parity import demographic_parity
from fairtune.metrics._ranks import Ranking, critical_difference, holm, rank, signed_ranks
from fairtune.metrics._redrawn import redraw_margins, redraw_predictions, redraw_probabilities
from fairtune.metrics._score import Score
from fairtune.metrics._scores import BOUNDS, ESTIMATES, HEADLINES, SCORES, label, ranked, scores, stand_ins
from fairtune.metrics._shrunk import deo_m_shrunken, shrunken_cell_accuracy
from fairtune.metrics._small import MINIMUM, Cell, name_small_cells, small_cells
from fairtune.metrics._tabulated import tabulate, weights_for_limits
from fairtune.metrics._weighting import Weighting

__all__ = [
    "BOUNDS",
    "ESTIMATES",
    "HEADLINES",
    "MINIMUM",
    "SCORES",
    "UNDEFINED",
    "Cell",
    "CellScore",
    "Difference",
    "Drawn",
    "GroupScore",
    "Interval",
    "Limits",
    "NetScore",
    "Number",
    "Ranking",
    "Score",
    "Weighting",
    "account",
    "accuracy",
    "attained",
    "auc",
    "balanced_accuracy",
    "cell_accuracy",
    "cell_scores",
    "chance_of_dominating",
    "compare",
    "critical_difference",
    "crowding",
    "demographic_parity",
    "deo_a",
    "deo_m",
    "deo_m_shrunken",
    "deo_m_upper",
    "dp_l2",
    "dp_mi",
    "draw_truths",
    "eo_l2",
    "eo_mi",
    "equal_opportunity",
    "equalized_odds",
    "gaps",
    "group_accuracy",
    "group_iou",
    "group_scores",
    "holm",
    "hypervolume",
    "interval",
    "interval_over_models",
    "iou",
    "iou_paired",
    "label",
    "margin_table",
    "name_only_class",
    "name_small_cells",
    "non_dominated",
    "only_class",
    "pareto_ranks",
    "rank",
    "ranked",
    "reaches",
    "redraw_margins",
    "redraw_predictions",
    "redraw_probabilities",
    "scores",
    "share_left",
    "shortfall",
    "shrunken_cell_accuracy",
    "sigma_iou",
    "signed_ranks",
    "small_cells",
    "stand_ins",
    "standard_error",
    "tabulate",
    "weights_for_limits",
    "within_at_once",
    "worst_cell_accuracy",
    "worst_group_accuracy",
]
