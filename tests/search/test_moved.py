"""Runs that were moved, and what lay beside them: everything is found from the folder that is opened."""

import os
import shutil

import pytest
from mlflow.tracking._tracking_service import utils

from fairtune.report.write import report_files, write_report
from fairtune.request.options import Request
from fairtune.study.folders import RunFolder
from fairtune.tracking.mirror import Tracker
from fairtune.training.folder import baseline_folder
from tests.search_helpers import SMALL, Session, small_search
from tests.torn import flip


def strings_in(folder):
    """Every file in a folder that names the folder it was made in."""
    return {
        str(file.relative_to(folder))
        for file in folder.rglob("*")
        if file.is_file() and os.fsencode(folder.parent) in file.read_bytes()
    }


def searched(runs, jobs=None, **options):
    """A search that has ended, or was stopped after so many trainings."""
    request = Request.read(SMALL | {"runs": str(runs), "precision": "fp32"} | options)
    spec, place = small_search(runs, **options)
    session = Session(spec, place)
    request.write(session.folder.request)
    session.run(jobs)
    if jobs is None:
        write_report(session.spec, session.place, session.study)
    return session


def mirror(session):
    """Write a search that has ended to MLflow."""
    with Tracker(session.spec, session.place, session.study) as tracker:
        summary = write_report(session.spec, session.place, session.study)
        tracker.finish(summary, report_files(session.folder), session.folder.chosen.path)


def resumed(folder):
    return Session(*RunFolder(folder).load()).run()


def move(old, new):
    """Move a folder and put a file in its old place, so that nothing can be made there again unseen."""
    new.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(old, new)
    old.touch()


def test_a_run_names_no_folder_of_its_own(tmp_path):
    session = searched(tmp_path / "runs")
    assert strings_in(session.folder.path) == set()
    assert session.folder.summary.is_file()


def test_a_database_beside_the_run_moves_with_it(tmp_path):
    runs = tmp_path / "runs"
    uri = f"sqlite:///{runs}/own.db"
    spec, place = small_search(runs, tracking_uri=uri)
    RunFolder.of(place).save(spec, place)
    assert "own.db" in RunFolder.of(place).place.read_text()
    assert strings_in(RunFolder.of(place).path) == set()
    Session(spec, place)
    move(runs, tmp_path / "new" / "runs")
    _, here = RunFolder(tmp_path / "new" / "runs" / "run").load()
    assert here.mlflow == f"sqlite:///{tmp_path}/new/runs/own.db"


@pytest.mark.parametrize("alone", [True, False], ids=["the run", "the folder of runs"])
def test_a_moved_run_goes_on_where_it_is(tmp_path, alone):
    runs = tmp_path / "old" / "runs"
    first = searched(runs, jobs=2)
    if alone:
        move(runs / "run", tmp_path / "new" / "run")
        folder = tmp_path / "new" / "run"
    else:
        move(runs, tmp_path / "new" / "runs")
        folder = tmp_path / "new" / "runs" / "run"
    again = resumed(folder)
    assert again.plan.complete
    assert [record.state for record in again.trials] == ["complete"] * 3
    assert {result.state for result in again.study.finals.values()} == {"complete"}
    assert ("baseline" in again.keys) == alone
    assert again.study.baseline == first.study.baseline
    assert (runs / "run").is_file() if alone else runs.is_file()


def test_a_finished_run_that_was_moved_stays_where_it_is(tmp_path):
    runs = tmp_path / "old" / "runs"
    mirror(searched(runs))
    artifacts = sorted(path.name for path in (runs / "mlartifacts").rglob("*"))
    assert artifacts
    move(runs, tmp_path / "new" / "runs")
    utils._artifact_repos_cache.clear()  # a resumed search is another process
    again = resumed(tmp_path / "new" / "runs" / "run")
    mirror(again)
    assert again.keys == []
    assert runs.is_file()
    assert sorted(path.name for path in (tmp_path / "new" / "runs" / "mlartifacts").rglob("*")) == artifacts


def test_a_finished_run_without_its_baseline_trains_nothing(tmp_path):
    session = searched(tmp_path / "runs")
    shutil.rmtree(tmp_path / "runs" / "baselines")
    assert resumed(session.folder.path).keys == []


@pytest.mark.parametrize("loss", ["folder", "weights", "torn weights", "torn result"])
def test_a_baseline_that_is_lost_is_trained_again(tmp_path, loss):
    session = Session(*small_search(tmp_path)).run(2)
    floor, home = session.study.baseline, baseline_folder(tmp_path, session.spec.baseline())
    match loss:
        case "folder":
            shutil.rmtree(home.path)
        case "weights":
            home.weights.unlink()
        case "torn weights":
            flip(home.weights)
        case "torn result":
            flip(home.result)
    again = Session(*session.folder.load()).run()
    assert again.keys[:2] == ["baseline", "trial-1"]
    assert again.keys.count("baseline") == 1
    assert [record.state for record in again.trials] == ["complete"] * 3
    assert {result.state for result in again.study.finals.values()} == {"complete"}
    assert again.study.baseline == floor


def test_a_baseline_that_is_lost_while_the_search_runs_is_trained_again(tmp_path):
    session = Session(*small_search(tmp_path)).run(2)
    shutil.rmtree(tmp_path / "baselines")
    session.run()
    assert session.keys.count("baseline") == 2
    assert [record.state for record in session.trials] == ["complete"] * 3


def test_a_method_without_a_teacher_does_not_miss_it(tmp_path):
    session = Session(*small_search(tmp_path, method="reweight", trials=1)).run(2)
    shutil.rmtree(tmp_path / "baselines")
    assert "baseline" not in Session(*session.folder.load()).run().keys


def test_a_request_kept_in_a_run_is_for_a_run_beside_it(tmp_path):
    session = searched(tmp_path / "runs", jobs=1)
    move(tmp_path / "runs", tmp_path / "new")
    kept = tmp_path / "new" / "run" / session.folder.request.name
    assert Request.from_file(kept, {}).runs == str(tmp_path / "new")
    assert Request.from_file(kept, {"runs": "elsewhere"}).runs == "elsewhere"


def test_a_run_of_the_version_before_goes_on(tmp_path):
    """It names its folder in ``place.json``, and its files have no notes."""
    session = Session(*small_search(tmp_path / "runs")).run(2)
    session.folder.place.write_text(session.place.model_dump_json())
    for note in (tmp_path / "runs").rglob(".*.seal"):
        note.unlink()
    move(tmp_path / "runs", tmp_path / "new")
    again = Session(*RunFolder(tmp_path / "new" / "run").load()).run()
    assert "baseline" not in again.keys
    assert [record.state for record in again.trials] == ["complete"] * 3
