"""Domains of a hyperparameter: what is legal, and the part of it that is searched."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Value = bool | int | float | str


class Frozen(BaseModel):
    """A value that is never changed and knows all its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Real(Frozen):
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

    kind: Literal["integer"] = "integer"  # type: ignore[assignment]  # pydantic tells domains apart by it, so none may take two

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


class Options(Frozen):
    """A finite set of values."""

    kind: Literal["options"] = "options"
    values: tuple[Value, ...]

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return any(same(value, option) for option in self.values)

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


class Text(Frozen):
    """Any text, such as a path or the name of a column: legal, but nothing to search."""

    kind: Literal["text"] = "text"

    def contains(self, value: Value) -> bool:
        """Whether a value lies in it."""
        return isinstance(value, str)

    def __str__(self) -> str:
        return "text"


class OptionsOrFile(Options):
    """A finite set of values, or else the path of a file; given as it is, never searched."""

    kind: Literal["options or file"] = "options or file"  # type: ignore[assignment]  # as above

    def contains(self, value: Value) -> bool:
        """Whether a value is an option or may be a path."""
        return super().contains(value) or (isinstance(value, str) and bool(value.strip()))

    def __str__(self) -> str:
        return f"{super().__str__()} or a file"


Domain = Annotated[Integer | Real | Options | OptionsOrFile, Field(discriminator="kind")]
"""What can be searched."""
Legal = Annotated[Integer | Real | Options | OptionsOrFile | Text, Field(discriminator="kind")]
"""What can be legal."""


def is_number(value: object) -> bool:
    """Whether a value is a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def same(value: object, option: Value) -> bool:
    """Whether a value is an option: numbers by size, whole or not; a truth value is no number."""
    return value == option and (type(value) is type(option) or (is_number(value) and is_number(option)))
