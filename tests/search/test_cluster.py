"""Who can reach the cluster of a search."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from fairtune.errors import InvalidInput
from fairtune.search import cluster, knock
from fairtune.spec import Place
from tests.sockets import descendants, listening, words

ROOT = Path(__file__).parents[2]
STRANGER = "import sys, ray; ray.init(address=sys.argv[1], log_to_driver=False); print(ray.get(ray.remote(lambda: 'ran').remote()))"
MEMBER = (
    "import sys; from fairtune.search.cluster import cluster; from fairtune.spec import Place\n"
    "with cluster(Place(data='data', runs='runs', name='run', address=sys.argv[1])): print('joined')"
)
ONE_AFTER_ANOTHER = """
import fairtune.search, ray
from fairtune.search.cluster import cluster, lasting
from fairtune.spec import Place

def session(fails=False):
    with cluster(Place(data="data", runs="runs", name="run")):
        assert not fails
        return ray.get_runtime_context().gcs_address

with lasting():
    first = session()
    assert ray.is_initialized() and session() == first
    try:
        session(fails=True)
    except AssertionError:
        assert not ray.is_initialized()
    assert session() == session() != first
assert not ray.is_initialized()
session()
assert not ray.is_initialized()
print("done")
"""
LOCAL = Place(data="data", runs="runs", name="run")
linux = pytest.mark.skipif(not Path("/proc/net/tcp").is_file(), reason="finds sockets in /proc")


def python(code, *arguments, **environment):
    """A process that runs some code, without a token of Ray's unless it is given one."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, env=clean | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def said(process, timeout=120):
    """What a process wrote before it ended."""
    out, err = process.communicate(timeout=timeout)
    return out + err


def address_of_this_host():
    """The address by which other machines reach this one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return probe.getsockname()[0]


def eventually(look, seconds=240):
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search that strangers and a member try to join, and that is interrupted then. Its TMPDIR is long, as under Slurm."""
    runs = tmp_path_factory.mktemp("runs")
    temporary, home = runs / ("a" * 100), runs / "home"
    temporary.mkdir()
    home.mkdir()
    arguments = "search --trials 100000 --epochs 2 --gpus-per-trial 0 --max-concurrent 1 --accuracy-floor 0 --name run --runs"
    code = f"import sys; from fairtune.cli.main import main; sys.argv[1:] = {[*arguments.split(), str(runs)]}; main()"
    driver = python(code, TMPDIR=str(temporary), HOME=str(home))
    try:
        yield observed(driver, runs)
    finally:
        for pid in descendants(driver.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        driver.communicate()


def observed(driver, runs):
    def family():
        return descendants(driver.pid)

    eventually(lambda: driver.poll() is not None or any("Trainable" in sock.program for sock in listening(family())))
    gcs, command = next((pid, words(pid, "cmdline")) for pid in family() if "gcs_server" in words(pid, "cmdline")[0])
    environment = dict(word.partition("=")[::2] for word in words(gcs, "environ"))
    port = next(sock.port for sock in listening({gcs}))
    loopback = f"127.0.0.1:{port}"
    guests = {
        "without a token": python(STRANGER, loopback, RAY_AUTH_MODE="disabled", RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0"),
        "with another token": python(
            STRANGER, loopback, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64, RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER="0"
        ),
        "search without a token": python(MEMBER, loopback, HOME=str(runs)),
        "search with another token": python(MEMBER, loopback, RAY_AUTH_TOKEN="a" * 64),
        "search with the token": python(MEMBER, loopback, RAY_AUTH_TOKEN=environment.get("RAY_AUTH_TOKEN", "")),
    }
    looks, commands = [], set()
    while any(guest.poll() is None for guest in guests.values()):
        looks.append(listening(family()))
        commands |= {" ".join(words(pid, "cmdline")) for pid in family()}
        time.sleep(0.5)
    session = next(word for word in command if word.startswith("--log_dir=")).removeprefix("--log_dir=")
    private = next(folder for folder in Path(session).parents if folder.name.startswith(("ft-", "ray")))
    mode = private.stat().st_mode & 0o777
    texts = {path: path.read_bytes() for folder in (private, runs) for path in folder.rglob("*") if path.is_file()}
    parts = family()
    driver.send_signal(signal.SIGINT)
    output = said(driver)
    return SimpleNamespace(
        looks=looks,
        guests={name: said(guest) for name, guest in guests.items()},
        token=environment.get("RAY_AUTH_TOKEN"),
        commands=commands,
        texts=texts,
        output=output,
        exit=driver.returncode,
        private=private,
        mode=mode,
        left=lambda: [pid for pid in parts if words(pid, "cmdline") != []],
        home=runs / "home",
    )


@linux
@pytest.mark.ray
class TestLocalSearch:
    def test_every_socket_of_every_process_is_on_loopback(self, search):
        assert len(search.looks) > 3
        programs = {sock.program for look in search.looks for sock in look}
        assert {"gcs_server", "raylet"} < programs
        assert any("Trainable" in program for program in programs)
        assert {sock for look in search.looks for sock in look if not sock.loopback} == set()

    @pytest.mark.parametrize("guest", ["without a token", "with another token"])
    def test_another_user_of_the_machine_can_run_nothing(self, search, guest):
        assert "ran" not in search.guests[guest].split()
        assert "InvalidAuthToken" in search.guests[guest]

    def test_a_cluster_with_a_token_is_joined_with_it(self, search):
        assert "joined" in search.guests["search with the token"].split()

    def test_who_lacks_the_token_is_told_in_a_sentence(self, search):
        assert " wants a token: set RAY_AUTH_TOKEN_PATH " in search.guests["search without a token"]
        assert " refuses this user's token: set RAY_AUTH_TOKEN_PATH " in search.guests["search with another token"]

    def test_the_token_is_in_no_command_line_file_or_output(self, search):
        assert len(search.token) == 64
        assert not [command for command in search.commands if search.token in command]
        assert not [path for path, text in search.texts.items() if search.token.encode() in text]
        assert search.token not in search.output
        assert not (search.home / ".ray").exists()

    def test_its_unix_sockets_are_closed_to_other_users(self, search):
        assert search.mode == 0o700

    def test_searches_one_after_another_share_it_until_one_fails(self):
        assert "done" in said(python(ONE_AFTER_ANOTHER)).splitlines()

    def test_nothing_is_left_of_it(self, search):
        assert search.exit == 130, search.output
        eventually(lambda: not search.left(), 60)
        assert not search.private.exists()


class TestOrderOfImports:
    def test_the_environment_is_set_before_ray_is_imported(self):
        code = (
            "import sys, fairtune.search; assert 'ray' not in sys.modules\n"
            "import fairtune.search.run, ray; print(ray.util.get_node_ip_address())"
        )
        assert said(python(code)) == "127.0.0.1\n"

    def test_a_search_is_refused_where_it_is_too_late(self):
        address_of_this_host()
        code = (
            "import ray\nfrom fairtune.search.cluster import check_cluster; from fairtune.spec import Place\n"
            "check_cluster(Place(data='data', runs='runs', name='run'))"
        )
        assert "InvalidInput: Ray was imported before fairtune and would let other machines in at " in said(python(code))


class TestFolderOfSockets:
    @pytest.fixture
    def folder(self):
        folder = tempfile.mkdtemp(dir="/tmp", prefix="ft")
        yield folder
        shutil.rmtree(folder)

    def test_is_the_one_asked_for(self, monkeypatch, folder):
        monkeypatch.setenv("RAY_TMPDIR", folder)
        assert cluster._short_folder() == Path(folder)

    def test_is_another_where_that_one_is_too_long(self, monkeypatch, tmp_path):
        long = tmp_path / ("a" * 60)
        long.mkdir()
        monkeypatch.setenv("RAY_TMPDIR", str(long))
        monkeypatch.setattr(tempfile, "tempdir", str(long))
        assert cluster._short_folder() == Path("/tmp")

    def test_is_refused_in_a_sentence_where_none_will_do(self, monkeypatch):
        monkeypatch.setattr(cluster, "_SOCKET_PATH", cluster._INSIDE)
        with pytest.raises(InvalidInput, match=r"^no place for Ray's sockets: .* set RAY_TMPDIR to a folder that can and has not$"):
            cluster.check_cluster(LOCAL)


class TestAddress:
    @pytest.fixture(autouse=True)
    def no_answer_is_remembered(self):
        knock.knock.cache_clear()

    @pytest.fixture
    def silent(self):
        """A server that accepts and never answers."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            yield f"127.0.0.1:{server.getsockname()[1]}"

    def refused(self, address):
        with pytest.raises(InvalidInput) as refusal:
            cluster.check_cluster(LOCAL.model_copy(update={"address": address}))
        return str(refusal.value)

    def test_of_nothing(self):
        assert re.fullmatch(r"no Ray cluster answers at --address 127\.0\.0\.1:1: .*refused", self.refused("127.0.0.1:1"))

    def test_that_is_none(self):
        assert self.refused("local").startswith("--address local is no cluster: leave it out")
        assert self.refused("head").startswith("no Ray cluster answers at --address head: ")

    def test_that_never_answers(self, silent):
        assert self.refused(silent) == f"no Ray cluster answers at --address {silent}: no answer within 6 s"

    @pytest.mark.parametrize(
        ("hosts", "authenticates", "warned"),
        [(["10.0.0.5", "127.0.0.1"], False, True), (["10.0.0.5"], True, False), (["127.0.0.1", "::1"], False, False)],
    )
    def test_of_a_cluster_open_to_all_is_warned_of(self, caplog, hosts, authenticates, warned):
        cluster._warn_if_open(hosts, authenticates)
        assert [record.getMessage() for record in caplog.records] == warned * [
            "whoever reaches 10.0.0.5 can run code on this Ray cluster, as it asks for no token: restart it with "
            "RAY_AUTH_MODE=token, as cluster.yaml does"
        ]


class TestClusterFile:
    config = yaml.safe_load((ROOT / "cluster.yaml").read_text())

    @pytest.mark.parametrize("node", ["head", "worker"])
    def test_every_node_starts_with_the_token(self, node):
        starts = [command for command in self.config[f"{node}_start_ray_commands"] if "ray start" in command]
        assert starts
        for command in starts:
            assert "RAY_AUTH_MODE=token" in command.partition("ray start")[0]
            assert "RAY_AUTH_TOKEN=" not in command

    def test_the_token_gets_onto_every_node_as_a_file(self):
        assert "~/.ray/auth_token" in self.config["file_mounts"]

    def test_the_dashboard_is_on_loopback(self):
        assert any("--dashboard-host=127.0.0.1" in command for command in self.config["head_start_ray_commands"])
