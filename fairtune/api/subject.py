"""What is evaluated: a trained model, and where it is noted that it was scored on the test split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fairtune.api.model import Model, load_model
from fairtune.api.run import Run
from fairtune.api.train import Trained
from fairtune.errors import InvalidInput
from fairtune.files import data_root, write_text
from fairtune.locks import Lock
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.opening import Opening, Openings
from fairtune.study.study import SearchStudy
from fairtune.training.data import make_dataset
from fairtune.training.folder import TrialFolder

_ROLE = "evaluated"


@dataclass(frozen=True)
class Subject:
    """A model that can be scored.

    Attributes:
        model: the model.
        note_opening: notes, where the model was trained, that its test split is opened; raises InvalidInput where it must stay
            sealed.
    """

    model: Model
    note_opening: Callable[[], None]


def subject_of(given: Model | Run | Trained | str | Path, data: str | Path | None) -> Subject:
    """What somebody wants evaluated.

    Args:
        given: a model, a run or a training; or the folder of either, or a file of weights that fairtune wrote.
        data: folder of the original data files; None for where they were, else ``$FAIRTUNE_DATA`` or ``data``.

    Raises:
        InvalidInput: there is no trained model.
    """
    if isinstance(given, Model):
        return Subject(given, _sealed)
    if isinstance(given, Trained):
        return Subject(given.model(), partial(_note_in_folder, given.folder))
    if not isinstance(given, Run):
        path = Path(given)
        if not RunFolder(path).holds_search:
            return _in_folder(TrialFolder(path if path.is_dir() else path.parent), path, data)
        given = Run(path)
    return Subject(given.model(), partial(_note_in_run, given))


def _in_folder(folder: TrialFolder, path: Path, data: str | Path | None) -> Subject:
    """A training by its folder, or by its weights in it."""
    result = folder.read_trained()
    if result is None or (path != folder.path and path != folder.weights):
        raise InvalidInput(
            f"{path} holds no trained model: give the folder of a run (runs/NAME), that of a training (such as runs/single/ID), or "
            f"the {folder.weights.name} in it, with {folder.result.name} beside it"
        )
    home = next((parent for parent in path.absolute().parents if RunFolder(parent).holds_search), None)
    run = None if home is None else Run(home)
    root = Path(run.place.data) if run is not None and data is None else data_root(None if data is None else str(data))
    info = make_dataset(result.spec.dataset).describe(root)
    model = load_model(result.spec, info.names, info.shape, folder, root)
    return Subject(model, partial(_note_in_folder, folder) if run is None else partial(_note_in_run, run))


def _sealed() -> None:
    raise InvalidInput(
        "of a model alone nobody would know that its test split was opened: give the run or the training that it is of"
    )


def _note_in_run(run: Run) -> None:
    """Add it to the openings in the study, which its report and its summary tell.

    Raises:
        InvalidInput: the search has not ended, so that its choice could still be made to fit the test split.
    """
    folder = RunFolder(run.path)
    with Lock(folder.lock, f"the run {run.path}").or_refuse("wait until it has ended, or stop it there"):
        study = SearchStudy(database_of(run.place), run.spec)
        if not study.complete:
            raise InvalidInput(
                f"the search {run.place.name} has not ended: its test split stays sealed until its choice is made; go on with "
                f"fairtune resume {run.path}"
            )
        study.keep_opening(Opening.now([_ROLE], []))


def _note_in_folder(folder: TrialFolder) -> None:
    """Add it to the openings in the training's folder."""
    noted = Openings.read(folder.openings)
    write_text(folder.openings, noted.with_another(Opening.now([_ROLE], [])).model_dump_json(indent=2))
