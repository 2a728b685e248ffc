"""The files that fairtune writes, each a property: no other module spells out a path of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fairtune.addresses import STUDY_VARIABLE, whole
from fairtune.errors import InvalidInput
from fairtune.files import write_text
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.storage import Shelf
from fairtune.study.key import JobKey
from fairtune.study.server import Server
from fairtune.study.whole import check_study, copy_of
from fairtune.training.folder import TrialFolder, baseline_folder


@dataclass(frozen=True)
class RunFolder:
    """The files of one search.

    Args:
        path: the folder.
        storage: address of where machines that do not see it leave the files of trainings.
    """

    path: Path
    storage: str | None = None

    @classmethod
    def of(cls, place: Place) -> RunFolder:
        """The folder of a search."""
        return cls(Path(place.runs) / place.name, place.storage)

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
    def details(self) -> Path:
        """What is big of the trials' results: the study says where each one's is."""
        return self.path / "study.details"

    @property
    def lock(self) -> Path:
        """Taken by the process that runs the search."""
        return self.path / ".lock"

    @property
    def server(self) -> Path:
        """Which study of a database server is the run's, where it is not the one here."""
        return self.path / "study.json"

    @property
    def summary(self) -> Path:
        """The outcome, for programs."""
        return self.path / "summary.json"

    @property
    def origins(self) -> Path:
        """Where and with what each session of the search ran."""
        return self.path / "origins.json"

    @property
    def ensemble(self) -> Path:
        """What the mean of the choice's retrainings scored, where that was asked for."""
        return self.path / "ensemble.json"

    @property
    def figures(self) -> Path:
        """Every figure of the page as PNG, SVG and CSV."""
        return self.path / "figures"

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

    @property
    def shelf(self) -> Shelf | None:
        """Where the files of its trainings are left for other machines, if those do not see the folder."""
        return Shelf.of(self.storage, self.path.name)

    def trial(self, number: int) -> TrialFolder:
        """One trial of the search."""
        return self._training(f"trials/{number:04d}")

    def repeat(self, number: int, again: int) -> TrialFolder:
        """One more seed of a trial, while it is trained."""
        return self._training(f"repeats/{number:04d}-{again}")

    def final(self, role: str, seed: int) -> TrialFolder:
        """One retraining of the confirmation."""
        return self._training(f"finals/{role}-{seed}")

    def job(self, key: JobKey, spec: TrialSpec) -> TrialFolder:
        """Any training of the search; its baselines and its teacher are shared by all runs beside it."""
        if key.number is not None and key.again is not None:
            return self.repeat(key.number, key.again)
        if key.number is not None:
            return self.trial(key.number)
        if key.role is not None and key.seed is not None:
            return self.final(key.role, key.seed)
        return baseline_folder(self.path.parent, spec, self.storage)

    def _training(self, name: str) -> TrialFolder:
        return TrialFolder(self.path / name, Shelf.of(self.storage, f"{self.path.name}/{name}"))

    @property
    def holds_search(self) -> bool:
        """Whether a search was begun here, whatever has become of its study."""
        return self.holds_study or self.server.exists()

    @property
    def holds_study(self) -> bool:
        """Whether the study of a search that was begun here is a file of this folder."""
        return self.study.exists() or copy_of(self.study).exists()

    def save(self, spec: SearchSpec, place: Place) -> None:
        """Write what is searched and where; the run's own folder is not named, as it may move."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.spec, spec.model_dump_json(indent=2))
        write_text(self.place, without_folder(place).model_dump_json(indent=2))

    def load(self) -> tuple[SearchSpec, Place]:
        """Read both back; the search is where its folder is now.

        Raises:
            InvalidInput: the folder holds no search, or it is damaged; what to do.
        """
        if not self.holds_search:
            raise InvalidInput(f"{self.path} holds no search (no {self.study.name}): give the folder of a run, such as runs/NAME")
        if not self.server.exists():
            check_study(self.study)
        try:
            spec = SearchSpec.model_validate_json(self.spec.read_bytes())
            place = Place.model_validate_json(self.place.read_bytes())
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{self.path} holds no search that can be read: {error}") from error
        return spec, in_folder(place, self.path)


def database_of(place: Place) -> Path | Server:
    """Where the study of a search is.

    Raises:
        InvalidInput: on a server whose password is missing.
    """
    folder = RunFolder.of(place)
    return folder.study if place.study is None else Server(whole(place.study, STUDY_VARIABLE), folder.server)


_BESIDE = "sqlite:///../"
"""Begins the address of a database in the folder of runs, seen from a run's own folder."""


def without_folder(place: Place) -> Place:
    """A place as a run's files name it: what lies in the folder of runs is seen from the run's own."""
    uri, own = place.tracking_uri, f"sqlite:///{place.runs}/"
    inside = uri is not None and uri.startswith(own)
    return place.model_copy(update={"runs": "..", "tracking_uri": _BESIDE + uri.removeprefix(own) if uri and inside else uri})


def in_folder(place: Place, folder: Path) -> Place:
    """The place that a run's files name, for a run that is in this folder now."""
    here = folder.resolve()
    uri = place.tracking_uri
    if uri is not None and uri.startswith(_BESIDE):
        uri = f"sqlite:///{here.parent}/{uri.removeprefix(_BESIDE)}"
    return place.model_copy(update={"runs": str(here.parent), "name": here.name, "tracking_uri": uri})
