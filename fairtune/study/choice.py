"""What the selection rule chose when the trials were over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CHOSEN = "chosen"
"""The role of the trial that the rule chose."""


@dataclass(frozen=True)
class Choice:
    """The trials that go to the test split, fixed before it is opened.

    Attributes:
        roles: number of the trial in each role: ``chosen`` unless no trial is feasible, and the ends of the front.
    """

    roles: Mapping[str, int]

    @property
    def number(self) -> int | None:
        """The trial that the rule chose; None if no trial is feasible."""
        return self.roles.get(CHOSEN)
