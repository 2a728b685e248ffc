"""Whether methods differ over several data sets: Friedman's test, Nemenyi's critical difference, signed ranks, Holm's correction.

J. Demšar, "Statistical Comparisons of Classifiers over Multiple Data Sets", Journal of Machine Learning Research 2006.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from fairtune.metrics._interval import Number
from fairtune.records import Floats
from fairtune.seeding import generator

_DRAWS = 9_999
_AT_ONCE = 1 << 21
_EXACT = 16
"""Differences up to which all signs are tried; of more of them the sum of ranks is normal enough."""


class Ranking(BaseModel):
    """Methods ranked on every block, 1 being the best; NaN stands for what is not defined.

    Attributes:
        mean: rank of each method over the blocks, equals sharing theirs.
        blocks: on which all were scored.
        chi2: Friedman's statistic, corrected for equals.
        f: Iman and Davenport's, from it; not defined where all blocks rank alike.
        p_value: of no difference, from drawing the ranks of every block anew: it holds for few blocks too, where the
            distributions of the two statistics do not.
        critical: by how much mean ranks must differ to be told apart at 5 %, by Nemenyi's test.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: tuple[Number, ...]
    blocks: int
    chi2: Number
    f: Number
    p_value: Number
    critical: Number

    @property
    def alike(self) -> list[tuple[int, ...]]:
        """The largest sets of methods that cannot be told apart, from the best on; where Friedman's test finds nothing, all."""
        order = sorted(range(len(self.mean)), key=lambda method: (self.mean[method], method))
        if not self.p_value < 0.05:
            return [tuple(order)]
        found: list[tuple[int, ...]] = []
        for start in range(len(order)):
            near = [place for place in order[start:] if self.mean[place] - self.mean[order[start]] < self.critical]
            if len(near) > 1 and not (found and near[-1] == found[-1][-1]):
                found.append(tuple(near))
        return found


def rank(costs: Floats) -> Ranking:
    """Rank methods on every block and test whether any differs.

    Args:
        costs: of each block and method ``(N, k)``, finite, the least being the best; at least two of each. Blocks have to be
            independent for what is found to hold of other blocks: seeds on one data set are not.
    """
    from scipy.stats import rankdata

    n, k = costs.shape
    ranks: Floats = rankdata(costs, axis=1)
    chi2 = _chi2(ranks)
    return Ranking(
        mean=tuple(float(mean) for mean in ranks.mean(axis=0)),
        blocks=n,
        chi2=chi2,
        f=(n - 1) * chi2 / (n * (k - 1) - chi2) if n * (k - 1) - chi2 > 1e-9 else math.nan,
        p_value=_p_value(ranks),
        critical=critical_difference(k, n),
    )


def critical_difference(methods: int, blocks: int, risk: float = 0.05) -> float:
    """Nemenyi's: by how much the mean ranks of so many methods over so many blocks must differ to be told apart."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - risk, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * blocks))


def signed_ranks(differences: Sequence[float]) -> float:
    """The two-sided p-value of Wilcoxon's signed ranks: that differences lie about 0, one for each independent data set.

    Exact for up to 16 of them, equals among them or not: all signs of the ranks are tried. Those that are 0 are left out. Of fewer
    than six no p-value can be below 0.05: five data sets prove nothing at 5 %. 1 where all are 0; not defined without any.
    """
    from scipy.stats import rankdata, wilcoxon

    found = np.array([one for one in differences if math.isfinite(one)])
    if len(found) == 0:
        return math.nan
    found = found[found != 0]
    if len(found) == 0:
        return 1.0
    if len(found) > _EXACT:
        return float(wilcoxon(found, method="approx", correction=True).pvalue)
    ranks: Floats = rankdata(np.abs(found))
    signs = 1 - 2 * ((np.arange(2 ** len(found))[:, None] >> np.arange(len(found))) & 1)
    reached = np.abs(signs @ ranks)
    return float((reached >= abs(float(np.sign(found) @ ranks)) - 1e-9).mean())


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for how many there are (S. Holm, Scandinavian Journal of Statistics 1979); what is not defined stays so."""
    tested = sorted((place for place, p in enumerate(p_values) if math.isfinite(p)), key=lambda place: p_values[place])
    found, highest = [math.nan] * len(p_values), 0.0
    for order, place in enumerate(tested):
        highest = max(highest, min(1.0, (len(tested) - order) * p_values[place]))
        found[place] = highest
    return found


def _chi2(ranks: Floats) -> float:
    """Friedman's statistic of midranks ``(N, k)``; 0 where all are equal."""
    n, k = ranks.shape
    spread = float((ranks**2).sum()) - n * k * (k + 1) ** 2 / 4
    between = float(((ranks.mean(axis=0) - (k + 1) / 2) ** 2).sum())
    return n**2 * (k - 1) * between / spread if spread > 0 else 0.0


def _p_value(ranks: Floats) -> float:
    """How often ranks that are dealt anew in every block lie as far apart: by 9,999 draws, the seen one counted."""
    seen = float((ranks.sum(axis=0) ** 2).sum())
    reached = sum(int((sums >= seen - 1e-9).sum()) for sums in _dealt(ranks))
    return (1 + reached) / (1 + _DRAWS)


def _dealt(ranks: Floats) -> Iterator[Floats]:
    """Sums of squares of the methods' rank sums, of ranks dealt anew."""
    rng = generator(0, "permutation")
    at_once = max(1, _AT_ONCE // ranks.size)
    for begin in range(0, _DRAWS, at_once):
        draws = min(at_once, _DRAWS - begin)
        dealt = rng.permuted(np.broadcast_to(ranks, (draws, *ranks.shape)), axis=2)
        yield (dealt.sum(axis=1) ** 2).sum(axis=1)
