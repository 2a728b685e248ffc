"""When the test split was opened, and for what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel

from fairtune.study.key import JobKey, JobName


class Opening(BaseModel):
    """An opening of the test split, in the study and in ``summary.json``.

    Attributes:
        when: time in UTC, ISO 8601, to the second.
        roles: what is confirmed; ``evaluated`` where somebody asked for scores by ``fairtune evaluate``.
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


class Openings(RootModel[tuple[Opening, ...]]):
    """Every opening of the test split for a single training, in ``openings.json`` beside its weights."""

    @classmethod
    def read(cls, file: Path) -> Openings:
        """Those in a file; none where there is none."""
        return cls.model_validate_json(file.read_bytes()) if file.exists() else cls(())

    def with_another(self, opening: Opening) -> Openings:
        """These and one more."""
        return Openings((*self.root, opening))
