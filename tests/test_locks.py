"""Locks, held by real processes."""

import errno
import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import threading

import pytest

from fairtune.errors import InvalidInput
from fairtune.locks import Lock

HOLDER = """
import sys, time
from pathlib import Path
from fairtune.locks import Lock
with Lock(Path(sys.argv[1]), "the run").or_refuse(""):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "folder" / ".lock"


@pytest.fixture
def holder(file):
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_who_comes_second_is_refused_and_told_who_holds_it(file, holder):
    with pytest.raises(InvalidInput) as refusal, Lock(file, "the run").or_refuse("wait until it has ended"):
        pass
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    host = re.escape(socket.gethostname())
    assert re.fullmatch(
        f"the run is in use by process {holder.pid} on {host} since {since}: wait until it has ended", str(refusal.value)
    )


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_process(file, holder, number):
    assert not Lock(file, "the run").take()
    holder.send_signal(number)
    holder.wait()
    with Lock(file, "the run").or_refuse("never"):
        assert f"process {os.getpid()} " in Lock(file, "the run").holder


def test_who_waits_says_so_once_and_goes_on(file, holder, caplog):
    threading.Timer(1, holder.kill).start()
    with Lock(file, "the baseline").or_wait():
        pass
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"waiting for the baseline, in use by process {holder.pid} on ")


def test_it_is_given_back_whatever_happens(file):
    with pytest.raises(ZeroDivisionError), Lock(file, "the run").or_refuse(""):
        1 / 0  # noqa: B018
    assert Lock(file, "the run").take()


def test_a_file_that_is_no_note_names_nobody(file, holder):
    file.write_text("torn")
    assert Lock(file, "the run").holder == "another process"


def test_a_file_system_without_locks_is_said_to_be_one(file, monkeypatch, caplog):
    def without(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without)
    with Lock(file, "the run").or_refuse(""):
        pass
    (line,) = [record.getMessage() for record in caplog.records]
    assert line == f"the file system of {file.parent} knows no locks: let no other process use the run meanwhile"


def test_children_do_not_keep_it(file):
    child = 'import subprocess; subprocess.Popen(["sleep", "3"], stdout=subprocess.DEVNULL); '
    code = HOLDER.replace('print("held"', f'{child}print("held"')
    process = subprocess.Popen([sys.executable, "-c", code, str(file)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    process.kill()
    process.communicate()
    assert Lock(file, "the run").take()
