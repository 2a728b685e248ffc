"""Hyperparameters on an axis: what they are called, where their values lie, and which tell something."""

from __future__ import annotations

import math

from fairtune.report.chart import Axis
from fairtune.space import Domain, Options, Value


def tells(domain: Domain) -> bool:
    """Whether it has more than one value."""
    return domain.size > 1


def axis_of(domain: Domain, name: str) -> Axis:
    """The axis of one hyperparameter."""
    if isinstance(domain, Options):
        return Axis(name, names=tuple(map(str, domain.values)))
    return Axis(name, log=domain.log)


def place_of(domain: Domain, value: Value | None) -> float:
    """Where a value lies on its axis; NaN for one that it has not."""
    if value is None:
        return math.nan
    if isinstance(domain, Options):
        return float(domain.values.index(value)) if value in domain.values else math.nan
    return float(value)


def share_of(domain: Domain, value: Value | None) -> float:
    """How far from the low end to the high one a value lies, from 0 to 1, on the scale searched; NaN as :func:`place_of`."""
    place = place_of(domain, value)
    if isinstance(domain, Options):
        return place / (len(domain.values) - 1)
    if domain.log:
        return math.log(place / domain.low) / math.log(domain.high / domain.low) if place > 0 else math.nan
    return (place - domain.low) / (domain.high - domain.low)


def ends_of(domain: Domain) -> tuple[str, str]:
    """What stands at its low end and at its high one."""
    if isinstance(domain, Options):
        return str(domain.values[0]), str(domain.values[-1])
    return f"{domain.low:g}", f"{domain.high:g}"
