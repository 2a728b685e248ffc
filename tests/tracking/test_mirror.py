"""The mirror in MLflow, read back with MLflow's own client."""

import contextlib
import json
import logging
import math
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fairtune.errors import FairtuneError, Interrupted
from fairtune.report import write_all, write_report
from fairtune.report.write import report_files
from fairtune.search import trainable
from fairtune.spec import Place, SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.study.record import Record
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary
from fairtune.tracking.creation import creation_of
from fairtune.tracking.mirror import Tracker
from fairtune.tracking.outcome import front_table
from fairtune.tracking.view import view_page
from fairtune.training.trial import failed
from tests.search_helpers import Session, Watcher, small_search, train
from tests.test_locks import HOLDER

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from mlflow import MlflowClient
    from mlflow.entities import Run as MlflowRun

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning:mlflow", "ignore::FutureWarning:mlflow"),
    pytest.mark.usefixtures("trained_once"),
]


def mirrored(spec: SearchSpec, place: Place) -> tuple[Session, Tracker]:
    """A session, and the tracker that watches it."""
    folder = RunFolder.of(place)
    folder.save(spec, place)
    study = SearchStudy(folder.study, spec)
    tracker = Tracker(spec, place, study)
    return Session(spec, place, [tracker], study), tracker


def finish(session: Session, tracker: Tracker) -> Summary:
    """What follows a search that has ended."""
    summary = write_report(session.spec, session.place, session.study)
    chosen = session.folder.chosen.path if summary.chosen else None
    tracker.finish(summary, report_files(session.folder), chosen)
    return summary


def whole(runs: Path, **options: object) -> SimpleNamespace:
    session, tracker = mirrored(*small_search(runs, **options))
    summary = finish(session.run(), tracker)
    return SimpleNamespace(session=session, tracker=tracker, summary=summary, **vars(look(session)))


def look(session: Session | SimpleNamespace) -> SimpleNamespace:
    """The search's run and its children by job, as MLflow has them."""
    client = MlflowClient(session.place.mlflow)
    parent = client.get_run(session.study.mirror.run_id)
    found = client.search_runs([parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    children = {run.data.tags["fairtune.job"]: run for run in found}
    assert len(children) == len(found), "a job has two runs"
    return SimpleNamespace(client=client, parent=parent, children=children)


def steps(seen: SimpleNamespace, key: str, metric: str = "val/accuracy") -> list[int]:
    return [point.step for point in seen.client.get_metric_history(seen.children[key].info.run_id, metric)]


def artifact(seen: SimpleNamespace, run: MlflowRun, name: str, folder: Path) -> Any:
    return json.loads(Path(seen.client.download_artifacts(run.info.run_id, name, str(folder))).read_text())


def artifacts(seen: SimpleNamespace, run: MlflowRun, path: str | None = None) -> set[str]:
    return {file.path for file in seen.client.list_artifacts(run.info.run_id, path)}


def logged_models(seen: SimpleNamespace) -> list[str]:
    """Names of the models that the run of the search has logged."""
    of_run = f"source_run_id = '{seen.parent.info.run_id}'"
    return [model.name for model in seen.client.search_logged_models([seen.parent.info.experiment_id], filter_string=of_run)]


def statuses(seen: SimpleNamespace) -> dict[str, str]:
    return {key: run.info.status for key, run in seen.children.items()}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with one database, because MLflow takes seconds to make one."""
    folder: Path = tmp_path_factory.mktemp("runs")
    return folder


@pytest.fixture(scope="module")
def search(runs):
    """A mirrored search with a trial that diverged."""
    file = runs / "points.yaml"
    file.write_text("{search: {weight: {low: 0.1, high: 1e40}}, points: [{weight: 1}, {weight: 1e39}, {weight: 2}]}")
    return whole(runs, name="search", space=str(file), epochs=3)


def test_a_dataset_is_an_experiment_and_a_search_a_run(search):
    assert search.client.get_experiment(search.parent.info.experiment_id).name == "digits"
    assert (search.parent.info.run_name, search.parent.info.status) == ("search", "FINISHED")
    assert search.parent.data.tags["fairtune.kind"] == "search"
    assert search.parent.data.params["trials"] == "3"
    assert search.parent.data.params["spaces/mfd/search/mfd.weight/high"] == "1e+40"


def test_every_training_is_a_finished_child(search):
    assert set(search.children) == set(search.session.keys)
    assert statuses(search) == {key: "FAILED" if key == "trial-1" else "FINISHED" for key in search.session.keys}
    for job in search.session.trained:
        tags = search.children[str(job.key)].data.tags
        assert (tags["fairtune.kind"], tags["fairtune.method"]) == (job.kind, job.spec.method)


def test_the_study_keeps_where_everything_is(search):
    kept = SearchStudy(search.session.folder.study, search.session.spec).mirror
    assert (kept.experiment_id, kept.run_id) == (search.parent.info.experiment_id, search.parent.info.run_id)
    assert {str(key): run_id for key, run_id in kept.children.items()} == {
        key: run.info.run_id for key, run in search.children.items()
    }


def test_a_child_has_its_settings(search):
    params = search.children["trial-2"].data.params
    assert (params["mfd.weight"], params["method"], params["epochs"]) == ("2.0", "mfd", "3")
    assert params["dataset/name"] == "digits"
    assert params["teacher"] == search.session.spec.baseline().id
    assert not [name for name in params if name.startswith("teacher/")]


def test_the_first_number_of_a_child_is_a_score(search):
    assert next(iter(search.children["trial-2"].data.metrics)) == "val/accuracy"


def test_a_child_is_called_by_its_method_and_setting(search):
    names = {key: run.info.run_name for key, run in search.children.items()}
    assert names["baseline"] == "baseline"
    assert names["trial-2"] == "trial 2: mfd, weight 2"
    chosen = search.session.study.choice.number
    weight = search.session.trials[chosen].params["mfd.weight"]
    assert names["final-chosen-1"] == f"chosen, seed 1: mfd, weight {weight:.4g}"
    assert names["final-baseline-1"] == "baseline, seed 1: scratch"


def test_the_data_are_a_dataset_of_every_run(search):
    for run in (search.parent, *search.children.values()):
        (given,) = run.inputs.dataset_inputs
        assert given.dataset.name == "digits"
        assert json.loads(given.dataset.profile)["skew"] == 0.8
    assert len({run.inputs.dataset_inputs[0].dataset.digest for run in search.children.values()}) == 1


def test_a_link_opens_the_trainings_with_the_columns_that_matter(search):
    tags = search.client.get_experiment(search.parent.info.experiment_id).tags
    page = view_page(search.session.study.mirror)
    state = json.loads(tags["mlflow.sharedViewState." + page.rpartition("viewStateShareKey=")[2]])
    found = search.client.search_runs([search.parent.info.experiment_id], state["searchFilter"])
    assert {run.info.run_id for run in found} == {run.info.run_id for run in search.children.values()}
    run = search.children["trial-0"]
    shown = [column.rstrip("`").split(".`") for column in state["selectedColumns"]]
    assert [name for _, name in shown] == ["accuracy", "deo_m", "deo_a", "feasible", "method", "mfd.weight"]
    assert all(name in (run.data.metrics if kind == "metrics" else run.data.params) for kind, name in shown)
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`deo_m`", True)


def test_figures_are_artifacts_of_the_run_of_the_search(runs):
    session, tracker = mirrored(*small_search(runs, name="drawn", epochs=1, trials=1, seed=8))
    session.run()
    summary = write_all(session.spec, session.place, session.study)
    tracker.finish(summary, report_files(session.folder), session.folder.chosen.path)
    seen = look(session)
    kept = artifacts(seen, seen.parent, "figures")
    assert kept == {f"figures/{file.name}" for file in session.folder.figures.iterdir()}
    assert any(name.endswith(".svg") for name in kept)


def test_every_epoch_is_written_once(search):
    for key in search.session.keys:
        if key != "trial-1":
            assert steps(search, key) == steps(search, key, "train/loss") == [1, 2, 3]


def test_a_child_has_its_scores_and_counts(search, tmp_path):
    result = search.session.study.result(0)
    metrics = search.children["trial-0"].data.metrics
    assert metrics["accuracy"] == pytest.approx(result.val["accuracy"])
    assert metrics["deo_m"] == pytest.approx(result.val["deo_m"])
    assert metrics["feasible"] == 1
    assert artifact(search, search.children["trial-0"], "counts.json", tmp_path) == {"validation": result.counts("val").to_json()}


def test_only_finals_have_test_scores(search, tmp_path):
    key, result = next(iter(search.session.study.finals.items()))
    child = search.children[str(key)]
    assert child.data.metrics["test/accuracy"] == pytest.approx(result.test["accuracy"])
    assert artifact(search, child, "counts.json", tmp_path)["test"] == result.counts("test").to_json()
    others = [run for name, run in search.children.items() if not name.startswith("final")]
    assert not any(name.startswith("test/") for run in others for name in run.data.metrics)


def test_a_failed_child_has_its_reason(search):
    assert search.children["trial-1"].data.tags["fairtune.error"] == search.session.trials[1].result.error


def test_the_run_of_the_search_has_its_outcome(search, tmp_path):
    metrics = search.parent.data.metrics
    assert metrics["hypervolume"] == pytest.approx(search.summary.hypervolume)
    assert metrics["floor"] == search.summary.floor
    assert metrics["chosen/test/deo_m"] == pytest.approx(search.summary.confirmed["chosen"].test["deo_m"].mean)
    files = {"summary.json", "report.html", "front.png", "trials.csv", "front.json"}
    assert artifacts(search, search.parent) - {"chosen"} == files
    assert logged_models(search) == ["chosen"]
    front = artifact(search, search.parent, "front.json", tmp_path)
    assert sorted(row[0] for row in front["data"]) == sorted(search.summary.front)
    assert {"accuracy", "deo_m", "sigma_iou"} < set(front["columns"])
    note = search.parent.data.tags["mlflow.note.content"].splitlines()
    assert note[0] == f"{search.summary.outcome[0].upper()}{search.summary.outcome[1:]}."
    assert note[4:6] == ["| confirmed on test | accuracy | DEO_M |", "|---|---|---|"]
    assert {line.count("|") for line in note[4:]} == {4}


def test_a_score_that_is_not_defined_is_empty_in_the_front(search):
    summary = search.summary.model_copy(deep=True)
    summary.trials[summary.front[0]].val["deo_a"] = math.nan
    table = front_table(summary)
    assert [score is None for score in table["deo_a"]] == [number == summary.front[0] for number in table["trial"]]


def test_finishing_again_writes_nothing_twice(search, tmp_path):
    again, tracker = mirrored(search.session.spec, search.session.place)
    finish(again.run(), tracker)
    seen = look(again)
    assert again.keys == []
    assert statuses(seen) == statuses(search)
    assert seen.parent.info.status == "FINISHED"
    assert steps(seen, "trial-0") == [1, 2, 3]
    assert len(seen.client.get_metric_history(seen.parent.info.run_id, "hypervolume")) == 1
    assert artifact(seen, seen.parent, "front.json", tmp_path) == artifact(search, search.parent, "front.json", tmp_path)


def test_a_baseline_found_is_mirrored_too(search, runs):
    other = whole(runs, name="other", method="ss", epochs=3)
    assert "baseline" not in other.session.keys
    assert other.children["baseline"].info.status == "FINISHED"
    assert steps(other, "baseline") == [1, 2, 3]


def test_after_a_kill_the_same_runs_go_on(runs, monkeypatch):
    monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
    spec, place = small_search(runs, name="killed", epochs=3, seed=1)
    first, _ = mirrored(spec, place)
    cut_after_an_epoch(first.run(2))
    before = look(first)
    assert (before.parent.info.status, before.children["trial-1"].info.status) == ("RUNNING", "RUNNING")
    assert steps(before, "trial-1") == [1]
    second, tracker = mirrored(spec, place)
    assert statuses(look(second))["trial-1"] == "KILLED", "until it is gone on with"
    finish(second.run(), tracker)
    after = look(second)
    assert after.parent.info.run_id == before.parent.info.run_id
    assert after.children["trial-1"].info.run_id == before.children["trial-1"].info.run_id
    assert set(statuses(after).values()) == {"FINISHED"}
    assert all(steps(after, key) == [1, 2, 3] for key in after.children)


def cut_after_an_epoch(session: Session) -> None:
    """A trial that has reported one epoch when the process is killed."""
    job = session.next_job()

    class Killed(Exception):
        pass

    class Killer(Watcher):
        def job_progressed(self, job: Job, result: TrialResult) -> None:
            raise Killed

    session.plan.observers = [*session.plan.observers, Killer()]
    with pytest.raises(Killed):
        train(job, session.plan)


@pytest.mark.parametrize(("error", "status"), [(Interrupted("stopped"), "KILLED"), (FairtuneError("no trial completed"), "FAILED")])
def test_nothing_stays_running_when_a_search_is_cut_short(runs, error, status):
    spec, place = small_search(runs, name=f"cut-{status}", method="ss,hkd", epochs=1)
    session, tracker = mirrored(spec, place)
    with contextlib.suppress(type(error)), tracker:
        train_until_told(session, "trial-0")
        session.plan.next()
        raise error
    seen = look(session)
    assert seen.parent.info.status == status
    assert statuses(seen) == {"baseline": "FINISHED", "trial-0": "FINISHED", "trial-1": "KILLED"}
    again, tracker = mirrored(spec, place)
    assert look(again).parent.info.status == "RUNNING"
    finish(again.run(), tracker)
    assert {look(again).parent.info.status, *statuses(look(again)).values()} == {"FINISHED"}


def train_until_told(session: Session, key: str) -> None:
    while key not in session.keys:
        session.run(1)


JOBS = {"baseline": 1, "teacher": 2, "trial-0": 3, "final-baseline-4": 5, "final-chosen-4": 6}
"""How many jobs have ended when a job of each kind has."""


def started(spec: SearchSpec, place: Place) -> Session:
    """A new session of a search that is at once stopped again, as by Ctrl-C while Ray starts."""
    session, tracker = mirrored(spec, place)
    with contextlib.suppress(Interrupted), tracker:
        raise Interrupted("stopped")
    return session


def test_a_job_that_has_ended_never_changes_its_status(runs):
    options = {"name": "often-stopped", "epochs": 1, "trials": 2, "teacher_set": ["skew=0.5"], "seed": 3}
    spec, place = small_search(runs, **options)
    expected: dict[str, str] = {}
    for key, jobs in JOBS.items():
        session, tracker = mirrored(spec, place)
        with contextlib.suppress(Interrupted), tracker:
            session.run(jobs - len(expected))
            session.plan.next()
            raise Interrupted("stopped")
        expected |= dict.fromkeys(session.keys, "FINISHED")
        assert key in expected
        started(spec, place)
        again = started(spec, place)
        statuses_now = statuses(look(again))
        assert {name: statuses_now[name] for name in expected} == expected
        assert {status for name, status in statuses_now.items() if name not in expected} <= {"KILLED"}
        assert look(again).parent.info.status == "KILLED"
    session, tracker = mirrored(spec, place)
    finish(session.run(), tracker)
    done = look(session)
    assert {done.parent.info.status, *statuses(done).values()} == {"FINISHED"}
    after = look(started(spec, place))
    assert (after.parent.info.status, statuses(after)) == ("FINISHED", statuses(done))
    assert after.parent.info.end_time == done.parent.info.end_time


def test_a_trial_that_waits_is_killed_and_runs_again_when_it_is_taken_up(runs):
    """Trial 1 waits at epoch 1 and then at epoch 2, trial 2 to the end."""
    waits = {"scheduler": "tests.schedulers.outside:WaitsForOthers", "epochs": 3, "trials": 4, "sampler": "random"}
    spec, place = small_search(runs, name="waits", set=["weight=1,2,3,4"], **waits)
    session, tracker = mirrored(spec, place)
    with contextlib.suppress(Interrupted), tracker:
        while "trial-2" not in session.keys:  # whether or not another search has trained the baseline
            session.run(1)
        waiting = look(session)
        raise Interrupted("stopped")
    assert statuses(waiting) == {"baseline": "FINISHED", "trial-0": "FINISHED", "trial-1": "KILLED", "trial-2": "KILLED"}
    assert waiting.children["trial-1"].data.tags["fairtune.stopped"].endswith(" at epoch 1")
    session, tracker = mirrored(spec, place)
    assert session.next_job().key == JobKey.trial(1)
    assert statuses(look(session)) == statuses(waiting) | {"trial-1": "RUNNING"}
    session, tracker = mirrored(spec, place)
    finish(session.run(), tracker)
    done = look(session)
    assert {name: status for name, status in statuses(done).items() if status != "FINISHED"} == {"trial-2": "KILLED"}
    assert steps(done, "trial-1") == [1, 2, 3]
    assert not done.children["trial-1"].data.tags["fairtune.stopped"].startswith("by ")


def test_a_trial_that_is_taken_up_while_nothing_can_be_written_ends_with_its_outcome(runs):
    waits = {"scheduler": "tests.schedulers.outside:WaitsForOthers", "epochs": 3, "trials": 4, "sampler": "random"}
    spec, place = small_search(runs, name="waits-unseen", set=["weight=1,2,3,4"], **waits)
    session, tracker = mirrored(spec, place)
    while "trial-2" not in session.keys:  # whether or not another search has trained the baseline
        session.run(1)
    assert statuses(look(session))["trial-1"] == "KILLED"
    tracker._store._try_again_at = math.inf
    finish(session.run(), tracker)
    done = look(session)
    assert {name: status for name, status in statuses(done).items() if status != "FINISHED"} == {"trial-2": "KILLED"}
    assert steps(done, "trial-1") == [1, 2, 3]


def test_further_seeds_and_folds_are_children_too(runs):
    options = {"name": "seeds", "method": "reweight", "trials": 1, "seeds_per_trial": 2, "validation_folds": 2}
    session, _ = mirrored(*small_search(runs, **options))
    session.run(4)
    found = statuses(look(session))
    assert [found[key] for key in ("trial-0", "fold-1", "repeat-0-1")] == ["FINISHED"] * 3


@pytest.mark.parametrize("key", ["teacher", "trial-0"])
def test_a_job_that_ended_as_the_process_was_killed_is_not_called_killed(runs, key):
    """What has ended is in the study, but MLflow was not told any more."""
    spec, place = small_search(runs, name=f"lost-{key}", epochs=1, trials=2, teacher_set=["skew=0.6"], seed=4)
    session, tracker = mirrored(spec, place)
    told = tracker.job_finished

    def unless_killed(job: Job, result: TrialResult, record: Record | None) -> None:
        if str(job.key) != key:
            told(job, result, record)

    vars(tracker)["job_finished"] = unless_killed
    while key not in session.keys:
        session.run(1)
    assert statuses(look(session))[key] == "RUNNING"
    assert statuses(look(mirrored(spec, place)[0]))[key] == "FINISHED"
    assert statuses(look(started(spec, place)))[key] == "FINISHED"


def test_a_teacher_found_is_mirrored_too(runs):
    """Another search has trained it."""
    options = {"epochs": 1, "trials": 1, "teacher_set": ["skew=0.7"], "seed": 5}
    first, other = (whole(runs, name=f"taught-{name}", **options) for name in ("first", "other"))
    assert "teacher" in first.session.keys
    assert "teacher" not in other.session.keys
    assert other.children["teacher"].info.status == "FINISHED"


def test_scores_that_are_not_defined_are_left_out(runs, tmp_path):
    session, tracker = mirrored(*small_search(runs, name="undefined", epochs=1, trials=1, seed=6))
    train_until_told(session, "trial-0")
    while isinstance(job := session.plan.next(), Job):
        session.plan.finish(job, failed(job.spec, "out of memory"))
    finish(session, tracker)
    seen = look(session)
    assert seen.parent.info.status == "FINISHED"
    assert not any("/test/" in name for name in seen.parent.data.metrics)
    table = [line for line in seen.parent.data.tags["mlflow.note.content"].splitlines() if line.startswith("|")]
    assert {line.count("|") for line in table} == {4}
    assert table[2] == "| baseline | - | - |"


def test_a_run_that_was_deleted_is_mirrored_anew(runs):
    spec, place = small_search(runs, name="deleted", epochs=1, trials=1)
    first, _ = mirrored(spec, place)
    train_until_told(first, "trial-0")
    old = look(first)
    old.client.delete_run(old.parent.info.run_id)
    second, tracker = mirrored(spec, place)
    finish(second.run(), tracker)
    new = look(second)
    assert new.parent.info.run_id != old.parent.info.run_id
    assert set(new.children) == {"baseline", "trial-0", *map(str, second.study.finals)}
    assert second.study.mirror.children == {JobKey.parse(key): run.info.run_id for key, run in new.children.items()}


def test_a_mirror_that_fails_does_not_stop_the_search(runs, caplog):
    spec, place = small_search(runs, name="broken", epochs=1, trials=1)
    session, tracker = mirrored(spec, place)
    database = runs / "mlflow.db"
    with caplog.at_level(logging.WARNING, logger="fairtune.tracking.store"):
        with broken(database):
            session.run()
        finish(session, tracker)
    assert session.plan.complete
    (warning,) = [record for record in caplog.records if record.name == "fairtune.tracking.store"]
    assert warning.getMessage().startswith(f"MLflow at {place.mlflow} does not take the search's records")
    assert set(look(session).children) == {"baseline", "trial-0", *map(str, session.study.finals)}
    assert all(steps(look(session), key) == [1] for key in session.keys)


def test_a_mirror_that_fails_to_the_end_has_everything_after_a_resume(runs, caplog):
    spec, place = small_search(runs, name="away", epochs=1, trials=1)
    session, tracker = mirrored(spec, place)
    with broken(runs / "mlflow.db"):
        finish(session.run(), tracker)
    assert caplog.messages[-1] == f"MLflow lacks records of the search: fairtune resume {session.folder.path} writes them"
    again, tracker = mirrored(spec, place)
    finish(again.run(), tracker)
    keys = ["trial-0", *map(str, again.study.finals)]
    assert statuses(look(again)) == dict.fromkeys(["baseline", *keys], "FINISHED")
    assert all(steps(look(again), key) == [1] for key in keys)
    assert look(again).parent.info.status == "FINISHED"


def test_a_database_that_another_process_makes_is_waited_for(runs, search, caplog):
    spec, place = small_search(runs, name="beside")
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(creation_of(place).file)], stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()

    def release() -> None:
        wait_for(caplog)
        holder.kill()

    threading.Thread(target=release, daemon=True).start()
    mirrored(spec, place)
    holder.communicate()
    (line,) = [record.getMessage() for record in caplog.records if record.name == "fairtune.locks"]
    assert line.startswith(f"waiting for MLflow's database, in use by process {holder.pid} on ")


def wait_for(caplog: pytest.LogCaptureFixture) -> None:
    while "fairtune.locks" not in {record.name for record in caplog.records}:
        time.sleep(0.05)


@pytest.mark.slow
def test_searches_that_begin_together_make_one_database(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tests.search_helpers import small_search\n"
        "from tests.tracking.test_mirror import mirrored; mirrored(*small_search(Path(sys.argv[1]), name=sys.argv[2]))"
    )
    commands = [[sys.executable, "-c", code, str(tmp_path), f"run-{n}"] for n in range(3)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for command in commands]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 3, outputs
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert len(client.search_runs([client.get_experiment_by_name("digits").experiment_id])) == 3


@contextlib.contextmanager
def broken(database: Path) -> Iterator[None]:
    """MLflow's database without its table of runs."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("ALTER TABLE runs RENAME TO mislaid")
        yield
        connection.execute("ALTER TABLE mislaid RENAME TO runs")


class Server:
    """A real MLflow server on loopback, which can be stopped and started again.

    Args:
        folder: of its database and its artifacts.
    """

    def __init__(self, folder):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self):
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", str(self.folder / "artifacts")]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        while not answers(self.uri):
            assert self.process.poll() is None, "the MLflow server ended"
            time.sleep(0.2)

    def stop(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("server"))
    started.start()
    try:
        yield started
    finally:
        started.stop()


def answers(uri: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=2):
        return True
    return False


@pytest.mark.slow
def test_a_server_mirrors_as_a_database_does(server, tmp_path):
    uri = server.uri.replace("://", "://user:s3cret@")
    search = whole(tmp_path, tracking_uri=uri, trials=2)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"s3cret" in path.read_bytes()]
    runs = [search.parent, *search.children.values()]
    assert not [run for run in runs if "s3cret" in str(run.to_dictionary())]
    assert search.parent.info.status == "FINISHED"
    assert statuses(search) == dict.fromkeys(search.session.keys, "FINISHED")
    assert all(steps(search, key) == [1, 2] for key in search.session.keys)
    result = search.session.study.result(0)
    assert artifact(search, search.children["trial-0"], "counts.json", tmp_path) == {"validation": result.counts("val").to_json()}
    assert logged_models(search) == ["chosen"]
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.slow
def test_a_server_that_is_away_for_a_while_has_everything_in_the_end(server, tmp_path, caplog):
    session, tracker = mirrored(*small_search(tmp_path, tracking_uri=server.uri, trials=3))
    session.run(2)
    server.stop()
    try:
        session.run(2)
    finally:
        server.start()
    finish(session.run(), tracker)
    seen = look(session)
    assert seen.parent.info.status == "FINISHED"
    assert statuses(seen) == dict.fromkeys(session.keys, "FINISHED")
    assert all(steps(seen, key) == [1, 2] for key in session.keys)
    (line,) = caplog.messages
    assert line.startswith(f"MLflow at {server.uri} does not take the search's records: ")
    assert line.count("\n") == 0
