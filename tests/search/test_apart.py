"""Searches whose machines have no folder in common: files of trainings travel through the storage."""

import shutil
import time
from pathlib import Path

import pytest

from fairtune.datasets import cache_folder
from fairtune.errors import InvalidInput, SearchFault
from fairtune.search.own_runs import OwnRuns
from fairtune.search.plan import Plan
from fairtune.search.trainable import TrialTrainable, job_config
from fairtune.storage import Shelf
from tests import search_helpers
from tests.search_helpers import Session, small_search, train


@pytest.fixture(autouse=True)
def _machine(tmp_path, monkeypatch):
    """A machine of its own: what workers keep is not in the folder of runs."""
    pools = cache_folder() / "pools"
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "machine"))
    if pools.is_dir():
        (tmp_path / "machine").mkdir()
        (tmp_path / "machine" / "pools").symlink_to(pools)


@pytest.fixture
def storage(tmp_path):
    return tmp_path / "storage"


@pytest.fixture
def begun(tmp_path, storage):
    """Begins or resumes the search."""
    return lambda **options: Session(*small_search(tmp_path / "runs", storage=str(storage), **options))


def files(folder):
    return sorted(str(path.relative_to(folder)).partition(".")[0] for path in folder.rglob("*") if path.is_file())


def kept_here(tmp_path):
    """What the workers' machine holds beside data."""
    return [path for path in (tmp_path / "machine" / "storage").rglob("*") if path.is_file()]


def go_to_another_machine(tmp_path):
    shutil.rmtree(tmp_path / "machine" / "storage", ignore_errors=True)


def test_a_search_ends_as_one_in_a_common_folder(tmp_path, storage, begun):
    apart = begun().run()
    whole = Session(*small_search(tmp_path / "common")).run()
    assert apart.plan.complete
    for mine, other in zip(apart.trials, whole.trials, strict=True):
        assert mine.params == other.params
        assert mine.result.val == other.result.val
    assert {str(key): result.test for key, result in apart.study.finals.items()} == {
        str(key): result.test for key, result in whole.study.finals.items()
    }
    assert files(tmp_path / "runs" / "run" / "trials") == files(tmp_path / "common" / "run" / "trials")


def test_nothing_but_baselines_is_left_anywhere_else(tmp_path, storage, begun):
    begun().run()
    search_helpers._worker().cleanup()
    assert {path.split("/")[0] for path in files(storage)} == {"baselines"}
    assert [path for path in kept_here(tmp_path) if "baselines" not in path.parts] == []


def test_a_worker_writes_nothing_into_the_folder_of_runs(tmp_path, begun):
    session = begun()
    job = session.plan.next()
    train(job, session.plan)
    assert not job.folder.path.exists()
    assert job.folder.read_trained() is not None, "the driver has it from the storage"


def test_a_trial_goes_on_on_another_machine(tmp_path, begun, monkeypatch):
    session = begun(epochs=4).run(1)
    job = session.plan.next()
    monkeypatch.setattr("fairtune.search.trainable.REPORT_EVERY_S", 0.0)
    worker = _worker(job, session.plan)
    worker.train()
    epochs = [worker.train()["epoch"]]
    worker.cleanup()
    go_to_another_machine(tmp_path)
    monkeypatch.setattr("fairtune.search.trainable.REPORT_EVERY_S", 60.0)
    other = _worker(job, session.plan)
    assert other._trial is not None
    assert [len(other._trial.history)] == epochs == [2]
    other.stop()


def test_a_teacher_comes_from_the_storage(tmp_path, begun):
    session = begun().run(1)
    go_to_another_machine(tmp_path)
    assert [record.state for record in session.run(1).trials] == ["complete"]


def test_what_ended_and_was_not_told_is_not_trained_again(tmp_path, begun):
    session = begun().run(1)
    train(session.next_job(), session.plan)
    again = begun()
    assert again.run(1).keys == ["trial-1"]
    assert [record.state for record in again.trials[:1]] == ["complete"]


def test_a_baseline_of_another_search_in_the_storage_is_taken_over(tmp_path, storage, begun):
    begun().run(1)
    other = Session(*small_search(tmp_path / "elsewhere", storage=str(storage), name="other"))
    assert other.run(1).keys == ["trial-0"]


def test_a_lost_storage_stops_the_search_and_its_trial_waits(tmp_path, storage, begun, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    session = begun().run(1)
    job = session.plan.next()
    shutil.rmtree(storage)
    storage.touch()
    session.plan.finish(job, train(job, session.plan))
    assert isinstance(session.plan.error, SearchFault)
    assert str(session.plan.error).startswith(f"the storage {storage} fails: ")
    storage.unlink()
    again = begun().run()
    assert [record.state for record in again.trials] == ["complete"] * 3


def test_what_a_killed_process_left_long_ago_goes(tmp_path, storage, begun, monkeypatch):
    session = begun().run(1)
    runs = OwnRuns(session.place)
    old = runs.folder("run/trials/0007")
    old.path.mkdir(parents=True)
    runs.sweep()
    assert old.path.exists()
    monkeypatch.setattr(time, "time", lambda: old.path.stat().st_mtime + 90_000)
    runs.sweep()
    assert not old.path.exists()


def test_two_runs_of_one_name_do_not_share_a_storage(tmp_path, storage, begun):
    Shelf(str(storage), "run/trials/0000").put(Path(__file__))
    with pytest.raises(InvalidInput, match=rf"^--storage {storage} has files of another run 'run': choose another --name"):
        begun()


def _worker(job, plan: Plan) -> TrialTrainable:
    return TrialTrainable(dict(job_config(job, plan.place)))
