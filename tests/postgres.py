"""A real PostgreSQL server on loopback for tests."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

PASSWORD = "s3cret@of:ours"
QUOTED = "s3cret%40of%3Aours"


class Postgres:
    """A server of its own in a folder of its own; it refuses to run as root, so a root's runs as the user ``postgres``."""

    def __init__(self):
        self.user = "postgres" if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        (self.folder / "password").write_text(PASSWORD)
        if self.user is not None:
            owner = pwd.getpwnam(self.user)
            for path in (self.folder, self.folder / "password"):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self._run(
            "initdb", "-D", self.data, "--username=me", "--auth=scram-sha-256", f"--pwfile={self.folder}/password", "--no-sync"
        )

    @property
    def data(self):
        return str(self.folder / "data")

    @property
    def address(self):
        return f"postgresql://me:{QUOTED}@127.0.0.1:{self.port}/postgres"

    @property
    def shown(self):
        return f"postgresql://me:***@127.0.0.1:{self.port}/postgres"

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self._run("pg_ctl", "-D", self.data, "-l", str(self.folder / "log"), "-o", options, "-w", "start")

    def stop(self):
        self._run("pg_ctl", "-D", self.data, "-m", "immediate", "-w", "stop")

    def remove(self):
        command = [binary("pg_ctl"), "-D", self.data, "-m", "immediate", "stop"]
        subprocess.run(command, user=self.user, cwd="/", capture_output=True)
        time.sleep(0.2)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program, *arguments):
        # What the server inherits it keeps open: pipes would never end.
        with (self.folder / "said").open("w+") if self.user is None else tempfile.TemporaryFile("w+") as said:
            command = [binary(program), *arguments]
            done = subprocess.run(command, user=self.user, cwd="/", stdout=said, stderr=said, stdin=subprocess.DEVNULL)
            said.seek(0)
            assert done.returncode == 0, said.read()


def binary(program):
    """A program of PostgreSQL's, from the path or where Debian keeps it."""
    found = shutil.which(program) or max(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{program}")), default=None)
    if found is None:
        pytest.skip(f"no PostgreSQL on this machine: {program} is not found")
    return found
