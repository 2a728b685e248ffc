"""A study that another process has locked is waited for, with a line."""

import subprocess
import sys
import time

import pytest

from fairtune.study import patient
from fairtune.study.study import SearchStudy
from tests.search_helpers import Session, small_search

HOLD = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"BEGIN {sys.argv[2]}")
print("locked", flush=True)
time.sleep(float(sys.argv[3]))
connection.rollback()
"""


def locked(database, kind, seconds):
    """Have another process hold a lock of the study's file."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, database, kind, str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "locked\n"
    return process


@pytest.fixture
def begun(tmp_path):
    return Session(*small_search(tmp_path)).run(2)


@pytest.mark.parametrize("kind", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_search_goes_on_when_the_lock_is_gone(begun, monkeypatch, caplog, kind):
    monkeypatch.setattr(patient, "SILENCE_S", 0.2)
    session = Session(begun.spec, begun.place)
    with locked(session.folder.study, kind, 1.5) as holder:
        began = time.monotonic()
        session.run()
        assert time.monotonic() - began > 0.5
        assert holder.wait() == 0
    assert session.plan.complete
    assert {record.state for record in session.trials} == {"complete"}
    said = [line for line in caplog.messages if line.startswith("waiting")]
    assert said
    assert all(line.endswith(" s for the study, which another process has locked") for line in said)


def test_a_study_is_opened_when_the_lock_is_gone(begun, monkeypatch, caplog):
    monkeypatch.setattr(patient, "SILENCE_S", 0.2)
    with locked(begun.folder.study, "EXCLUSIVE", 1):
        assert len(SearchStudy(begun.folder.study, begun.spec).records()) == 1
    assert [line for line in caplog.messages if line.startswith("waiting")]


@pytest.mark.slow
def test_a_minute_is_nothing(begun, caplog):
    with locked(begun.folder.study, "EXCLUSIVE", 60):
        session = Session(begun.spec, begun.place).run()
    assert session.plan.complete
    assert "waiting 8 s for the study, which another process has locked" in caplog.messages
