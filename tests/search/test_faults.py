"""Faults that are the search's, not a setting's: it stops or waits, and no trial is spent on them."""

import errno
import shutil
import threading
import time

import pytest
from rich.console import Console

from fairtune.api import waiting
from fairtune.api.waiting import with_patience
from fairtune.errors import Interrupted, NoRoom, NoWriting, SearchFault
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.spec import Room
from fairtune.study.folders import RunFolder
from fairtune.training.trial import failed, unable
from tests.datasets.files import write_animals
from tests.search_helpers import Session, Watcher, small_search, train
from tests.torn import fill, freeze, read_only, small_disk


def states(session):
    return [record.state for record in session.trials]


def ended(session):
    """Whether every trial and final of a search is complete."""
    finals = {result.state for result in session.study.finals.values()}
    return session.plan.complete and set(states(session)) | finals == {"complete"}


@pytest.fixture
def on_pictures(tmp_path, monkeypatch):
    """A search on pictures of one's own, stopped after its first trial; its processes forget the decoded data."""
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("fairtune.training.data._opened", {})
    (tmp_path / "data").mkdir()
    write_animals(tmp_path / "data", 80)
    options = {"dataset": "manifest", "data": str(tmp_path / "data"), "runs": str(tmp_path / "runs"), "name": "run"}
    small = {"method": "reweight", "batch_size": 16, "epochs": 1, "trials": 2, "final_seeds": 1, "set": ["size=8"]}
    return Session(*resolve(Request.read(options | small | {"accuracy_floor": "0", "precision": "fp32", "gpus_per_trial": 0}))).run(
        1
    )


def test_data_that_are_missing_stop_the_search_and_its_trials_wait(on_pictures, tmp_path, monkeypatch):
    session = on_pictures
    (tmp_path / "data" / "images").rename(tmp_path / "away")
    monkeypatch.setattr("fairtune.training.data._opened", {})
    session.run()
    assert isinstance(session.plan.error, SearchFault)
    assert "files are missing in" in str(session.plan.error)
    assert f"go on with fairtune resume {session.folder.path}" in str(session.plan.error)
    assert states(session) == ["running"]
    (tmp_path / "away").rename(tmp_path / "data" / "images")
    again = Session(*session.folder.load()).run()
    assert ended(again)
    assert len(again.trials) == 2


def test_data_that_are_missing_in_the_confirmation_leave_its_finals_waiting(on_pictures, tmp_path, monkeypatch):
    monkeypatch.setattr("fairtune.training.trial.only_class", lambda counts: None)  # these pictures tell a net nothing
    session = on_pictures.run(2)
    (tmp_path / "data" / "images").rename(tmp_path / "away")
    monkeypatch.setattr("fairtune.training.data._opened", {})
    session.run()
    assert isinstance(session.plan.error, SearchFault)
    assert session.study.finals == {}
    (tmp_path / "away").rename(tmp_path / "data" / "images")
    assert ended(Session(*session.folder.load()).run())


def test_a_disk_that_fills_up_fails_no_trial(tmp_path):
    with small_disk(tmp_path / "disk", 48) as disk:
        session = Session(*small_search(disk)).run(2)
        filler = fill(disk, but=32 * 1024)
        session.run()
        assert isinstance(session.plan.error, NoRoom)
        assert str(session.plan.error).startswith(f"no room in {disk}")
        assert states(session) == ["complete", "running"]
        filler.unlink()
        assert ended(Session(*session.folder.load()).run())


@pytest.mark.parametrize(
    "ended",
    [
        lambda spec: failed(spec, "its worker process died"),
        lambda spec: unable(spec, OSError(errno.EROFS, "Read-only file system")),
    ],
    ids=["died", "told"],
)
def test_what_fails_while_the_disk_is_read_only_waits(ended, tmp_path):
    with small_disk(tmp_path / "disk", 48) as disk:
        session = Session(*small_search(disk)).run(1)
        job = session.next_job()
        with read_only(disk, tmp_path / "seen") as seen:
            session.plan.folder = RunFolder(seen / "run")
            session.plan.finish(job, ended(job.spec))
        assert isinstance(session.plan.error, NoWriting)
        assert str(session.plan.error).startswith(f"{seen / 'run'} cannot be written any more (Read-only file system)")
        assert str(Session(*session.folder.load()).run(1).trained[0].key) == str(job.key)


@pytest.mark.parametrize("jobs", [0, 1, 4], ids=["baseline", "trial", "final"])
def test_whatever_fails_while_the_disk_is_full_waits(tmp_path, jobs):
    with small_disk(tmp_path / "disk", 48) as disk:
        watcher = Watcher()
        session = Session(*small_search(disk), observers=[watcher]).run(jobs)
        job = session.next_job()
        filler = fill(disk)
        session.plan.finish(job, failed(job.spec, "its worker process died"))
        assert isinstance(session.plan.error, NoRoom)
        assert session.plan.next() == "done"
        filler.unlink()
        assert ("finished", str(job.key), job.number) not in watcher.events("finished")
        again = Session(*session.folder.load())
        assert str(again.run(1).trained[0].key) == str(job.key)


def test_a_full_cache_is_told_by_the_worker(tmp_path):
    """Its disk is another one, which the machine that plans may not even have."""
    session = Session(*small_search(tmp_path)).run(1)
    job = session.next_job()
    lacks = Room(folder="/elsewhere", bytes=3 * 2**30)
    session.plan.finish(job, failed(job.spec, "full").model_copy(update={"state": "waiting", "lacks": lacks}))
    assert str(session.plan.error).startswith("no room in /elsewhere: 3,072 MiB are needed")
    assert states(session) == ["running"]


def test_a_teacher_that_only_its_worker_sees_is_not_trained_for_ever(tmp_path):
    session = Session(*small_search(tmp_path)).run(1)
    shutil.rmtree(tmp_path / "baselines")
    job = session.next_job()
    assert str(job.key) == "baseline"
    session.plan.finish(job, session.study.baseline.result)
    assert "give --runs a folder that all machines share" in str(session.plan.error)
    assert session.plan.next() == "done"
    assert states(session) == ["running"]


TAKEN = [
    pytest.param(
        lambda disk: fill(disk).unlink, ["paused: no room in {disk}", "MiB are needed and", "there is room again"], id="full"
    ),
    pytest.param(
        freeze,
        ["paused: {disk}/run cannot be written any more (Read-only file system)", "the disk can be written again"],
        id="read-only",
    ),
]


@pytest.mark.parametrize(("take", "said"), TAKEN)
def test_it_goes_on_by_itself_when_the_disk_can_be_written_again(take, said, tmp_path, monkeypatch):
    monkeypatch.setattr(waiting, "_EVERY_S", 0.05)
    console = Console(record=True, width=200)
    with small_disk(tmp_path / "disk", 48) as disk:
        spec, place = small_search(disk)
        give_back = take(disk)
        sessions = []

        def session():
            sessions.append(True)
            return checked(Session(spec, place).run())

        def free():
            while not sessions:
                time.sleep(0.05)
            time.sleep(0.5)
            give_back()

        helper = threading.Thread(target=free)
        helper.start()
        done = with_patience(place, console, session)
        helper.join()
        assert len(sessions) == 2
        assert ended(done)
    printed = console.export_text()
    assert [part for part in said if part.format(disk=disk) not in printed] == [], printed
    assert "again: the search goes on" in printed


def checked(session):
    if session.plan.error is not None:
        raise session.plan.error
    return session


def test_the_waiting_can_be_interrupted(tmp_path, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)

    def session():
        raise NoRoom(tmp_path, 1)

    with pytest.raises(Interrupted, match=r"what is finished is kept. Go on with: fairtune resume"):
        with_patience(small_search(tmp_path)[1], Console(quiet=True), session)


def test_a_net_that_cannot_be_taken_home_stops_a_search_whose_retrainings_have_ended(tmp_path, monkeypatch):
    session = Session(*small_search(tmp_path, trials=1)).run(2)
    final = session.next_job()
    train(final, session.plan)
    again = Session(session.spec, session.place)

    def is_away(folder):
        raise SearchFault("the storage does not answer")

    with monkeypatch.context() as away:
        away.setattr("fairtune.training.folder.TrialFolder.take_home", is_away)
        assert again.plan.next() == "done"
    assert "the storage does not answer" in str(again.plan.error)
    assert not again.study.complete
    assert ended(Session(session.spec, session.place).run())
