"""What is evaluated: a trained model, and where it is noted that it was scored on the test split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairtune.api.exported import export_at, open_export
from fairtune.api.model import Model, load_model
from fairtune.api.run import Run
from fairtune.api.train import Trained
from fairtune.errors import InvalidInput
from fairtune.files import data_root, write_text
from fairtune.locks import Lock
from fairtune.records import Purpose, Split
from fairtune.spec import TrialSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.opening import Opening, Openings
from fairtune.study.study import SearchStudy
from fairtune.training.data import Data, make_dataset, open_data
from fairtune.training.folder import TrialFolder

_ROLE = "evaluated"


@dataclass(frozen=True)
class Subject:
    """A model that can be scored.

    Attributes:
        model: the model.
        runs: the searches that it is of, or whose baseline or teacher it is.
        folder: of a training that is part of no search, of a baseline, or of an export; None where there is none.
    """

    model: Model
    runs: Sequence[Run] = ()
    folder: TrialFolder | None = None

    def check_openable(self) -> None:
        """Check that the test split may be opened, before anything is done for it.

        Raises:
            InvalidInput: nobody would know of it, or a search has not ended, so that its choice could be made to fit.
        """
        if not self.runs and self.folder is None:
            raise InvalidInput(
                "of a model alone nobody would know that its test split was opened: give the run or the training that it is of"
            )
        for run in self.runs:
            if not SearchStudy(database_of(run.place), run.spec).complete:
                raise InvalidInput(
                    f"the search {run.place.name} has not ended: its test split stays sealed until its choice is made; go on with "
                    f"fairtune resume {run.path}"
                )

    def open(self, split: str, root: Path) -> tuple[Data, Split]:
        """The data that the model was trained for, and the held-out split wanted of them; the test split is noted to be opened.

        Args:
            split: ``validation`` or ``test``.
            root: folder of the original data files.

        Raises:
            InvalidInput: it may not be opened.
            DataError: the files are missing, damaged or others.
        """
        purpose = Purpose.FINAL if split == "test" else Purpose.SEARCH
        if purpose.opens_test:
            self.check_openable()
        opened = open_data(self.model.spec, root, purpose)
        if opened.test is None:
            return opened, opened.validation
        self.note_opening()
        return opened, opened.test

    def note_opening(self) -> None:
        """Add it to the openings in the studies, which reports and summaries tell, and in the folder of a single training."""
        for run in self.runs:
            with Lock(RunFolder(run.path).lock, f"the run {run.path}").or_refuse("wait until it has ended, or stop it there"):
                SearchStudy(database_of(run.place), run.spec).keep_opening(Opening.now([_ROLE], []))
        if self.folder is not None:
            noted = Openings.read(self.folder.openings)
            write_text(self.folder.openings, noted.with_another(Opening.now([_ROLE], [])).model_dump_json(indent=2))


def check_split(split: str) -> None:
    """Check that a split is held out.

    Raises:
        InvalidInput: there is no such split.
    """
    if split not in ("validation", "test"):
        raise InvalidInput(f"there is no split {split!r}: choose validation or test")


def subject_of(given: Model | Run | Trained | str | Path, data: str | Path | None, *, ensemble: bool = False) -> Subject:
    """What somebody wants evaluated.

    Args:
        ensemble: of a run, all retrainings of its choice as one, as :meth:`Run.model` takes it.
        given: a model, a run or a training; or the folder of either or of an export, or a file of weights that fairtune wrote.
        data: folder of the original data files; None for where they were, else ``$FAIRTUNE_DATA`` or ``data``.

    Raises:
        InvalidInput: there is no trained model.
    """
    if ensemble and (
        isinstance(given, Model | Trained) or (not isinstance(given, Run) and not RunFolder(Path(given)).holds_search)
    ):
        raise InvalidInput("--ensemble: the retrainings of a search's choice are averaged: give the folder of a run")
    if isinstance(given, Model):
        return Subject(given)
    if isinstance(given, Trained):
        return Subject(given.model(), _searches_of(given.result.spec, given.folder), given.folder)
    if not isinstance(given, Run):
        path = Path(given)
        if (exported := export_at(path)) is not None:
            return Subject(open_export(exported, data), folder=TrialFolder(exported))
        if not RunFolder(path).holds_search:
            return _in_folder(TrialFolder(path if path.is_dir() else path.parent), path, data)
        given = Run(path)
    return Subject(given.model(ensemble=ensemble), [given])


def _in_folder(folder: TrialFolder, path: Path, data: str | Path | None) -> Subject:
    """A training by its folder, or by its weights in it."""
    result = folder.read_trained()
    if result is None or (path != folder.path and path != folder.weights):
        raise InvalidInput(
            f"{path} holds no trained model: give the folder of a run (runs/NAME), that of a training (such as runs/single/ID), or "
            f"the {folder.weights.name} in it, with {folder.result.name} beside it; or the folder of an export"
        )
    home = next((parent for parent in path.absolute().parents if RunFolder(parent).holds_search), None)
    run = None if home is None else Run(home)
    root = Path(run.place.data) if run is not None and data is None else data_root(None if data is None else str(data))
    info = make_dataset(result.spec.dataset).describe(root)
    model = load_model(result.spec, info.names, info.shape, folder, root)
    return Subject(model, _searches_of(result.spec, folder), folder) if run is None else Subject(model, [run])


def _searches_of(training: TrialSpec, folder: TrialFolder) -> list[Run]:
    """The searches beside a training whose baseline or teacher it is."""
    beside = sorted(folder.path.absolute().parents[1].glob("*/"))
    runs = [Run(path) for path in beside if RunFolder(path).holds_search]
    return [run for run in runs if training in (run.spec.baseline(), run.spec.teacher())]
