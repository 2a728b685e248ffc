"""DEO_M estimated from few samples: what searches rank settings by in its place.

A largest gap is decided by the few samples of the smallest cells: on one validation split many settings have the same DEO_M, and
which is least is luck. Two things vary less and mean the same: the probability of the true class in place of right or wrong, and
accuracies drawn to their class's as far as the differences between cells could be chance.

A net that is unsure of everything has small differences in probability, and would seem fair for want of training. So each class's
probabilities are stretched from chance until their mean is the class's accuracy, h(y) being its share of right answers, q(y) the
mean probability and p(a, y) that of a cell:

    p'(a, y) = 1/K + (p(a, y) - 1/K) |h(y) - 1/K| / max(|q(y) - 1/K|, 0.02), within [0, 1].

With n samples of label y in group a, r = n p', and m(y) the share of r in n over all groups,

    mean(a, y | s) = (r + s m) / (n + s),    L(s) = prod_{a,y} B(s m' + r, s (1 - m') + n - r) / B(s m', s (1 - m')),

the posterior mean of a cell's accuracy under a Beta prior of strength s around its class's, and how likely that strength is for all
cells together (beta-binomial). m' is m with one sample right and one wrong added, without which a class that is nearly always
right would say nothing of s. The estimate is DEO_M of the cells' means over strengths from 1 to 1000, weighed by L: where groups
differ no more than by chance, large strengths are likely, and all gaps are small.

After the hierarchical models of J. Foulds, R. Islam, K. Keya, S. Pan, "Bayesian Modeling of Intersectional Fairness: The Variance
of Bias", SDM 2020; here the strength is summed over in place of sampling. ``docs/search-efficiency.md`` compares it with others.
"""

from __future__ import annotations

import numpy as np

from fairtune.metrics._gap import reduce_gaps, spread
from fairtune.metrics._redrawn import redraw_probabilities
from fairtune.metrics._score import Score
from fairtune.records import Floats, GroupCounts

_LEAST = 0.02
"""How far from chance a class is believed at least; less would stretch noise."""
_STRENGTHS = np.array([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])[:, None, None]


def stretched(counts: GroupCounts) -> Floats:
    """Every cell's summed probability of its class, as large as answers are right: n p' ``(A, K)``."""
    samples = counts.cells.astype(float)
    chance, total = 1 / samples.shape[1], np.maximum(samples.sum(axis=0), 1)
    believed = np.diagonal(counts.soft, axis1=1, axis2=2).clip(0, samples)
    right = np.diagonal(counts.hard, axis1=1, axis2=2).sum(axis=0) / total
    stretch = np.abs(right - chance) / np.maximum(np.abs(believed.sum(axis=0) / total - chance), _LEAST)
    shares: Floats = (chance + (believed / np.maximum(samples, 1) - chance) * stretch).clip(0, 1) * samples
    return shares


def shrunken_cell_accuracy(right: Floats, samples: Floats) -> Floats:
    """Posterior mean of every cell's accuracy.

    Args:
        right: r ``(A, K)``, counted or summed.
        samples: n ``(A, K)``.

    Returns:
        ``(A, K)`` in [0, 1]; an empty cell has its class's, and a class without samples 0.
    """
    of_class = right.sum(axis=0) / np.maximum(samples.sum(axis=0), 1)
    likely = _likelihoods(right, samples)
    means: Floats = np.tensordot(likely / likely.sum(), (right + _STRENGTHS * of_class) / (samples + _STRENGTHS), axes=1)
    return means


def _likelihoods(right: Floats, samples: Floats) -> Floats:
    """L of every strength, as a share of the largest ``(strengths,)``."""
    from scipy.special import betaln  # here, so that naming scores stays quick

    of_class = (right.sum(axis=0) + 1) / (samples.sum(axis=0) + 2)
    a, b = _STRENGTHS * of_class, _STRENGTHS * (1 - of_class)
    log: Floats = (betaln(a + right, b + samples - right) - betaln(a, b)).sum(axis=(1, 2))
    likely: Floats = np.exp(log - log.max())
    return likely


def deo_m_shrunken(counts: GroupCounts) -> float:
    """Maximum over classes of the gap between groups in :func:`shrunken_cell_accuracy`; 0 is fair, 1 is worst.

    Smaller than DEO_M, and not to be compared with it. It ranks settings; what a net does, :func:`fairtune.metrics.deo_m` says.

    Returns:
        In [0, 1]; an empty cell contributes nothing, and NaN if no class can be compared.
    """
    means = shrunken_cell_accuracy(stretched(counts), counts.cells.astype(float))
    return reduce_gaps(np.max, spread(means, counts.cells, empty="ignore", minimum=1), "ignore")


DEO_M_SHRUNKEN = Score(
    "deo_m_shrunken",
    "DEO_M, shrunken",
    "lower",
    "DEO_M of probabilities, cells drawn to their class's as far as the gaps could be chance: what searches rank DEO_M by",
    compute=deo_m_shrunken,
    gap=True,
    redraw=redraw_probabilities,
)
