"""What ``--set`` says: settings of a method, the optimiser, a dataset or a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, NamedTuple

from pydantic import PlainSerializer, PlainValidator, ValidationInfo


class Setting(NamedTuple):
    """One ``--set KEY=VALUE``."""

    key: str
    text: str

    def __str__(self) -> str:
        return f"{self.key}={self.text}"


def read_settings(texts: Iterable[str], flag: str = "--set") -> list[Setting]:
    """Split ``KEY=VALUE`` texts.

    Args:
        texts: as typed.
        flag: what gave them.

    Raises:
        ValueError: some cannot be read, or a key is given twice; a line for each.
    """
    settings, faults = [], []
    for text in texts:
        key, equals, value = text.partition("=")
        if equals and key.strip() and value.strip():
            settings.append(Setting(key.strip(), value.strip()))
        else:
            faults.append(f"cannot read {flag} {text!r}: write KEY=VALUE, KEY=LOW..HIGH or KEY=A,B,C")
    keys = [setting.key for setting in settings]
    faults += [f"{flag} {key} is given {keys.count(key)} times: give it once" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if faults:
        raise ValueError("\n".join(faults))
    return settings


def _read(given: object, info: ValidationInfo) -> tuple[Setting, ...]:
    flag = f"--{str(info.field_name).replace('_', '-')}"
    if isinstance(given, tuple) and all(isinstance(setting, Setting) for setting in given):
        return given
    if not isinstance(given, list | tuple):
        raise ValueError(f"{flag} {given!r}: give a list of texts KEY=VALUE")
    return tuple(read_settings(map(str, given), flag))


Settings = Annotated[
    tuple[Setting, ...], PlainValidator(_read), PlainSerializer(lambda settings: [str(setting) for setting in settings])
]
"""Settings that are read from texts ``KEY=VALUE`` once; in JSON and YAML they are those texts."""
