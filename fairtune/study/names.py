"""How a study names the parameters of a trial: among several methods by method, of one method as the method does."""

from __future__ import annotations

from collections.abc import Mapping

from optuna.distributions import BaseDistribution, CategoricalDistribution

from fairtune.samplers import Proposal, distribution
from fairtune.space import Space, Value


def in_full(proposal: Proposal, spaces: Mapping[str, Space]) -> tuple[dict[str, Value], dict[str, BaseDistribution]]:
    """A trial's parameters as the study names them, with their distributions; among several methods, the method is one."""
    prefix = _prefix(proposal.method, spaces)
    params = {prefix + name: value for name, value in proposal.values.items()}
    distributions = {prefix + name: distribution(domain) for name, domain in spaces[proposal.method].search.items()}
    if not prefix:
        return params, distributions
    methods = CategoricalDistribution(list(spaces))
    return {"method": proposal.method, **params}, {"method": methods, **distributions}


def read_back(params: Mapping[str, Value], spaces: Mapping[str, Space]) -> tuple[str, dict[str, Value]]:
    """The method and what was searched, by full name, of a trial's parameters in the study."""
    method = str(params.get("method", next(iter(spaces))))
    prefix = _prefix(method, spaces)
    return method, {name.removeprefix(prefix): value for name, value in params.items() if name != "method"}


def _prefix(method: str, spaces: Mapping[str, Space]) -> str:
    return f"{method}/" if len(spaces) > 1 else ""
