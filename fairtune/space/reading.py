"""Values and domains as people write them on the command line and in YAML."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import SupportsFloat

from pydantic import TypeAdapter, ValidationError

from fairtune.space.domains import Domain, Integer, Legal, Options, OptionsOrFile, Real, Text, Value, is_number, same

_GROUPED = re.compile(r",\s*0\d")
"""A comma before what begins with a zero and is no decimal: the thousands of one number."""
_DOMAIN: TypeAdapter[Domain] = TypeAdapter(Domain)


def parse_domain(text: object, legal: Legal) -> Value | Domain:
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


def _as_domain(text: object, legal: Legal) -> Value | Domain:
    if isinstance(legal, OptionsOrFile | Text):
        return _as_value(text, legal)
    if isinstance(text, Mapping):
        return _domain_from_mapping(text, legal)
    if isinstance(text, list | tuple):
        return _as_options(text, legal)
    if isinstance(text, str) and "..." in text:
        raise ValueError(f"cannot read {text!r}: a range has two dots, as 1..3, and numbers below 1 a zero, as 1..3.5 or 0.1..0.3")
    if isinstance(text, str) and ".." in text:
        low, _, high = text.partition("..")
        return _domain_from_mapping({"low": low, "high": high}, legal)
    if isinstance(text, str) and "," in text:
        if isinstance(legal, Real) and _GROUPED.search(text):
            raise ValueError(f"cannot read {text!r}: write a number without separators, as 1000, or a list such as 1,10")
        return _as_options([item.strip() for item in text.split(",") if item.strip()], legal)
    return _as_value(text, legal)


def _as_options(items: Sequence[object], legal: Legal) -> Options:
    """Each value once, however often and however it is written."""
    return Options(values=tuple(dict.fromkeys(_as_value(item, legal) for item in items)))


def _domain_from_mapping(text: Mapping[str, object], legal: Legal) -> Domain:
    if not isinstance(legal, Real):
        raise ValueError(f"a range makes no sense here: choose among {legal}")
    try:
        logarithmic = legal.log and _as_float(text.get("low", 0)) > 0
        return _DOMAIN.validate_python({"kind": legal.kind, "log": logarithmic, **text})
    except (ValidationError, ValueError, TypeError) as error:
        raise ValueError(f"cannot read the range {dict(text)}: give low and high as numbers") from error


def _as_value(text: object, legal: Legal) -> Value:
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
        if same(text, option) or (isinstance(text, str) and _reads_as(text.strip(), option)):
            return option
    if isinstance(legal, OptionsOrFile) and isinstance(text, str):
        return text
    raise ValueError(f"{text!r} is not among {legal}")


def _reads_as(text: str, option: Value) -> bool:
    if not is_number(option):
        return text.lower() == str(option).lower()
    try:
        return float(text) == option
    except ValueError:
        return False


def _as_float(text: object) -> float:
    if not isinstance(text, str | SupportsFloat):
        raise TypeError(f"{text!r} is no number")
    return float(text)


def _as_number(text: object, legal: Real) -> float:
    try:
        number = _as_float(text)
    except (TypeError, ValueError):
        raise ValueError(f"cannot read {text!r} as a number in {legal}") from None
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    return number
