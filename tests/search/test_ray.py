"""A search on a real Ray cluster of which one trial diverges and one loses its worker."""

import contextlib
import itertools
import logging
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray

from fairtune.report import write_report
from fairtune.report.write import report_files
from fairtune.search.run import run_search
from fairtune.search.sight import look
from fairtune.search.watch import Retries
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.tracking.mirror import Tracker
from tests.search_helpers import Watcher, small_search
from tests.tracking.test_mirror import artifact, artifacts, logged_models, statuses, steps
from tests.tracking.test_mirror import look as look_at_mlflow

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="finds Ray's processes in /proc"),
    pytest.mark.filterwarnings("ignore::ResourceWarning:ray", "ignore::DeprecationWarning:ray", "ignore::FutureWarning:ray"),
]
EPOCHS = 300
"""Long enough for a trial to be caught half way."""


@pytest.fixture(scope="module", autouse=True)
def ray_tmpdir(tmp_path_factory):
    """A home and a folder of Ray's own; whatever Ray leaves running there is ended."""
    folder = tempfile.mkdtemp(prefix="ft")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RAY_TMPDIR", folder)
        yield folder
    ray.shutdown()
    for process in processes_of(folder):
        os.kill(process, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(folder):
    """Ray's processes, and those of commands started here."""
    return [pid for pid in running() if pid != os.getpid() and f"RAY_TMPDIR={folder}" in words(pid, "environ")]


def gone(folder):
    """Wait until Ray has ended; its agents outlive it by seconds."""
    deadline = time.monotonic() + 60
    while (left := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


def running():
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def words(pid, file):
    """The command line or the environment of a process; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{file}").read_text(errors="replace").split("\0")
    return []


class Killer(Watcher):
    """Kills the workers when the last trial begins, and when the first has got further, more often than it may die in vain."""

    killed = 0
    left = Retries.IN_VAIN + 1
    reached = 0
    killed_idle = 0

    def job_started(self, job):
        super().job_started(job)
        if job.number == 2 and not self.killed_idle:  # a worker that has ended a trial is about to be given this one
            self.killed_idle = kill_workers()

    def job_progressed(self, job, result):
        super().job_progressed(job, result)
        if self.left and (job.kind, job.number) == ("trial", 0) and result.state == "running" and result.epochs > self.reached:
            self.killed += kill_workers()
            self.reached, self.left = result.epochs, self.left - 1


def kill_workers():
    """Kill every worker; how many there were."""
    workers = [pid for pid in processes_of(os.environ["RAY_TMPDIR"]) if "Trainable" in "".join(words(pid, "cmdline"))]
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    return len(workers)


class Ear(logging.Handler):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.messages = []

    def emit(self, record):
        self.messages.append(record.getMessage())


@pytest.fixture(scope="module")
def search(tmp_path_factory):
    """A search of which one trial diverges and one loses its worker."""
    runs = tmp_path_factory.mktemp("runs")
    file = runs / "points.yaml"
    file.write_text("{search: {weight: {low: 0.1, high: 1e40}}, points: [{weight: 1}, {weight: 1e39}, {weight: 2}]}")
    spec, place = small_search(runs, epochs=EPOCHS, space=str(file), max_concurrent=2)
    folder = RunFolder.of(place)
    folder.save(spec, place)
    study, killer, ear = SearchStudy(folder.study, spec), Killer(), Ear()
    loggers = [logging.getLogger(name) for name in ("ray", "fairtune")]
    for logger in loggers:
        logger.addHandler(ear)
    with Tracker(spec, place, study) as tracker:
        run_search(spec, place, study, [tracker, killer])
        summary = write_report(spec, place, study)
        tracker.finish(summary, report_files(folder), folder.chosen.path)
    for logger in loggers:
        logger.removeHandler(ear)
    session = SimpleNamespace(spec=spec, place=place, study=study)
    told = SimpleNamespace(folder=folder, killer=killer, summary=summary, messages=ear.messages)
    return SimpleNamespace(session=session, **vars(told), **vars(look_at_mlflow(session)))


def test_the_search_is_complete_and_ray_is_gone(search, ray_tmpdir):
    assert search.summary.complete
    assert not ray.is_initialized()
    assert not search.folder.scratch.exists()
    gone(ray_tmpdir)


def test_a_trial_whose_worker_was_killed_ends_all_the_same(search):
    assert search.killer.killed > 0
    assert search.killer.killed_idle > 0
    assert [line for line in search.messages if "ran out of memory" in line or "did not complete" in line] == []
    assert [trial.epochs for trial in search.summary.trials if trial.state == "complete"] == [EPOCHS] * 2


def test_a_diverging_trial_fails_while_the_others_go_on(search):
    assert [trial.state for trial in search.summary.trials] == ["complete", "failed", "complete"]
    assert search.summary.trials[1].error.endswith(" in epoch 1")


def test_the_baseline_comes_first_and_the_finals_last(search):
    started = list(dict.fromkeys(key for _, key in search.killer.events("started")))
    assert started[:4] == ["baseline", "trial-0", "trial-1", "trial-2"]
    assert set(started[4:]) == set(map(str, search.session.study.finals))


def test_only_the_finals_saw_the_test_split(search):
    assert all(search.session.study.result(record.number).test is None for record in search.session.study.records())
    assert all(result.test for result in search.session.study.finals.values())
    assert len(search.summary.test_opened) == 1


def test_the_net_that_was_tested_on_the_first_seed_is_kept(search):
    assert search.folder.chosen.has_weights()
    assert search.folder.chosen.read_result() == search.session.study.finals[search.summary.handed.job]
    assert search.summary.handed.seed == search.summary.confirmed["chosen"].seeds[0]
    assert not any(search.folder.path.rglob("checkpoint.pt"))


def test_mlflow_has_one_experiment_and_a_run_for_each_training(search):
    assert [found.name for found in search.client.search_experiments()] == ["digits", "Default"]
    assert search.parent.info.status == "FINISHED"
    keys = {"baseline", "trial-0", "trial-1", "trial-2", *map(str, search.session.study.finals)}
    assert statuses(search) == {key: "FAILED" if key == "trial-1" else "FINISHED" for key in keys}
    assert all(run.data.params["epochs"] == str(EPOCHS) for run in search.children.values())


def test_mlflow_has_every_epoch_once(search):
    for key in search.children:
        if key != "trial-1":
            assert steps(search, key) == list(range(1, EPOCHS + 1))


def test_mlflow_has_counts_front_figure_and_the_chosen_model(search, tmp_path):
    result = search.session.study.result(0)
    assert artifact(search, search.children["trial-0"], "counts.json", tmp_path) == {"validation": result.counts("val").to_json()}
    assert {"front.png", "front.json", "summary.json", "report.html"} <= artifacts(search, search.parent)
    assert logged_models(search) == ["chosen"]


def test_memory_set_aside_holds_trials_back_that_would_fit_by_their_processors(tmp_path):
    """Two trials with more than half of the machine's memory each, where two processors and ``--max-concurrent`` let both run."""
    options = {"epochs": 100, "trials": 2, "max_concurrent": 2, "cpus_per_trial": 0.5}
    memory = 0.6 * look(small_search(tmp_path, memory_per_trial=0, **options)[1]).memory_gib
    spec, place = small_search(tmp_path, memory_per_trial=memory, **options)
    RunFolder.of(place).save(spec, place)
    watcher = Watcher()
    run_search(spec, place, SearchStudy(RunFolder.of(place).study, spec), [watcher])
    seen = [key for _, key, _ in watcher.events("progressed") if key.startswith("trial-")]
    assert all(seen.count(key) > 1 for key in seen)
    assert sorted(key for key, _ in itertools.groupby(seen)) == ["trial-0", "trial-1"], seen
