"""The files that fairtune writes, each a property: no other module spells out a path of a run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from fairtune.errors import InvalidInput
from fairtune.files import write_atomically
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.study.key import JobKey
from fairtune.training.folder import TrialFolder, baseline_folder


@dataclass(frozen=True)
class RunFolder:
    """The files of one search."""

    path: Path

    @classmethod
    def of(cls, place: Place) -> RunFolder:
        """The folder of a search."""
        return cls(Path(place.runs) / place.name)

    @property
    def request(self) -> Path:
        """What the user asked for, every option with its value; ``fairtune search`` takes it back."""
        return self.path / "spec.yaml"

    @property
    def spec(self) -> Path:
        """What is searched."""
        return self.path / "spec.json"

    @property
    def place(self) -> Path:
        """Where it runs."""
        return self.path / "place.json"

    @property
    def study(self) -> Path:
        """The Optuna study, the record of the search."""
        return self.path / "study.db"

    @property
    def lock(self) -> Path:
        """Taken by the process that runs the search."""
        return self.path / ".lock"

    @property
    def summary(self) -> Path:
        """The outcome, for programs."""
        return self.path / "summary.json"

    @property
    def page(self) -> Path:
        """The outcome, for people."""
        return self.path / "report.html"

    @property
    def figure(self) -> Path:
        """The front as a picture."""
        return self.path / "front.png"

    @property
    def table(self) -> Path:
        """All trials as a table."""
        return self.path / "trials.csv"

    @property
    def scratch(self) -> Path:
        """Ray's own files while a search runs; nothing depends on them."""
        return self.path / "ray"

    @property
    def chosen(self) -> TrialFolder:
        """The chosen model."""
        return TrialFolder(self.path / "chosen")

    def trial(self, number: int) -> TrialFolder:
        """One trial of the search."""
        return TrialFolder(self.path / "trials" / f"{number:04d}")

    def final(self, role: str, seed: int) -> TrialFolder:
        """One retraining of the confirmation."""
        return TrialFolder(self.path / "finals" / f"{role}-{seed}")

    def job(self, key: JobKey, spec: TrialSpec) -> TrialFolder:
        """Any training of the search; its baseline and its teacher are shared by all runs beside it."""
        if key.number is not None:
            return self.trial(key.number)
        if key.role is not None and key.seed is not None:
            return self.final(key.role, key.seed)
        return baseline_folder(self.path.parent, spec)

    def save(self, spec: SearchSpec, place: Place) -> None:
        """Write what is searched and where."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(self.spec, lambda path: path.write_text(spec.model_dump_json(indent=2)))
        write_atomically(self.place, lambda path: path.write_text(place.model_dump_json(indent=2)))

    def load(self) -> tuple[SearchSpec, Place]:
        """Read both back; a folder that was moved since counts as where it is now.

        Raises:
            InvalidInput: the folder holds no search.
        """
        if not self.study.is_file():
            raise InvalidInput(f"{self.path} holds no search (no {self.study.name}): give the folder of a run, such as runs/NAME")
        try:
            spec = SearchSpec.model_validate_json(self.spec.read_text())
            place = Place.model_validate_json(self.place.read_text())
            with closing(sqlite3.connect(f"{self.study.resolve().as_uri()}?mode=ro", uri=True)) as connection:
                connection.execute("SELECT count(*) FROM sqlite_master")
        except (OSError, ValueError, sqlite3.Error) as error:
            raise InvalidInput(f"{self.path} holds no search that can be read: {error}") from error
        here = self.path.resolve()
        return spec, place.model_copy(update={"runs": str(here.parent), "name": here.name})
