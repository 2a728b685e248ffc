"""Types of options that are read from text once: a floor, a duration; and how an option is explained to people.

An option of fairtune is a field of a pydantic model, annotated with an :class:`Option`. The command line, the keys of a pipeline,
the arguments of the Python API and ``RUN/spec.yaml`` all come from those fields.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from fairtune.errors import unknown_name

_FLOOR = re.compile(r"teacher(?:\s*([+-])\s*(\d*\.?\d+(?:[eE][+-]?\d+)?))?")
_QUANTILE = re.compile(r"[qQ](.*)")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Option:
    """How an option is explained.

    Attributes:
        help: one sentence.
        default: what is used where the field's default is None, in words.
        flag: on the command line, where it is not the field's name.
        metavar: what kind of text it is, where that is no plain text or number.
    """

    help: str
    default: str | None = None
    flag: str | None = None
    metavar: str | None = None

    def called(self, name: str) -> str:
        """How the field of this name is called on the command line."""
        return self.flag or f"--{name.replace('_', '-')}"


@dataclass(frozen=True)
class Floor:
    """The accuracy below which a trial is infeasible: a number, relative to the baseline's, or a quantile of that.

    Attributes:
        value: in [0, 1], an offset in [-1, 1], or a probability in (0, 1).
        kind: which of them.
    """

    value: float
    kind: Literal["number", "offset", "quantile"]

    @classmethod
    def parse(cls, text: str) -> Floor:
        """Read a number in [0, 1], or ``teacher``, ``teacher-0.01``, ``teacher+0.02``, or ``q0.05``.

        Raises:
            ValueError: it cannot be read, or no accuracy could be compared with it.
        """
        match = _FLOOR.fullmatch(text.strip())
        if (quantile := _QUANTILE.fullmatch(text.strip())) is not None:
            return cls._of_quantile(text, quantile[1])
        try:
            value = float(f"{match[1] or '+'}{match[2] or 0}") if match else float(text)
        except ValueError:
            raise ValueError(
                f"cannot read the accuracy floor {text!r}: give a number from 0 to 1, teacher with an offset, as teacher-0.01, "
                "or a quantile, as q0.05"
            ) from None
        if not (-1 <= value <= 1 if match else 0 <= value <= 1):
            hint = f": did you mean {value / 100:g}?" if 1 < value <= 100 else ""
            raise ValueError(f"the accuracy floor {text!r} is outside 0 to 1{hint}")
        return cls(value, "number" if match is None else "offset")

    @classmethod
    def _of_quantile(cls, text: str, probability: str) -> Floor:
        try:
            value = float(probability)
        except ValueError:
            value = math.nan
        if not 0 < value < 1:
            hint = f": did you mean q{value / 100:g}?" if 1 < value < 100 else ""
            raise ValueError(
                f"the accuracy floor {text!r} is no quantile: write q and a probability above 0 and below 1, as q0.05, the "
                f"accuracy that the baseline's lies below with 5 %{hint}"
            )
        return cls(value, "quantile")

    def __str__(self) -> str:
        if self.kind != "offset":
            return f"{'q' if self.kind == 'quantile' else ''}{self.value:g}"
        return f"teacher{self.value:+g}" if self.value else "teacher"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from text, kept as text in JSON."""
        return core_schema.no_info_plain_validator_function(
            lambda given: given if isinstance(given, cls) else cls.parse(str(given)),
            serialization=core_schema.to_string_ser_schema(),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """A text."""
        return {"type": "string", "description": "a number, teacher with an offset, or a quantile"}


def seconds(given: str | float) -> float:
    """Seconds of a duration such as ``90``, ``90s``, ``15m`` or ``1.5h``; a number is seconds.

    Raises:
        ValueError: it cannot be read, or is not above 0.
    """
    match = _DURATION.fullmatch(given.strip()) if isinstance(given, str) else None
    found = float(match[1]) * _SECONDS[match[2]] if match else math.nan if isinstance(given, str) else float(given)
    if not 0 < found < math.inf:
        raise PydanticCustomError("duration", "write seconds, or a number with s, m, h or d, such as 90s or 1.5h")
    return found


Duration = Annotated[float, BeforeValidator(seconds)]
"""Seconds, above 0; read from ``90s``, ``15m``, ``1.5h``, ``2d`` or a number."""


def among(kind: str, known: Callable[[], Iterable[str]]) -> BeforeValidator:
    """A check that a text is one of some names; others are answered with near misses.

    Args:
        kind: what the text names.
        known: gives the names.
    """

    def check(given: str) -> str:
        if given not in (names := list(known())):
            raise ValueError(unknown_name(kind, given, names))
        return given

    return BeforeValidator(check)
