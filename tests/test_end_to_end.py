import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from mlflow import MlflowClient

from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.search_helpers import run_small
from tests.sockets import descendants, running, words

pytestmark = pytest.mark.ray


def fairtune(*arguments, **options):
    command = [str(Path(sys.executable).with_name("fairtune")), *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def search(runs, *more, **options):
    return fairtune("search", "--runs", runs, "--name", "run", "--trials", 3, "--final-seeds", 1, *more, **options)


def mlflow_runs(runs):
    client = MlflowClient(f"sqlite:///{runs}/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    return client, {
        run.data.tags.get("fairtune.job", run.info.run_name): run for run in client.search_runs([experiment.experiment_id])
    }


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    runs = tmp_path_factory.mktemp("runs")
    process = search(runs, "--epochs", 4, "--accuracy-floor", "teacher-0.5")
    output, _ = process.communicate(timeout=300)
    assert process.returncode in (0, 3), output
    return runs, output


def test_the_summary_follows_its_schema(finished):
    summary = json.loads((finished[0] / "run" / "summary.json").read_text())
    assert summary["schema"] == "fairtune-summary/2"
    assert summary["complete"]
    assert [trial["number"] for trial in summary["trials"]] == [0, 1, 2]
    assert {trial["state"] for trial in summary["trials"]} == {"complete"}
    for trial in summary["trials"]:
        assert trial["feasible"] == (trial["val"]["accuracy"] >= summary["floor"])
    assert summary["floor"] == pytest.approx(summary["baseline"]["val"]["accuracy"] - 0.5)
    assert set(summary["confirmed"]["baseline"]["test"]["deo_m"]) == {"mean", "std", "low", "high", "values", "estimate"}
    assert len(summary["test_opened"]) == 1


def test_a_log_file_gets_one_line_for_each_trial(finished):
    lines = [line for line in finished[1].splitlines() if line.startswith("trial ") and "/3" in line]
    assert len(lines) == 3


def test_mlflow_mirrors_every_training_once(finished):
    client, found = mlflow_runs(finished[0])
    assert {"run", "baseline", "trial-0", "trial-1", "trial-2", "final-baseline-1"} <= set(found)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    steps = Counter(metric.step for metric in client.get_metric_history(found["trial-0"].info.run_id, "val/accuracy"))
    assert steps == {1: 1, 2: 1, 3: 1, 4: 1}
    artifacts = {artifact.path for artifact in client.list_artifacts(found["run"].info.run_id)}
    assert {"front.png", "front.json", "summary.json", "report.html"} <= artifacts


def test_a_second_search_finds_the_baseline(finished):
    runs, _ = finished
    process = fairtune(
        "search", "--runs", runs, "--name", "again", "--trials", 1, "--final-seeds", 1, "--epochs", 4, "--method", "ss"
    )
    output, _ = process.communicate(timeout=300)
    assert process.returncode in (0, 3), output
    assert "trained earlier" in output
    assert len(list((runs / "baselines").glob("*/trial.json"))) == 1


def eventually(look, seconds=120):
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def ended_in_good_order(process, runs):
    """It said so and nothing else, and left neither a process nor an open run."""
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    *_, stopping, ended = output.splitlines()
    assert (stopping, ended) == (
        "stopping: keeping the trainings under way ...",
        f"fairtune: stopped; what is finished is kept. Go on with: fairtune resume {runs / 'run'}",
    )
    eventually(lambda: not [pid for pid in running() if process.pid in (session_of(pid), pid)], 20)
    assert {run.info.status for run in mlflow_runs(runs)[1].values()} <= {"KILLED", "FINISHED"}


def session_of(pid):
    with contextlib.suppress(ProcessLookupError):
        return os.getsid(pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_search_goes_on_without_loss_or_repetition(tmp_path, number):
    process = search(
        tmp_path, "--epochs", 150, "--precision", "fp32", "--gpus-per-trial", 0, "--max-concurrent", 1, start_new_session=True
    )
    eventually(lambda: list((tmp_path / "baselines").glob("*/trial.json")))
    time.sleep(6)
    if number == signal.SIGTERM:
        os.killpg(process.pid, number)  # as timeout and batch systems do
        ended_in_good_order(process, tmp_path)
        assert SearchStudy(tmp_path / "run" / "study.db", RunFolder(tmp_path / "run").load()[0]).noted_s > 5
    else:
        process.send_signal(number)
        process.communicate(timeout=120)

    resumed = fairtune("resume", tmp_path / "run")
    output, _ = resumed.communicate(timeout=300)
    assert resumed.returncode in (0, 3), output
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert [(trial["number"], trial["state"], trial["epochs"]) for trial in summary["trials"]] == [
        (n, "complete", 150) for n in range(3)
    ]
    undisturbed = run_small(tmp_path / "undisturbed", epochs=150, accuracy_floor="teacher-0.01")
    assert [trial["val"] for trial in summary["trials"]] == [record.result.val for record in undisturbed.trials]
    assert (summary["chosen"] or {}).get("number") == undisturbed.study.choice.number
    client, found = mlflow_runs(tmp_path)
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    for key in ("trial-0", "trial-1", "trial-2"):
        steps = Counter(metric.step for metric in client.get_metric_history(found[key].info.run_id, "val/accuracy"))
        assert steps == dict.fromkeys(range(1, 151), 1)


def test_a_search_that_is_hung_up_on_while_ray_starts(tmp_path):
    process = search(tmp_path, start_new_session=True)
    eventually(lambda: any("gcs_server" in words(pid, "cmdline")[0] for pid in descendants(process.pid)))
    process.send_signal(signal.SIGHUP)
    ended_in_good_order(process, tmp_path)


@pytest.mark.parametrize("program", ["raylet", "gcs_server"])
def test_a_search_whose_ray_dies_ends_with_a_sentence(tmp_path, program):
    process = search(tmp_path, "--epochs", 100000, start_new_session=True)
    eventually(lambda: list((tmp_path / "baselines").glob("*/checkpoint.pt")))
    (victim,) = [pid for pid in descendants(process.pid) if words(pid, "cmdline")[0].endswith(f"/{program}")]
    os.kill(victim, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 2, output
    assert f"Ray's {program} died: ending the search\n" in output
    resume = f"what is finished is kept. Go on with: fairtune resume {tmp_path / 'run'}\n"
    assert output.endswith(f"fairtune: Ray's {program} died on this machine, perhaps for lack of memory; {resume}")
