"""What ``--set`` says: settings of a method, the optimiser, a dataset or a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Setting(NamedTuple):
    """One ``--set KEY=VALUE``."""

    key: str
    text: str


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
