"""What the doctor finds on this machine, and what it calls wrong."""

import socket
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
from typer.testing import CliRunner

from fairtune.addresses import is_loopback
from fairtune.api import doctor, sockets
from fairtune.cli.main import app
from fairtune.request.checks import resources
from fairtune.spec import Place
from fairtune.training.sharing import TURNS, compute_at_once
from tests.mps import mps

TOPICS = ["fairtune", "machine", "GPU", "precision", "Ray", "data", "data cache", "runs", "network"]


@pytest.mark.ray
def test_a_machine_is_looked_at_whole(tmp_path):
    result = CliRunner().invoke(app, ["doctor", "--runs", str(tmp_path), "--data", str(tmp_path / "none")])
    lines = result.output.splitlines()
    topics = [line[:16].strip() for line in lines[:-1] if line[:16].strip()]
    assert list(dict.fromkeys(topic.split(" ")[0] if topic.startswith("GPU") else topic for topic in topics)) == TOPICS
    assert any("here: 1 node, " in line for line in lines)
    assert result.exit_code == (0 if lines[-1] == "nothing is wrong" else 1)


def test_what_is_wrong_is_counted_and_fails(tmp_path):
    (tmp_path / "file").touch()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        result = CliRunner().invoke(app, ["doctor", "--runs", str(tmp_path / "file" / "runs"), "--address", address])
    wrong = [line.split("wrong: ")[1] for line in result.output.splitlines() if "wrong: " in line]
    assert result.exit_code == 1
    assert any(fault.startswith(f"no Ray cluster answers at --address {address}") for fault in wrong)
    assert any(fault.startswith(f"cannot write the folder {tmp_path}/file/runs") for fault in wrong)
    assert result.output.splitlines()[-1] == f"{len(wrong)} things to mend"


def test_more_than_there_is(tmp_path):
    place = Place(data="data", runs=str(tmp_path), name="run", gpus_per_trial=1000, address=None)
    found = next(found for found in doctor.examine(place, "auto") if found.topic == "trials")
    assert found.fault == resources(place)[0]


def test_trials_that_share_a_card_want_its_service(tmp_path):
    fault = None if compute_at_once() else TURNS
    assert [doctor._sharing(share).fault for share in (0.25, 1, 0)] == [fault, None, None]
    with mps(tmp_path):
        assert doctor._sharing(0.25) == ("GPU sharing", "trials on one card compute at the same time: NVIDIA's MPS runs", None)


@pytest.mark.parametrize(("kind", "wrong"), [("nfs4", True), ("fuse.sshfs", True), ("lustre", True), ("ext4", False)])
def test_a_study_does_not_belong_on_a_shared_file_system(tmp_path, monkeypatch, kind, wrong):
    mounts = [SimpleNamespace(mountpoint="/", fstype="ext4"), SimpleNamespace(mountpoint=str(tmp_path), fstype=kind)]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    found = doctor._runs(tmp_path / "runs", in_folder=True)
    assert f"on {kind}" in found.text
    assert (found.fault is not None) is wrong
    assert doctor._runs(tmp_path / "runs", in_folder=False).fault is None


def test_a_server_that_keeps_studies_is_asked(tmp_path):
    place = Place(data="data", runs=str(tmp_path), name="run")
    assert list(doctor._study(place)) == []
    (found,) = doctor._study(place.model_copy(update={"study": "postgresql://me:s3cret@127.0.0.1:9/studies"}))
    assert found.fault is not None
    assert "s3cret" not in found.text + found.fault


def test_a_full_disk_is_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "_ROOM_GIB", 10**9)
    assert "make room, or choose another --runs" in doctor._folder("runs", tmp_path, "--runs").fault


LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True); sys.stdin.read()"


@pytest.fixture
def listening():
    """A process called mlflow that listens on loopback, by its port."""
    command = [sys.executable, "-c", LISTEN, "mlflow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process.pid, int(process.stdout.readline())
        process.stdin.close()


@pytest.mark.parametrize(
    ("host", "beyond"),
    [("127.0.0.1", False), ("::1", False), ("::ffff:127.0.0.1", False), ("0.0.0.0", True), ("::", True), ("::ffff:10.0.0.5", True)],
)
def test_loopback_has_several_spellings(host, beyond):
    assert is_loopback(host) is not beyond


def test_what_listens_on_loopback_is_no_matter(listening):
    pid, _ = listening
    assert pid not in {found.pid for found in sockets.listeners()}


def test_what_listens_beyond_is_named(listening, monkeypatch):
    pid, port = listening
    monkeypatch.setattr(sockets, "is_loopback", lambda _: False)
    assert ("mlflow", pid, f"127.0.0.1:{port}", False) in set(sockets.listeners())
    found = next(found for found in doctor._network() if f"({pid})" in found.text)
    assert found.fault.startswith("whoever reaches it gets in")
