"""The database server that keeps a study, for runs in folders that several machines share. Asked without Optuna."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from fairtune.addresses import shown, without_secrets
from fairtune.errors import InvalidInput, NoServer

_KIND, _DRIVER = "postgresql", "psycopg"
TIMEOUT_S = 5
"""Seconds in which the server has to answer."""


class Server(NamedTuple):
    """Where the study of a run is.

    Attributes:
        address: of the database, with its password.
        note: the run's file that names the study; made with it.
    """

    address: str
    note: Path


@contextmanager
def reaching(address: str) -> Iterator[None]:
    """Tell what fails in this block because the server does not answer.

    Raises:
        NoServer: it does not; the sentence holds no password.
    """
    try:
        yield
    except Exception as error:
        cause = error if isinstance(error, SQLAlchemyError) else error.__cause__  # Optuna's own error has it as its cause
        if not isinstance(cause, SQLAlchemyError):
            raise
        reason = " ".join(without_secrets(str(getattr(cause, "orig", None) or cause), address).split())
        raise NoServer(shown(address), reason) from None


def faults_of(address: str) -> list[str]:
    """Faults of the address of a study, asked before anything starts."""
    try:
        url = url_of(address)
        engine = create_engine(url, connect_args={"connect_timeout": TIMEOUT_S})
        with reaching(address), engine.connect():
            pass
        engine.dispose()
    except (InvalidInput, NoServer) as error:
        return [f"--study: {error}"]
    return []


def url_of(address: str) -> URL:
    """The address as SQLAlchemy takes it, with the driver.

    Raises:
        InvalidInput: it is none of PostgreSQL, or the driver is not installed.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise InvalidInput(f"{shown(address)!r} is no address: write postgresql://USER@HOST/DATABASE") from None
    if url.get_backend_name() != _KIND:
        raise InvalidInput(
            f"{shown(address)!r}: PostgreSQL can keep a study (postgresql://USER@HOST/DATABASE), or the run's folder"
        )
    if importlib.util.find_spec(_DRIVER) is None:
        raise InvalidInput(f"PostgreSQL is reached through {_DRIVER}, which is not installed: pip install 'fairtune[postgres]'")
    return url.set(drivername=f"{_KIND}+{_DRIVER}")
