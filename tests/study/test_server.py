"""A study on a real PostgreSQL server: nothing of it is in the run's folder; a server that is away for a while loses nothing."""

import json
import threading

import pytest
from rich.console import Console
from typer.testing import CliRunner

from fairtune.addresses import STUDY_VARIABLE
from fairtune.api import waiting
from fairtune.api.waiting import with_patience
from fairtune.cli.main import app
from fairtune.errors import InvalidInput, NoServer
from fairtune.report import write_report
from fairtune.request import checks
from fairtune.study import served
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.served import open_on
from fairtune.study.server import Server, faults_of, reaching
from fairtune.study.study import SearchStudy
from tests.postgres import PASSWORD, QUOTED, Postgres
from tests.search_helpers import Session, run_small, small_search


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("psycopg")
    server = Postgres()
    try:
        server.start()
        yield server
    finally:
        server.remove()


def front(session):
    return [(record.state, record.params, record.result.val) for record in session.trials]


@pytest.fixture(scope="module")
def searched(server, tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("served"), study=server.address)


def test_a_search_is_the_same_as_in_a_file(searched, tmp_path):
    assert front(searched) == front(run_small(tmp_path))
    assert searched.plan.next() == "done"
    assert not searched.folder.study.exists()


def test_it_is_opened_again_and_reported(searched):
    spec, _ = searched.folder.load()
    again = SearchStudy(database_of(searched.place), spec)
    assert [record.state for record in again.records()] == ["complete"] * 3
    assert again.complete
    summary = write_report(spec, searched.place, again)
    assert summary.chosen is not None


def test_the_password_is_nowhere_in_the_run(searched, server):
    write_report(searched.spec, searched.place, searched.study)
    files = [file for file in searched.folder.path.rglob("*") if file.is_file()]
    assert files
    for secret in (PASSWORD, QUOTED):
        assert not [file for file in files if secret.encode() in file.read_bytes()]
    assert json.loads(searched.folder.place.read_text())["study"] == server.shown
    assert json.loads(searched.folder.server.read_text())["database"] == server.shown


def test_a_run_without_its_password_asks_for_it(searched, server, monkeypatch):
    monkeypatch.delenv(STUDY_VARIABLE, raising=False)
    result = CliRunner().invoke(app, ["report", str(searched.folder.path)])
    assert result.exit_code == 2
    assert f"{STUDY_VARIABLE} is not set: set it to the whole address of {server.shown}" in " ".join(result.stderr.split())
    monkeypatch.setenv(STUDY_VARIABLE, server.address)
    result = CliRunner().invoke(app, ["report", str(searched.folder.path)])
    assert result.exit_code == 0, result.output
    assert PASSWORD not in result.output


def test_two_runs_of_one_name_are_two_studies(server, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = run_small(tmp_path / "a", study=server.address, trials=1)
    second = Session(*small_search(tmp_path / "b", study=server.address, trials=2))
    assert second.trials == []
    assert len(first.trials) == 1


def test_a_moved_run_finds_its_study(server, tmp_path):
    (tmp_path / "before").mkdir()
    begun = Session(*small_search(tmp_path / "before", study=server.address)).run(2)
    (tmp_path / "before" / "run").rename(tmp_path / "elsewhere")
    _, place = RunFolder(tmp_path / "elsewhere").load()
    place = place.model_copy(update={"study": server.address})
    assert len(SearchStudy(database_of(place), begun.spec).records()) == len(begun.trials) == 1


def test_studies_are_made_by_one_at_a_time(server, tmp_path):
    """Optuna's tables, in a database that nobody has used yet, by several at once."""
    import psycopg

    with psycopg.connect(server.address, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    address = server.address.replace("/postgres", "/fresh")
    errors = []

    def make(number):
        try:
            open_on(Server(address, tmp_path / f"{number}.json"), {"accuracy": "maximize", "deo_m": "minimize"})
        except Exception as error:
            errors.append(error)

    makers = [threading.Thread(target=make, args=[number]) for number in range(4)]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert errors == []


def test_a_server_that_is_away_for_a_while_loses_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "_EVERY_S", 0.1)
    spec, place = small_search(tmp_path, study=server.address)
    console = Console(record=True, width=250)
    sessions = []

    def session():
        sessions.append(Session(spec, place, study=SearchStudy(database_of(place), spec)))
        if len(sessions) == 1:
            sessions[0].run(2)
            server.stop()
        try:
            return sessions[-1].run()
        except Exception:
            threading.Timer(0.5, server.start).start()
            raise

    done = with_patience(place, console, session)
    said = console.export_text()
    assert f"paused: the study's database {server.shown} does not answer: " in said
    assert "the database answers again: the search goes on" in said
    assert PASSWORD not in said
    assert front(done) == front(run_small(tmp_path / "undisturbed"))


class TestRefused:
    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("mysql://me@127.0.0.1/db", "PostgreSQL can keep a study (postgresql://USER@HOST/DATABASE), or the run's folder"),
            ("nonsense", "is no address: write postgresql://USER@HOST/DATABASE"),
        ],
    )
    def test_what_is_no_postgres(self, address, said):
        (fault,) = faults_of(address)
        assert fault.startswith("--study: ")
        assert said in fault

    def test_a_server_that_does_not_answer(self, server):
        address = server.address.replace(f":{server.port}/", ":1/")
        (fault,) = faults_of(address)
        assert "does not answer: " in fault
        assert PASSWORD not in fault

    def test_a_wrong_password(self, server):
        (fault,) = faults_of(server.address.replace(QUOTED, "wr0ng"))
        assert "password authentication failed" in fault
        assert "wr0ng" not in fault

    def test_a_study_that_the_server_does_not_have(self, server, tmp_path):
        note = tmp_path / "study.json"
        note.write_text('{"study": "gone"}')
        with pytest.raises(InvalidInput, match="has no study 'gone', which is that of"):
            open_on(Server(server.address, note), {"accuracy": "maximize"})

    def test_a_note_that_is_torn(self, server, tmp_path):
        note = tmp_path / "study.json"
        note.write_text('{"stu')
        with pytest.raises(InvalidInput, match=r"study.json is damaged"):
            open_on(Server(server.address, note), {"accuracy": "maximize"})

    def test_sqlite_where_several_machines_write(self, tmp_path, monkeypatch):
        _, place = small_search(tmp_path)
        monkeypatch.setattr(checks, "file_system", lambda _: "nfs4")
        assert checks.study(place) == []
        (fault,) = checks.study(place.model_copy(update={"address": "auto"}))
        assert fault.startswith(f"--runs {tmp_path} is on nfs4, where SQLite can lose the study: give --study")


def test_what_fails_in_reach_is_told_from_the_rest(server):
    with pytest.raises(ValueError, match="mine"), reaching(server.address):
        raise ValueError("mine")
    with pytest.raises(NoServer), reaching("postgresql://me@127.0.0.1:1/db"):
        served._storage("postgresql://me@127.0.0.1:1/db")
