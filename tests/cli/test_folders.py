"""Folders and terminals that are not as usual: right, or one sentence before anything is made."""

import os
import subprocess
import sys
import time

import pytest
from typer.testing import CliRunner

from fairtune.cli.main import app
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.search_helpers import Session, small_search
from tests.torn import fill, read_only, small_disk

SEARCH = (
    "--trials",
    "1",
    "--epochs",
    "1",
    "--final-seeds",
    "1",
    "--accuracy-floor",
    "0",
    "--gpus-per-trial",
    "0",
    "--precision",
    "fp32",
)


def called(*arguments, **environment):
    command = [sys.executable, "-c", "from fairtune.cli.main import main; main()", *map(str, arguments)]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, check=False)


@pytest.mark.parametrize("name", ["a#b", "a?b", "a%20b"])
def test_a_folder_in_which_mlflow_would_go_astray_is_refused_before_it_is_made(tmp_path, name):
    done = CliRunner().invoke(app, ["search", "--runs", str(tmp_path / name), *SEARCH])
    assert done.exit_code == 2
    assert f"--runs {tmp_path / name}: MLflow cannot keep a database in a folder whose path has" in done.output
    assert "or give --tracking-uri" in done.output
    assert list(tmp_path.iterdir()) == []


def test_in_such_a_folder_with_mlflow_elsewhere_the_study_is_where_it_belongs(tmp_path):
    runs = tmp_path / "a#b" / "c?d" / "e%20f"
    session = Session(*small_search(runs, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")).run(2)
    assert session.folder.study.is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["a#b"]
    again = SearchStudy(session.folder.study, session.folder.load()[0])
    assert again.records()[0].result == session.trials[0].result


@pytest.mark.parametrize("name", ["mlflow.db", "mlflow.db-journal", "mlartifacts", "single", "baselines"])
def test_a_run_does_not_take_the_name_of_what_lies_beside_it(tmp_path, name):
    done = CliRunner().invoke(app, ["search", "--runs", str(tmp_path), "--name", name, *SEARCH])
    assert done.exit_code == 2
    assert f"--name {name!r}: use letters, digits and . _ + - only, and none of the names" in done.output
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def unwritable(mixed, tmp_path):
    """The folder of a search that has ended, where it may only be read."""
    with read_only(mixed.folder.path.parent, tmp_path / "seen") as runs:
        yield RunFolder(runs / "run")


def test_a_run_that_may_only_be_read_is_reported(unwritable):
    done = CliRunner().invoke(app, ["report", str(unwritable.path)])
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert "front (validation)" in done.output
    assert f"the report's files stay as they are, as {unwritable.path} cannot be written: Read-only file system" in done.output


def test_a_run_that_may_only_be_read_is_not_resumed(unwritable):
    done = CliRunner().invoke(app, ["resume", str(unwritable.path)])
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert f"cannot write the folder {unwritable.path}: Read-only file system; copy the run to one that can be" in done.output


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        pytest.param({"PYTHONIOENCODING": "ascii"}, marks=pytest.mark.slow),
    ],
)
def test_a_terminal_that_knows_only_ascii_shows_the_outcome(mixed, environment):
    done = called("report", mixed.folder.path, **environment)
    text = done.stdout.decode("ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert "confirmed (test)" in text
    assert "+/-" in text
    assert "?" not in text.partition("front")[2]
    assert "±" in mixed.folder.page.read_text(encoding="utf-8")


@pytest.mark.ray
def test_a_search_on_a_full_disk_pauses_and_goes_on(tmp_path):
    """The real command: the disk fills up in a trial, is freed, and no trial is lost or repeated."""
    with small_disk(tmp_path / "disk", 64) as disk:
        arguments = [
            "search",
            "--runs",
            str(disk),
            "--name",
            "run",
            *SEARCH,
            "--trials",
            "3",
            "--epochs",
            "60",
            "--max-concurrent",
            "1",
        ]
        command = [sys.executable, "-c", "from fairtune.cli.main import main; main()", *arguments]
        output = tmp_path / "output"
        with output.open("wb") as file:
            search = subprocess.Popen(command, stdout=file, stderr=file)

        def wait_for(what):
            while not what():
                assert search.poll() is None, output.read_text()
                time.sleep(0.1)

        folder = RunFolder(disk / "run")
        try:
            wait_for(folder.trial(0).result.exists)
            filler = fill(disk)
            wait_for(lambda: "paused: no room in" in output.read_text())
            filler.unlink()
            assert search.wait() == 0, output.read_text()
        finally:
            search.kill()
            search.wait()
        study = SearchStudy(folder.study, folder.load()[0])
    assert "there is room again" in output.read_text()
    assert "Traceback" not in output.read_text()
    assert [record.state for record in study.records()] == ["complete"] * 3
    assert {result.state for result in study.finals.values()} == {"complete"}
    assert study.complete
