"""A study on a database server, where an SQLite file could be damaged by the machines that share its folder.

The run's folder says which of the server's studies is its own; the folder can move and the server can have studies of many runs.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

import optuna
from sqlalchemy import create_engine, text

from fairtune.addresses import shown
from fairtune.errors import InvalidInput
from fairtune.files import write_text
from fairtune.spec import Direction
from fairtune.study.database import name_scores
from fairtune.study.server import TIMEOUT_S, Server, reaching, url_of
from fairtune.study.slices import SlicedStorage

_LOCK = 7_018_211_021
"""Of those who make Optuna's tables, which two at once cannot do; any number that nobody else uses."""


class NoCopies:
    """In place of the copies that are made of a file: a server is backed up by those who run it."""

    def make(self) -> None:
        """Nothing."""

    def make_if_old(self) -> None:
        """Nothing."""


def open_on(server: Server, directions: Mapping[str, Direction]) -> optuna.Study:
    """The run's study, which is made if the run has none yet.

    Args:
        server: where it is.
        directions: of each score that a new study is for.

    Raises:
        NoServer: the server does not answer.
        InvalidInput: it has no such study, or the note cannot be read.
    """
    with reaching(server.address):
        storage = _storage(server.address)
        name = _named(server)
        if name is None:
            return _make(server, storage, directions)
        try:
            return optuna.load_study(study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler())
        except KeyError:
            raise InvalidInput(
                f"the database {shown(server.address)} has no study {name!r}, which is that of {server.note.parent}: give the one "
                f"that has it ({server.note} says where it was made), or start another run"
            ) from None


def _storage(address: str) -> SlicedStorage:
    """Optuna's storage; its tables are made by one process at a time."""
    url = url_of(address)
    options = {"connect_args": {"connect_timeout": TIMEOUT_S}, "pool_pre_ping": True}
    engine = create_engine(url, **options)
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:number)"), {"number": _LOCK})
        storage = SlicedStorage(url.render_as_string(hide_password=False), engine_kwargs=options)
    engine.dispose()
    return storage


def _make(server: Server, storage: SlicedStorage, directions: Mapping[str, Direction]) -> optuna.Study:
    name = f"{server.note.parent.name}-{secrets.token_hex(4)}"
    study = optuna.create_study(
        study_name=name, storage=storage, sampler=optuna.samplers.RandomSampler(), directions=list(directions.values())
    )
    name_scores(study, list(directions))
    write_text(server.note, json.dumps({"study": name, "database": shown(server.address)}))
    return study


def _named(server: Server) -> str | None:
    if not server.note.exists():
        return None
    try:
        return str(json.loads(server.note.read_text())["study"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{server.note} is damaged, which names the run's study on {shown(server.address)}: {error}") from error
