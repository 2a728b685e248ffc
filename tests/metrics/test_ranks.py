"""Ranks over data sets, against published examples and scipy."""

import math

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, wilcoxon

from fairtune.metrics import critical_difference, holm, rank, signed_ranks

AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9752, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)
"""J. Demšar, JMLR 2006, table 6: C4.5 with neither, one or both of two parameters tuned, on 14 data sets.

The last but one is ranked 4, 1, 2, 3 there, though rounded two of its figures are equal."""


def test_the_example_of_demsar():
    found = rank(-AUC)
    assert found.mean == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert found.critical == pytest.approx(1.25, abs=5e-3)
    uncorrected = 12 * 14 / (4 * 5) * (sum(mean**2 for mean in found.mean) - 4 * 5**2 / 4)
    assert uncorrected == pytest.approx(9.28, abs=5e-3)
    assert 13 * uncorrected / (14 * 3 - uncorrected) == pytest.approx(3.69, abs=5e-3)
    assert found.chi2 == pytest.approx(friedmanchisquare(*AUC.T).statistic), "it takes account of equals"
    assert found.f == pytest.approx(13 * found.chi2 / (14 * 3 - found.chi2))
    assert found.p_value == pytest.approx(friedmanchisquare(*AUC.T).pvalue, abs=0.01)


@pytest.mark.parametrize(("methods", "quantile"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_critical_differences_are_those_of_the_table(methods, quantile):
    assert critical_difference(methods, 6) == pytest.approx(quantile * math.sqrt(methods * (methods + 1) / 36), abs=2e-3), (
        "Demšar 2006, table 5"
    )


def test_ranks_are_dealt_anew_where_the_statistic_knows_no_distribution():
    found = rank(np.array([[0.1, 0.2, 0.3], [0.1, 0.2, 0.3]]))
    assert found.p_value == pytest.approx(1 / 6, abs=0.015), "two blocks of three rank alike once in six times"
    assert found.chi2 == pytest.approx(4)
    assert math.isnan(found.f)
    assert rank(np.ones((3, 4))).p_value == 1.0


def test_chance_alone_is_found_as_often_as_it_may():
    rng = np.random.default_rng(5)
    found = [rank(rng.normal(size=(5, 6))).p_value < 0.05 for _ in range(60)]
    assert sum(found) <= 8, "binomial of 60 at 5 %: nine or more once in 250 times"


def test_sets_that_cannot_be_told_apart():
    rng = np.random.default_rng(0)
    costs = np.array([0.0, 0.1, 5.0, 5.1, 10.0]) + rng.normal(size=(30, 5)) * 0.5
    found = rank(costs)
    assert [set(one) for one in found.alike] == [{0, 1}, {2, 3}]
    assert {len(one) for one in rank(rng.normal(size=(4, 5))).alike} == {5}, "where nothing is found all are alike"


@pytest.mark.parametrize("n", [3, 5, 8, 12])
def test_signed_ranks_are_scipys_exact_ones(n):
    differences = np.random.default_rng(n).normal(loc=0.3, size=n)
    assert signed_ranks(differences) == pytest.approx(wilcoxon(differences, method="exact").pvalue)


def test_signed_ranks_with_equals_zeros_and_many():
    assert signed_ranks([1.0, 1.0, -1.0]) == pytest.approx(1.0)
    assert signed_ranks([1.0] * 6) == pytest.approx(2 / 2**6)
    assert signed_ranks([0.2] * 5) == pytest.approx(0.0625), "five data sets prove nothing at 5 %"
    assert signed_ranks([0.0, 0.3, math.nan, 0.2]) == signed_ranks([0.3, 0.2])
    assert signed_ranks([0.0, 0.0]) == 1.0
    assert math.isnan(signed_ranks([]))
    many = np.random.default_rng(1).normal(loc=0.5, size=40)
    assert signed_ranks(many.tolist()) == pytest.approx(wilcoxon(many, method="exact").pvalue, abs=2e-3)


def test_p_values_are_adjusted_as_holm_does():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, math.nan, 0.001]) == pytest.approx([0.04, math.nan, 0.002], nan_ok=True)
    assert holm([]) == []
