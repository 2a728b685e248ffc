"""A setting that no trial has had, found without a sampler."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence, Set

from fairtune.space import Domain, Value

_RANDOM_DRAWS = 100
"""How often a real range is drawn from before it counts as exhausted: floats are finite too."""


def untried(domains: Mapping[str, Domain], taken: Set[tuple[Value, ...]], chance: random.Random) -> dict[str, Value] | None:
    """A setting that is not among those taken: in a finite space the first from a random one onwards, else one drawn at random."""
    for shares in _shares(list(domains.values()), len(taken), chance):
        values = {name: domain.at(share) for share, (name, domain) in zip(shares, domains.items(), strict=True)}
        if tuple(values.values()) not in taken:
            return values
    return None


def _shares(domains: Sequence[Domain], taken: int, chance: random.Random) -> Iterator[list[float]]:
    """Settings as a share of the way through each domain; of a finite space one more than are taken, if it has as many."""
    sizes = [domain.size for domain in domains]
    if math.isinf(math.prod(sizes)):
        yield from ([chance.random() for _ in domains] for _ in range(_RANDOM_DRAWS))
        return
    settings = math.prod(map(int, sizes))
    first = chance.randrange(settings)
    for step in range(min(settings, taken + 1)):
        index, shares = (first + step) % settings, []
        for size in map(int, sizes):
            index, digit = divmod(index, size)
            shares.append((digit + 0.5) / size)
        yield shares
