from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import event
from sqlalchemy.engine import Engine

import fairtune.search  # noqa: F401  (before a test imports ray)

if TYPE_CHECKING:
    from tests.search_helpers import Session

WHOLE = (
    "api",
    "cli",
    "pipeline",
    "report",
    "search",
    "study",
    "tracking",
    "test_endings.py",
    "test_end_to_end.py",
    "test_packaging.py",
)
"""Where tests run whole searches, or start programs; what is left tells of a change to a method or a metric in minutes."""
SHARED = Path(os.environ.get("FAIRTUNE_SHARED") or Path(__file__).parents[2] / "shared")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is no test of a unit by where it is."""
    for item in items:
        if item.path.relative_to(Path(__file__).parent).parts[0] in WHOLE:
            item.add_marker("whole")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("cache")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def _one_cache_and_one_thread(cache: Path) -> Iterator[None]:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRTUNE_CACHE", str(cache))
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """Files of tests need not outlive a power cut; a disk that others use takes tenths of a second to confirm one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session", autouse=True)
def _migrations_are_read_once() -> Iterator[None]:
    """Whoever opens a database of Optuna or MLflow has Alembic read its scripts, up to sixty files, to tell the latest version."""
    read = ScriptDirectory.from_config
    known: dict[str | None, ScriptDirectory] = {}

    def from_config(config: Config) -> ScriptDirectory:
        where = config.get_main_option("script_location")
        if where not in known:
            known[where] = read(config)
        return known[where]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_database_waits_for_the_disk() -> Iterator[None]:
    """Studies and records of tests need not outlive a power cut; a disk that others use takes seconds to confirm a new database."""

    def do_not_wait(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", do_not_wait)
    yield
    event.remove(Engine, "connect", do_not_wait)


@pytest.fixture
def trained_once() -> Iterator[None]:
    """For a test of what comes after trainings: those that are equal are done once."""
    from tests import search_helpers

    with search_helpers.trained_once():
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data files in their original formats."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set FAIRTUNE_SHARED")
    return folder


@pytest.fixture(scope="session")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A whole search in a folder named to confuse: two trials complete, one diverged, one crashed, one final seed crashed."""
    from tests.search_helpers import Session, crash, small_search, trained_once

    runs = tmp_path_factory.mktemp("mixed") / "<b>" / "a[" / "b]"
    runs.mkdir(parents=True)
    file = runs / "points.yaml"
    file.write_text("{search: {weight: {low: 0.1, high: 1e40}}, points: [{weight: 1}, {weight: 1e39}, {weight: 2}, {weight: 4}]}")
    session = Session(*small_search(runs, space=str(file), trials=4, final_seeds=3))
    crash(session.folder.trial(2))
    crash(session.folder.final("baseline", 2))
    with trained_once():
        return session.run()


@pytest.fixture(scope="session")
def infeasible(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A whole search in which no trial reaches the floor."""
    from tests.search_helpers import run_small, trained_once

    with trained_once():
        return run_small(tmp_path_factory.mktemp("infeasible"), accuracy_floor="1", trials=2)


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A search with one trial ended and one under way."""
    from tests.search_helpers import Session, small_search, trained_once

    with trained_once():
        session = Session(*small_search(tmp_path_factory.mktemp("unfinished"))).run(2)
    session.plan.next()
    return session


@pytest.fixture(scope="session")
def by_iou(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A whole search for another fairness score than DEO_M."""
    from tests.search_helpers import run_small, trained_once

    with trained_once():
        return run_small(tmp_path_factory.mktemp("by_iou"), select="sigma_iou", trials=3)


@pytest.fixture(scope="session")
def by_three(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A whole search for three objectives, by a rule from outside."""
    from tests.search_helpers import run_small, trained_once

    with trained_once():
        return run_small(tmp_path_factory.mktemp("by_three"), select="tests.rules.test_rules:ThreeRule", trials=4)


@pytest.fixture(scope="session", params=["mixed", "infeasible", "unfinished", "by_iou"])
def any_search(request: pytest.FixtureRequest) -> Session:
    session: Session = request.getfixturevalue(request.param)
    return session
