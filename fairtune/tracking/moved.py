"""A folder of runs that was moved: its MLflow database names where artifacts are by whole addresses."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

ARTIFACTS = "mlartifacts"
_ADDRESSES = (("experiments", "artifact_location"), ("runs", "artifact_uri"))


def artifacts_beside(database: Path) -> str:
    """The address of the folder of artifacts that belongs to a database."""
    return (database.parent / ARTIFACTS).resolve().as_uri()


def follow(database: Path) -> None:
    """Let a database name the folder beside it for the artifacts of its runs, wherever it was made.

    MLflow has no command for it, and would make the old folder again.
    """
    if not database.is_file():
        return
    here = artifacts_beside(database)
    address = f"{database.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(address, uri=True)) as connection, suppress(sqlite3.OperationalError):  # it may only be read
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in _ADDRESSES:
            if table in tables:
                _follow(connection, table, column, here)
        connection.commit()


def _follow(connection: sqlite3.Connection, table: str, column: str, here: str) -> None:
    for (before,) in connection.execute(f"SELECT DISTINCT {column} FROM {table}").fetchall():
        _, found, inside = str(before).rpartition(f"/{ARTIFACTS}")
        if found and here + inside != before:
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE {column} = ?", [here + inside, before])
