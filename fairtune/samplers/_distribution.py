"""A domain in Optuna's terms."""

from __future__ import annotations

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from fairtune.space import Domain, Integer, Options


def distribution(domain: Domain) -> BaseDistribution:
    """The distribution of a dimension."""
    if isinstance(domain, Options):
        return CategoricalDistribution(domain.values)
    if isinstance(domain, Integer):
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log)
    return FloatDistribution(domain.low, domain.high, log=domain.log)
