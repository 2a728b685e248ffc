"""What the selection rule chose when the trials were over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fairtune.spec import Limits

CHOSEN = "chosen"
"""The role of the trial that the rule chose."""
BASELINE = "baseline"
"""The role of the plain model, which is confirmed beside it."""


@dataclass(frozen=True)
class Choice:
    """The trials that go to the test split, fixed before it is opened.

    Attributes:
        roles: number of the trial in each role: ``chosen``, and the ends of the front; none if no trial is feasible.
        limits: under which the trials ended; None in runs of versions that did not say.
        ended_by: which of them ended the trials before their number was reached, by name; None if none did.
    """

    roles: Mapping[str, int]
    limits: Limits | None = None
    ended_by: str | None = None

    @property
    def number(self) -> int | None:
        """The trial that the rule chose; None if no trial is feasible."""
        return self.roles.get(CHOSEN)
