"""What one method searches."""

from __future__ import annotations

import math

from pydantic import Field

from fairtune.space.domains import Domain, Frozen, Options, Real, Value


class Space(Frozen):
    """What one method searches: domains, fixed values, and points tried first.

    Attributes:
        search: domain of each searched hyperparameter, by full name (``mfd.weight``, ``optimizer.lr``).
        fixed: value of each hyperparameter that is not searched.
        points: settings to try first, each a partial mapping from full name to value.
    """

    search: dict[str, Domain] = Field(default_factory=dict)
    fixed: dict[str, Value] = Field(default_factory=dict)
    points: tuple[dict[str, Value], ...] = ()

    @property
    def size(self) -> float:
        """How many different settings there are; infinite as soon as one real range is searched."""
        return math.prod(domain.size for domain in self.search.values())

    def narrowed(self, name: str, given: Value | Domain) -> Space:
        """This space with ``name`` fixed at a value or searched over a domain."""
        search = {key: domain for key, domain in self.search.items() if key != name}
        fixed = {key: value for key, value in self.fixed.items() if key != name}
        if isinstance(given, Real | Options):
            search[name] = given
        else:
            fixed[name] = given
        return self.model_copy(update={"search": search, "fixed": fixed})

    def usable_points(self) -> list[dict[str, Value]]:
        """The points, cut to what is searched; those outside a searched range or a fixed value are left out."""
        kept: dict[frozenset[tuple[str, Value]], dict[str, Value]] = {}
        for point in self.points:
            inside = all(self.search[name].contains(value) for name, value in point.items() if name in self.search)
            agrees = all(self.fixed[name] == value for name, value in point.items() if name in self.fixed)
            cut = {name: value for name, value in point.items() if name in self.search}
            if inside and agrees and cut:
                kept.setdefault(frozenset(cut.items()), cut)
        return list(kept.values())
