"""Search spaces: the legal domain of a hyperparameter, the part of it that is searched, and points to try first.

A plug-in declares each hyperparameter as a dataclass field made by :func:`hyperparameter`, with its legal domain beside it.
``search_spaces/NAME.yaml``, ``--space FILE`` and ``--set KEY=VALUE`` then narrow, fix or widen what is searched, always within
what is legal.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Value = bool | int | float | str


class _Domain(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Real(_Domain):
    """Real numbers from ``low`` to ``high``, both included; ``log`` searches on a logarithmic scale."""

    kind: Literal["real"] = "real"
    low: float = -math.inf
    high: float = math.inf
    log: bool = False

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def within(self, other: Legal) -> bool:
        """Whether all of it lies in another."""
        return isinstance(other, Real) and other.low <= self.low and self.high <= other.high

    def faults(self) -> list[str]:
        """Why it cannot be searched, if so."""
        if not (math.isfinite(self.low) and math.isfinite(self.high)):
            return [f"the range {self} has no finite ends"]
        if self.low > self.high:
            return [f"the range {self} is empty: its low end is above its high end"]
        return [f"the range {self} cannot be logarithmic: its low end must be above 0"] if self.log and self.low <= 0 else []

    @property
    def size(self) -> float:
        """How many values it has."""
        return 1.0 if self.low == self.high else math.inf

    def at(self, share: float) -> Value:
        """The value that lies a share, from 0 up to 1, of the way from the low end to the high one."""
        value = self.low * (self.high / self.low) ** share if self.log else self.low + share * (self.high - self.low)
        return min(max(value, self.low), self.high)

    def __str__(self) -> str:
        return f"{self.low:g}..{self.high:g}" + (" (log)" if self.log else "")


class Integer(Real):
    """Whole numbers from ``low`` to ``high``, both included."""

    kind: Literal["integer"] = "integer"  # type: ignore[assignment]

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return super().contains(value) and float(value).is_integer()

    def faults(self) -> list[str]:
        """Why it cannot be searched, if so."""
        faults = super().faults()
        whole = self.low.is_integer() and self.high.is_integer()
        return faults if faults or whole else [f"the range {self} is of whole numbers: its ends must be whole too"]

    def within(self, other: Legal) -> bool:
        """Whether all of it lies in another."""
        return isinstance(other, Integer) and other.low <= self.low and self.high <= other.high

    @property
    def size(self) -> float:
        """How many values it has."""
        return self.high - self.low + 1

    def at(self, share: float) -> Value:
        """The value that a share, from 0 up to 1, of all values lies below."""
        return int(self.low) + int(share * self.size)


class Options(_Domain):
    """A finite set of values."""

    kind: Literal["options"] = "options"
    values: tuple[Value, ...]

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return any(_same(value, option) for option in self.values)

    def within(self, other: Legal) -> bool:
        """Whether all of it lies in another."""
        return all(other.contains(value) for value in self.values)

    def faults(self) -> list[str]:
        """Why it cannot be searched, if so."""
        return [] if self.values else ["the list of options is empty"]

    @property
    def size(self) -> float:
        """How many values it has."""
        return len(self.values)

    def at(self, share: float) -> Value:
        """The value that a share, from 0 up to 1, of all values comes before."""
        return self.values[int(share * len(self.values))]

    def __str__(self) -> str:
        return "{" + ", ".join(map(str, self.values)) + "}"


class Text(_Domain):
    """Any text, such as a path or the name of a column: legal, but nothing to search."""

    kind: Literal["text"] = "text"

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, str)

    def __str__(self) -> str:
        return "text"


class OptionsOrFile(Options):
    """A finite set of values, or else the path of a file; given as it is, never searched."""

    kind: Literal["options or file"] = "options or file"  # type: ignore[assignment]

    def contains(self, value: Value) -> bool:
        """Whether a value is an option or may be a path."""
        return super().contains(value) or (isinstance(value, str) and bool(value.strip()))

    def __str__(self) -> str:
        return f"{super().__str__()} or a file"


Domain = Annotated[Integer | Real | Options | OptionsOrFile, Field(discriminator="kind")]
"""What can be searched."""
Legal = Annotated[Integer | Real | Options | OptionsOrFile | Text, Field(discriminator="kind")]
"""What can be legal."""
_DOMAIN: TypeAdapter[Domain] = TypeAdapter(Domain)


def hyperparameter(
    default: Value,
    legal: Legal,
    *,
    search: Domain | None = None,
    help: str = "",  # noqa: A002
) -> Any:
    """Declare a hyperparameter as a dataclass field.

    Args:
        default: the value used when nothing else is said; it must be legal.
        legal: every value that makes sense at all.
        search: the part that is searched by default; None keeps the hyperparameter at ``default``.
        help: one phrase for ``fairtune list``.
    """
    if not legal.contains(default):
        raise ValueError(f"default {default!r} is outside the legal domain {legal}")
    return dataclasses.field(default=default, metadata={"legal": legal, "search": search, "help": help})


class Hyperparameter(_Domain):
    """One hyperparameter as declared: default, legal domain, default search domain."""

    default: Value
    legal: Legal
    search: Domain | None = None
    help: str = ""


class Space(_Domain):
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
        kept: list[dict[str, Value]] = []
        for point in self.points:
            inside = all(self.search[name].contains(value) for name, value in point.items() if name in self.search)
            agrees = all(self.fixed[name] == value for name, value in point.items() if name in self.fixed)
            cut = {name: value for name, value in point.items() if name in self.search}
            if inside and agrees and cut and cut not in kept:
                kept.append(cut)
        return kept


def parse_domain(text: Any, legal: Legal) -> Value | Domain:
    """Read a value or a domain as written on the command line or in YAML, and check it against what is legal.

    ``3`` or ``rbf`` is a value; ``0.3..30`` a range (logarithmic if the legal domain says so); ``a,b,c`` or a list is a
    set of options; a mapping ``{low: 1, high: 9, log: true}`` spells a range out. Where any text is legal, all of it is the value.

    Raises:
        ValueError: with the reason, when it cannot be read, is empty, or is outside ``legal``.
    """
    given = _as_domain(text, legal)
    if isinstance(given, Real | Options):
        if faults := given.faults():
            raise ValueError(faults[0])
        if not given.within(legal):
            raise ValueError(f"{given} is outside the legal domain {legal}")
    elif not legal.contains(given):
        raise ValueError(f"{given!r} is outside the legal domain {legal}")
    return given


def _as_domain(text: Any, legal: Legal) -> Value | Domain:
    if isinstance(legal, OptionsOrFile | Text):
        return _as_value(text, legal)
    if isinstance(text, Mapping):
        return _domain_from_mapping(text, legal)
    if isinstance(text, list | tuple):
        return _as_options(text, legal)
    if isinstance(text, str) and ".." in text:
        low, _, high = text.partition("..")
        return _domain_from_mapping({"low": low, "high": high}, legal)
    if isinstance(text, str) and "," in text:
        return _as_options([item.strip() for item in text.split(",") if item.strip()], legal)
    return _as_value(text, legal)


def _as_options(items: Sequence[Any], legal: Legal) -> Options:
    """Each value once, however often and however it is written."""
    return Options(values=tuple(dict.fromkeys(_as_value(item, legal) for item in items)))


def _domain_from_mapping(text: Mapping[str, Any], legal: Legal) -> Domain:
    if not isinstance(legal, Real):
        raise ValueError(f"a range makes no sense here: choose among {legal}")
    try:
        logarithmic = legal.log and float(text.get("low", 0)) > 0
        return _DOMAIN.validate_python({"kind": legal.kind, "log": logarithmic, **text})
    except (ValidationError, ValueError, TypeError) as error:
        raise ValueError(f"cannot read the range {dict(text)}: give low and high as numbers") from error


def _as_value(text: Any, legal: Legal) -> Value:
    if isinstance(legal, Integer):
        number = _as_number(text, legal)
        return int(number) if number == int(number) else number
    if isinstance(legal, Real):
        return _as_number(text, legal)
    if isinstance(legal, Text):
        if isinstance(text, Mapping | list | tuple):
            raise ValueError(f"{text!r} is not one text")
        return str(text)
    for option in legal.values:
        if _same(text, option) or (isinstance(text, str) and _reads_as(text.strip(), option)):
            return option
    if isinstance(legal, OptionsOrFile) and isinstance(text, str):
        return text
    raise ValueError(f"{text!r} is not among {legal}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(value: Any, option: Value) -> bool:
    """Whether a value is an option: numbers by size, whole or not; a truth value is no number."""
    return value == option and (type(value) is type(option) or (_is_number(value) and _is_number(option)))


def _reads_as(text: str, option: Value) -> bool:
    if not _is_number(option):
        return text.lower() == str(option).lower()
    try:
        return float(text) == option
    except ValueError:
        return False


def _as_number(text: Any, legal: Real) -> float:
    try:
        number = float(text)
    except (TypeError, ValueError):
        raise ValueError(f"cannot read {text!r} as a number in {legal}") from None
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    return number
