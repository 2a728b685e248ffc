"""The database file of a study: made whole, checked when it is opened, and copied while it is used."""

from __future__ import annotations

import sqlite3
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import optuna
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from fairtune.files import write_atomically
from fairtune.spec import Direction
from fairtune.study.patient import PatientConnection, connect
from fairtune.study.slices import SlicedStorage
from fairtune.study.whole import NAME, check_study, copy_of, damaged, fault_of

_EVERY_S = 60.0
_SHARE = 50
"""A copy that took a second is followed by another after this many seconds at the earliest."""


def open_study(database: Path, objectives: Mapping[str, Direction]) -> optuna.Study:
    """The study in a file, which is made if neither it nor a copy of it is there; a file that can only be read can be opened too.

    Args:
        database: the file.
        objectives: direction of each score that a new study is for.

    Raises:
        InvalidInput: the file is damaged, or gone; what to do.
    """
    if not database.exists() and not copy_of(database).exists():
        write_atomically(database, lambda scratch: _make(scratch, objectives))
    check_study(database)
    try:
        study = optuna.load_study(study_name=NAME, storage=_storage(database), sampler=optuna.samplers.RandomSampler())
        study.get_trials(deepcopy=False)
    except (ValueError, KeyError, optuna.exceptions.StorageInternalError, SQLAlchemyError) as error:
        raise damaged(database, f"is damaged ({error})") from error
    return study


class Copies:
    """Copies of a study beside it, made by SQLite while it is open, each in place of the one before.

    Args:
        database: the study's file.
        clock: seconds that pass.
    """

    def __init__(self, database: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._next_at = clock()

    def make(self) -> None:
        """Copy the study now.

        Raises:
            NoRoom: the disk is full.
        """
        began = self._clock()
        write_atomically(copy_of(self._database), self._copy)
        ended = self._clock()
        self._next_at = ended + max(_EVERY_S, _SHARE * (ended - began))

    def make_if_old(self) -> None:
        """Copy the study if the last copy is a minute old, or older if the study is large."""
        if self._clock() >= self._next_at:
            self.make()

    def _copy(self, scratch: Path) -> None:
        with closing(connect(self._database, "ro")) as study, closing(sqlite3.connect(scratch)) as copy:
            study.backup(copy)
        if fault := fault_of(scratch):
            raise damaged(self._database, fault)


def _make(path: Path, objectives: Mapping[str, Direction]) -> None:
    storage = _storage(path)
    study = optuna.create_study(study_name=NAME, storage=storage, directions=list(objectives.values()))
    name_scores(study, list(objectives))
    storage.remove_session()
    storage.engine.dispose()


def name_scores(study: optuna.Study, scores: list[str]) -> None:
    """Say in a study for which scores it is, which Optuna calls experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.set_metric_names(scores)


def _storage(database: Path) -> SlicedStorage:
    """Optuna's storage in a file, whatever characters are in its path."""
    url = URL.create("sqlite", database=str(database)).render_as_string()
    return SlicedStorage(url, engine_kwargs={"connect_args": {"factory": PatientConnection}})
