"""When the test split was opened, and for what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from fairtune.study.key import JobKey, JobName


class Opening(BaseModel):
    """An opening of the test split, in the study and in ``summary.json``.

    Attributes:
        when: time in UTC, ISO 8601, to the second.
        roles: what is confirmed.
        jobs: the retrainings that were to be scored on it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    when: str
    roles: tuple[str, ...]
    jobs: tuple[JobName, ...]

    @classmethod
    def now(cls, roles: Iterable[str], jobs: Iterable[JobKey]) -> Opening:
        """An opening at this moment."""
        return cls(when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"), roles=tuple(roles), jobs=tuple(jobs))
