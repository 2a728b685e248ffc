"""The folder of runs as a machine sees it: the search's, or one of its own, whose files the storage has too."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path

from fairtune.datasets import cache_folder
from fairtune.spec import Place, TrialSpec, digest
from fairtune.storage import Shelf
from fairtune.training.folder import TrialFolder, baseline_folder

_OLD_S = 24 * 3600.0


class OwnRuns:
    """The folder of runs that one worker trains in.

    Args:
        place: of the search.
    """

    def __init__(self, place: Place) -> None:
        self._storage = place.storage
        self.path = Path(place.runs) if place.storage is None else cache_folder() / "storage" / digest(place.storage)

    def folder(self, name: str) -> TrialFolder:
        """The folder of a training, by its name in the folder of runs."""
        return TrialFolder(self.path / name, Shelf.of(self._storage, name))

    def fetch_teacher(self, spec: TrialSpec) -> None:
        """Have the teacher of a trial here."""
        if self._storage is not None and spec.teacher is not None:
            baseline_folder(self.path, spec.teacher, self._storage).read_trained()

    def leave(self, folder: TrialFolder) -> None:
        """Remove what a training has left here that has ended or goes on elsewhere; baselines stay."""
        if self._storage is not None and folder.path.parent.name in ("trials", "finals"):
            shutil.rmtree(folder.path, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what processes have left here that were killed a day ago or more."""
        if self._storage is None:
            return
        for folder in (*self.path.glob("*/trials/*"), *self.path.glob("*/finals/*")):
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _OLD_S:
                    shutil.rmtree(folder)
