import contextlib
import http.server
import os
import socket
import socketserver
import threading
import time

import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.request import checks
from fairtune.spec import Place
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.search_helpers import small_search


def place_in(runs, **changes):
    return Place(**{"data": "data", "runs": str(runs), "name": "run"} | changes)


def test_more_than_this_machine_has_is_a_fault(tmp_path):
    cpus, gpus = os.cpu_count() or 1, torch.cuda.device_count()
    assert checks.resources(place_in(tmp_path, cpus_per_trial=cpus, gpus_per_trial=gpus)) == []
    more = checks.resources(place_in(tmp_path, cpus_per_trial=cpus + 1, gpus_per_trial=gpus + 0.5))
    assert [fault.partition(": this machine has")[0] for fault in more] == [
        f"--cpus-per-trial {cpus + 1}",
        f"--gpus-per-trial {gpus + 0.5:g}",
    ]


def test_resources_of_a_cluster_are_not_this_machines_business(tmp_path):
    assert checks.resources(place_in(tmp_path, address="auto", cpus_per_trial=10_000)) == []


@pytest.mark.parametrize("name", ["run", "digits-ss+hkd,mfd-2026.1", "A_b"])
def test_a_run_folder_that_can_be_made_is_no_fault_and_not_made_yet(tmp_path, name):
    spec, place = small_search(tmp_path, name=name)
    place = place.model_copy(update={"runs": str(tmp_path / "deep" / "runs")})
    assert checks.run_folder(spec, place) == []
    assert not (tmp_path / "deep").exists()


def test_a_folder_that_cannot_be_written_is_a_fault(tmp_path):
    spec, place = small_search(tmp_path)
    (tmp_path / "file").write_text("in the way")
    (fault,) = checks.run_folder(spec, place.model_copy(update={"runs": str(tmp_path / "file" / "runs")}))
    assert fault.startswith(f"cannot write the folder {tmp_path / 'file' / 'runs' / 'run'}: ")
    assert fault.endswith("; choose another --runs")


def test_a_name_is_taken_by_another_search_but_not_by_the_same(tmp_path):
    spec, place = small_search(tmp_path)
    folder = RunFolder.of(place)
    folder.save(spec, place)
    SearchStudy(folder.study, spec)
    assert checks.run_folder(spec, place) == []
    (fault,) = checks.run_folder(spec.model_copy(update={"trials": 99}), place)
    assert fault.startswith("the run 'run' exists with another specification")
    assert fault.endswith(f"choose another --name, or resume it (fairtune resume {folder.path} takes other limits)")
    assert "; trials 3 there, 99 asked for)" in fault
    others = {"epochs": 99, "sampler": "random", "batch_size": 8, "train_fraction": 0.5, "seed": 7}
    (fault,) = checks.run_folder(spec.model_copy(update=others), place)
    assert "epochs 2 there, 99 asked for; " in fault
    assert "; and 1 more)" in fault
    assert fault.endswith("choose another --name, or resume it")


def test_a_search_of_a_version_that_kept_no_names_goes_on(tmp_path):
    spec, place = small_search(tmp_path)
    folder = RunFolder.of(place)
    folder.save(spec.model_copy(update={"classes": (), "groups": (), "shape": ()}), place)
    SearchStudy(folder.study, spec)
    assert checks.run_folder(spec, place) == []
    (fault,) = checks.run_folder(spec.model_copy(update={"trials": 99}), place)
    assert fault.startswith("the run 'run' exists with another specification")


def test_a_search_stopped_before_it_began_does_not_block_its_name(tmp_path):
    spec, place = small_search(tmp_path)
    RunFolder.of(place).save(spec, place)
    assert checks.run_folder(spec.model_copy(update={"trials": 99}), place) == []


def test_a_folder_moved_since_counts_as_where_it_is(tmp_path):
    spec, place = small_search(tmp_path / "old")
    RunFolder.of(place).save(spec, place)
    SearchStudy(RunFolder.of(place).study, spec)
    (tmp_path / "new").mkdir()
    moved = RunFolder(RunFolder.of(place).path.rename(tmp_path / "new" / "renamed"))
    assert moved.load() == (spec, place.model_copy(update={"runs": str(tmp_path / "new"), "name": "renamed"}))


def test_a_run_is_not_begun_a_second_time_where_its_study_is_not(tmp_path):
    address = "postgresql://me@127.0.0.1:9/studies"
    spec, place = small_search(tmp_path)
    folder = RunFolder.of(place)
    folder.save(spec, place)
    SearchStudy(folder.study, spec)
    assert checks.study(place) == []
    (fault,) = checks.study(place.model_copy(update={"study": address}))
    assert fault.startswith(f"the run 'run' keeps its study in {folder.study}: leave out --study and unset FAIRTUNE_STUDY")
    folder.study.unlink()
    folder.server.write_text('{"study": "run-1"}')
    (fault,) = checks.study(place)
    assert fault.startswith(f"the run 'run' keeps its study on a database server ({folder.server} names it): give its address by")


@pytest.mark.parametrize("spoilt", ["spec", "place"])
def test_a_spoilt_run_says_so(tmp_path, spoilt):
    spec, place = small_search(tmp_path)
    folder = RunFolder.of(place)
    folder.save(spec, place)
    SearchStudy(folder.study, spec)
    getattr(folder, spoilt).write_text("{")
    with pytest.raises(InvalidInput, match="holds no search that can be read"):
        folder.load()


@pytest.mark.parametrize("uri", [None, "sqlite:///mlflow.db", "postgresql+psycopg2://me@host/db", "mysql://host/db"])
def test_databases_are_taken_as_given(uri):
    assert checks.tracking(uri) == []


def test_a_database_in_a_file_wants_a_folder(tmp_path):
    assert checks.tracking(f"sqlite:///{tmp_path}/new/mlflow.db") == []
    (tmp_path / "file").write_text("in the way")
    (fault,) = checks.tracking(f"sqlite:///{tmp_path}/file/mlflow.db")
    assert fault.startswith(f"cannot write the folder {tmp_path}/file: ")
    assert fault.endswith("; choose another --tracking-uri")


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *args):
        """Quiet."""


@contextlib.contextmanager
def answering(server):
    """The server with a thread that answers what comes in."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    with server:
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def server():
    with answering(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)) as uri:
        yield uri


def test_a_server_is_asked_whether_it_is_there(server):
    assert checks.tracking(server) == []
    assert checks.tracking(f"{server}/") == []
    assert "does not answer (Not Found)" in checks.tracking(f"{server}/elsewhere")[0]


def test_a_server_that_is_just_starting_is_waited_for(monkeypatch):
    starting = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy, bind_and_activate=False)
    starting.server_bind()
    uri = f"http://127.0.0.1:{starting.server_port}"
    monkeypatch.setattr(time, "sleep", lambda pause: starting.server_activate() if pause else None)
    with answering(starting):
        assert checks.tracking(uri) == []


@pytest.mark.parametrize("reply", [b"-ERR unknown command\r\n", b""])
def test_a_server_of_something_else_is_a_fault(reply):
    class Other(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1000)
            self.request.sendall(reply)

    with answering(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Other)) as uri:
        (fault,) = checks.tracking(uri)
    assert fault.startswith(f"the MLflow server {uri} does not answer (")


def test_a_server_that_does_not_answer_is_a_fault():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{probe.getsockname()[1]}"
        (fault,) = checks.tracking(uri)
    assert fault.startswith(f"the MLflow server {uri} does not answer (")
    assert fault.endswith("start it, or leave --tracking-uri out")


def test_an_address_without_a_port_that_can_be_is_a_fault():
    (fault,) = checks.tracking("http://127.0.0.1:5k")
    assert fault.startswith("the MLflow server http://127.0.0.1:5k does not answer (nonnumeric port: '5k')")
