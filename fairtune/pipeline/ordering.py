"""What a paper's table says of the order of its rows, checked on ours."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal, NamedTuple

from pydantic import PlainSerializer, PlainValidator

from fairtune.errors import unknown_name
from fairtune.metrics import SCORES, Interval

_SIGN = re.compile(r"\s(>=|<=|>|<)\s")
NOTHING: Mapping[str, str] = MappingProxyType({})
Verdict = Literal[
    "holds",
    "holds within the spread",
    "holds, equal",
    "equal",
    "holds, how surely one seed does not tell",
    "fails, how surely one seed does not tell",
    "fails within the spread",
    "fails",
]


class Order(NamedTuple):
    """``deo_m: baseline > ss >= mfd``: names of rows between signs.

    Attributes:
        score: in which they are compared.
        names: of searches, methods, or ``baseline``.
        signs: between them, ``>``, ``>=``, ``<`` or ``<=``.
    """

    score: str
    names: tuple[str, ...]
    signs: tuple[str, ...]

    @property
    def pairs(self) -> list[tuple[str, str, str]]:
        """Every two neighbours with the sign between them."""
        return list(zip(self.names, self.signs, self.names[1:], strict=False))

    def __str__(self) -> str:
        said = [self.names[0], *(part for sign, name in zip(self.signs, self.names[1:], strict=True) for part in (sign, name))]
        return f"{self.score}: {' '.join(said)}"


class Checked(NamedTuple):
    """One pair of an ordering on some data.

    Attributes:
        said: the pair, as ``deo_m: ss >= mfd``.
        verdict: what became of it; None where a score is missing.
        left, right: the scores.
        why: a score is missing; empty where none is.
    """

    said: str
    verdict: Verdict | None
    left: Interval | None
    right: Interval | None
    why: str = ""


def check_order(order: Order, rows: Mapping[str, Interval], missing: Mapping[str, str] = NOTHING) -> list[Checked]:
    """Check every pair of neighbours.

    A pair is told apart if its means differ by more than both standard deviations together, the root of the sum of squares; what is
    not told apart is said to hold, or to fail, within the spread. Where a score has no standard deviation, as from one seed, it is
    not known whether they can be told apart, and the verdict says so. Two means that are exactly equal are called that.

    Args:
        order: what should come out.
        rows: the scores by the name that the ordering uses.
        missing: why there is no score of a name, for those where that is known.
    """
    found = []
    for left, sign, right in order.pairs:
        said = f"{order.score}: {left} {sign} {right}"
        one, other = rows.get(left), rows.get(right)
        verdict = None if one is None or other is None else _verdict(one, sign, other)
        lacks = [(name, score) for name, score in ((left, one), (right, other)) if score is None or not math.isfinite(score.mean)]
        why = "; ".join(f"{name}: {missing.get(name, 'no such row' if score is None else 'no score')}" for name, score in lacks)
        found.append(Checked(said, verdict, one, other, why))
    return found


def apart(one: float, one_std: float, other: float, other_std: float) -> float:
    """How far two means are apart, in units of both spreads: NaN where neither has one.

    Args:
        one, other: the means.
        one_std, other_std: their standard deviations; one that is not known counts as 0.
    """
    spread = math.hypot(*(std for std in (one_std, other_std) if math.isfinite(std)))
    return (one - other) / spread if spread > 0 else math.nan


def _verdict(one: Interval, sign: str, other: Interval) -> Verdict | None:
    if not math.isfinite(one.mean - other.mean):
        return None
    difference = (one.mean - other.mean) * (1 if sign.startswith(">") else -1)
    if difference == 0:
        return "holds, equal" if sign.endswith("=") else "equal"
    holds = difference > 0
    spread = math.hypot(one.std, other.std)
    if not math.isfinite(spread):
        return "holds, how surely one seed does not tell" if holds else "fails, how surely one seed does not tell"
    if abs(difference) > spread:
        return "holds" if holds else "fails"
    return "holds within the spread" if holds else "fails within the spread"


def _read(given: object) -> Order:
    if isinstance(given, Order):
        return given
    score, colon, rest = str(given).partition(":")
    parts = _SIGN.split(rest.strip())
    names, signs = tuple(part.strip() for part in parts[::2]), tuple(parts[1::2])
    if not colon or not signs or not all(names):
        raise ValueError(f"orderings: cannot read {str(given)!r}: write SCORE: ROW > ROW >= ROW, with spaces around the signs")
    if score.strip() not in SCORES:
        raise ValueError(f"orderings: {given}: {unknown_name('score', score.strip(), SCORES)}")
    return Order(score.strip(), names, signs)


Ordering = Annotated[Order, PlainValidator(_read), PlainSerializer(str)]
"""An :class:`Order` that is its text in YAML."""
