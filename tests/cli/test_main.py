"""The command line. What starts Ray is in tests/search/test_ray.py."""

import json
import shlex
import socket
import subprocess
import sys
from importlib.metadata import version

import pytest
import ray
import typer.main
from typer.testing import CliRunner

from fairtune import plugins
from fairtune.cli.main import app
from fairtune.report import write_report
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.training.folder import TrialFolder
from tests.datasets.files import write_cifar10
from tests.search_helpers import Session, run_small, small_search
from tests.test_locks import HOLDER

pytestmark = pytest.mark.usefixtures("trained_once")


def leaves(group, path=""):
    """Every command that does something, by its words."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(leaves(typer.main.get_command(app)))


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def said(result):
    return result.stdout + result.stderr


def refused(*arguments):
    """What a command says that ends before it has begun."""
    result = call(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), said(result)
    assert "Traceback" not in result.stderr
    assert not ray.is_initialized()
    return result.stderr


@pytest.fixture
def closed_port():
    """A port on which nothing listens, kept so that nobody else can."""
    with socket.socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with its report, as a search leaves it."""
    session = run_small(tmp_path_factory.mktemp("finished"))
    write_report(session.spec, session.place, session.study)
    return session


class TestInUse:
    def test_a_run_that_another_process_runs_is_refused(self, finished):
        holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(finished.folder.lock)], stdout=subprocess.PIPE, text=True)
        try:
            assert holder.stdout.readline() == "held\n"
            text = refused("resume", finished.folder.path)
        finally:
            holder.kill()
            holder.communicate()
        assert text.startswith(f"fairtune: the run {finished.folder.path} is in use by process {holder.pid} on ")
        assert text.endswith(": wait until it has ended, or stop it there\n")


class TestPasswords:
    def test_a_server_that_does_not_answer_is_named_without_its_password(self, tmp_path, closed_port):
        uri = f"http://user:s3cret@127.0.0.1:{closed_port}"
        text = refused("search", "--runs", tmp_path, "--name", "run", "--tracking-uri", uri)
        assert text.startswith(f"fairtune: the MLflow server {uri.replace('s3cret', '***')} does not answer (")
        assert "s3cret" not in text
        assert not any(b"s3cret" in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())

    def test_one_that_was_not_kept_is_asked_for(self, tmp_path, monkeypatch):
        spec, place = small_search(tmp_path)
        place = place.model_copy(update={"tracking_uri": "postgresql://user:s3cret@127.0.0.1/db"})
        folder = Session(spec, place).folder
        assert not any(b"s3cret" in file.read_bytes() for file in folder.path.rglob("*") if file.is_file())
        text = refused("resume", folder.path)
        assert text.endswith(
            "FAIRTUNE_TRACKING_URI is not set: set it to the whole address of postgresql://user:***@127.0.0.1/db\n"
        )


class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "parts"),
        [
            ("--dataset digit", ["unknown dataset 'digit': did you mean 'digits'?"]),
            ("--method mdf", ["unknown method 'mdf': did you mean 'mmd' or 'mfd'"]),
            ("--method ss+hdk", ["unknown method 'hdk': did you mean 'hkd'"]),
            ("--model nlp", ["unknown model 'nlp': did you mean 'mlp' or "]),
            ("--select deo", ["unknown rule 'deo': did you mean 'deo_m'"]),
            ("--joint --sampler nsga", ["unknown sampler 'nsga': did you mean 'nsga3' or 'nsga2'?"]),
            ("--sampler cmaes", ["the sampler 'cmaes' takes one objective, and --select weighs 2", "as --select deo_m_alone"]),
            ("--sampler grid", ["mfd.weight is searched over 0.1..30 (log): give its values, as --set mfd.weight=0.1,"]),
            ("--scheduler non", ["unknown scheduler 'non': did you mean 'none'?"]),
            ("--precision fp64", ["unknown precision 'fp64': did you mean"]),
            ("--protocol fix", ["unknown protocol 'fix': did you mean 'fixed'?"]),
            ("--dataset cifar10s", ["CIFAR-10 file", "data_batch_1 is missing", "--download"]),
            ("--accuracy-floor 93", ["the accuracy floor '93' is outside 0 to 1: did you mean 0.93?"]),
            ("--accuracy-floor high", ["cannot read the accuracy floor 'high': give a number from 0 to 1, teacher with an offset"]),
            ("--set weight=3..1", ["--set weight=3..1: the range 3..1 (log) is empty"]),
            ("--set weight=,", ["--set weight=,: the list of options is empty"]),
            ("--set sigma=1..1000", ["1..1000 (log) is outside the legal domain 0.01..100 (log)"]),
            ("--set wight=3", ["--set wight=3: unknown setting 'wight': did you mean 'weight'"]),
            ("--method mfd+hkd --set weight=3", ["'weight' is ambiguous: write mfd.weight or hkd.weight"]),
            ("--set weight", ["cannot read --set 'weight': write KEY=VALUE, KEY=LOW..HIGH or KEY=A,B,C"]),
            ("--space absent.yaml", ["cannot read the search space absent.yaml: there is no such file"]),
            ("--set skew=1.0", ["no validation samples in 10 of 20 cells", "or a skew, with samples of both groups in each class"]),
            ("--set skew=2", ["--set skew=2: 2.0 is outside the legal domain 0..1"]),
            ("--batch-size 1000", ["a batch of 1000 cannot be filled from ", " training samples: lower --batch-size"]),
            ("--method ss --batch-size 400", ["balanced batches of 400 take 20 samples of each of 20 cells", "lower --batch-size"]),
            ("--name a/b", ["--name 'a/b': use letters, digits"]),
            ("--tracking-uri file:///tmp/mlruns", ["--tracking-uri 'file:///tmp/mlruns': give http://HOST:PORT"]),
            ("--gpus-per-trial 99", ["--gpus-per-trial 99: this machine has", "give 0 to train on the CPU"]),
            ("--cpus-per-trial 9999", ["--cpus-per-trial 9999: this machine has"]),
            ("--trials 0", ["--trials 0: give a number of at least 1"]),
            ("--time-budget soon", ["--time-budget soon: write seconds"]),
            ("--trial-timeout soon", ["--trial-timeout soon: write seconds"]),
            ("--train-fraction 0", ["--train-fraction 0: give a number above 0"]),
            ("--download", ["--download: the dataset digits cannot be fetched; comes with scikit-learn"]),
        ],
    )
    def test_a_search_is_refused_before_ray_starts(self, tmp_path, arguments, parts):
        text = refused("search", "--runs", tmp_path / "runs", "--data", tmp_path, *shlex.split(arguments))
        assert all(part in text for part in parts), text
        assert len(text.splitlines()) == 1
        assert not (tmp_path / "runs").exists()

    def test_a_file_with_another_checksum(self, tmp_path):
        write_cifar10(tmp_path)
        text = refused("search", "--dataset", "cifar10s", "--data", tmp_path, "--runs", tmp_path / "runs")
        assert "data_batch_1 is damaged (md5" in text
        assert "expected c99cafc152244af753f735de768cd75f" in text

    def test_a_folder_that_cannot_be_written(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        text = refused("search", "--runs", tmp_path / "file" / "runs", "--name", "run")
        assert text.startswith(f"fairtune: cannot write the folder {tmp_path / 'file' / 'runs' / 'run'}: ")

    def test_a_name_that_another_search_has(self, finished):
        text = refused("search", "--runs", finished.place.runs, "--name", "run", "--trials", 9)
        assert "the run 'run' exists with another specification" in text
        assert "choose another --name, or resume it" in text

    def test_a_server_that_does_not_answer(self, tmp_path, closed_port):
        uri = f"http://127.0.0.1:{closed_port}"
        assert f"the MLflow server {uri} does not answer" in refused("search", "--runs", tmp_path, "--tracking-uri", uri)

    def test_a_database_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").write_text("in the way")
        text = refused("search", "--runs", tmp_path, "--tracking-uri", f"sqlite:///{tmp_path}/file/mlflow.db")
        assert text.startswith(f"fairtune: cannot write the folder {tmp_path}/file: ")
        assert text.endswith("; choose another --tracking-uri\n")

    def test_every_fault_is_listed(self, tmp_path):
        names = ["--dataset", "digit", "--method", "mdf", "--sampler", "nsga", "--accuracy-floor", "93", "--time-budget", "soon"]
        text = refused("search", "--runs", tmp_path, *names, "--set", "weight", "--tracking-uri", "ftp://host")
        first, *faults = text.splitlines()
        assert first == "7 faults"
        assert all(fault.startswith("  - ") for fault in faults)
        assert len(faults) == 7

    def test_a_training_takes_no_range(self, tmp_path):
        text = refused("train", "--runs", tmp_path, "--set", "weight=1..3")
        assert text == "fairtune: --set mfd.weight=1..3 (log): train takes one value; search takes a range\n"

    @pytest.mark.parametrize("command", ["report", "resume", "ui"])
    def test_a_folder_that_is_no_run(self, tmp_path, command):
        text = refused(command, tmp_path / "absent")
        assert text.startswith(f"fairtune: {tmp_path / 'absent'} ")
        assert "runs/NAME" in text

    def test_a_pipeline_that_does_not_exist(self):
        assert "unknown pipeline 'digts': did you mean 'digits' or 'mi_digits'?" in refused("run", "digts")

    def test_a_run_that_has_not_begun_has_no_report(self, tmp_path):
        spec, place = small_search(tmp_path)
        folder = RunFolder.of(place)
        folder.save(spec, place)
        SearchStudy(folder.study, spec)
        assert "the search run has no baseline yet: go on with fairtune resume" in refused("report", folder.path)

    def test_a_run_that_cannot_go_on_here(self, tmp_path, closed_port):
        spec, place = small_search(tmp_path)
        folder = RunFolder.of(place)
        folder.save(spec, place.model_copy(update={"gpus_per_trial": 99, "tracking_uri": f"http://127.0.0.1:{closed_port}"}))
        SearchStudy(folder.study, spec)
        text = refused("resume", folder.path)
        assert text.startswith("2 faults\n  - --gpus-per-trial 99: this machine has")


class TestList:
    @pytest.mark.parametrize("kind", plugins.KINDS)
    def test_names_every_one(self, kind):
        result = call("list", f"{kind}s")
        assert result.exit_code == 0
        listed = [line.split()[0] for line in result.stdout.splitlines()[1:] if not line.startswith(" ")]
        assert listed == [line.name for line in plugins.listed(kind)]
        assert set(plugins.names(kind)) <= set(listed)

    def test_says_what_can_be_set(self):
        lines = call("list", "methods", "mfd").stdout.splitlines()
        assert "needs: the baseline's outputs, balanced batches" in lines
        assert any(line.split() == ["kernel", "rbf", "{rbf,", "poly}", "kernel", "of", "the", "MMD"] for line in lines)

    def test_says_whom_to_cite(self):
        text = call("list", "datasets", "cifar10s").stdout
        assert "licence: " in text
        assert "citation: " in text

    def test_names_every_score_and_says_all_about_one(self):
        from fairtune.metrics import SCORES

        lines = call("list", "scores").stdout.splitlines()[1:]
        assert [line.split()[:2] for line in lines if not line.startswith(" ")] == [[s.name, s.better] for s in SCORES.values()]
        told = call("list", "scores", "mutual_information").stdout
        assert "I(Z; a) in nats" in told
        assert "range: at least 0\ninterval: Student\nsource: probe" in told
        assert "maximum over classes" in call("list", "scores", "deo_m").stdout.lower()
        assert "unknown score 'deo': did you mean 'deo_" in refused("list", "scores", "deo")

    def test_knows_what_there_is_to_list(self):
        assert "unknown list 'method': did you mean 'methods'" in refused("list", "method")
        assert "unknown rule 'deo': did you mean 'deo_m'" in refused("list", "rules", "deo")


class TestHelp:
    def test_names_every_command(self):
        result = call("--help")
        assert result.exit_code == 0
        assert all(name.split()[0] in result.stdout for name in COMMANDS)

    @pytest.mark.parametrize("name", COMMANDS)
    def test_ends_in_commands_that_exist(self, name):
        text, _, examples = COMMANDS[name].help.partition("[bold]Example")
        assert text.strip()
        lines = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
        assert lines
        for line in lines:
            words, command = shlex.split(line), ["fairtune", *name.split()]
            assert words[: len(command)] == command
            COMMANDS[name].make_context(name, words[len(command) :])

    @pytest.mark.parametrize("name", COMMANDS)
    def test_can_be_asked_for(self, name):
        result = call(*name.split(), "--help")
        assert result.exit_code == 0
        assert f"fairtune {name}" in result.stdout

    def test_no_command_at_all_is_answered_with_help(self):
        assert "Usage" in said(call())


class TestData:
    def test_prepares_a_dataset(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path))
        result = call("data", "prepare", "digits")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"digits is ready: 1 MiB in {tmp_path}")

    def test_inspects_a_dataset(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        result = call("data", "inspect", "digits", "--set", "skew=0.9")
        assert result.exit_code == 0
        assert "mutual information" in result.stdout
        assert {path.name for path in (tmp_path / "digits-inspection").iterdir()} == {"inspection.html"}

    def test_names_the_faults(self, tmp_path, monkeypatch):
        monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
        assert "choose error or skip" in refused("data", "prepare", "digits", "--on-bad-image", "ignore")
        assert "data_batch_1 is missing" in refused("data", "inspect", "cifar10s", "--data", tmp_path)


class TestTrain:
    def test_trains_the_teacher_then_the_student(self, tmp_path):
        result = call("train", "--epochs", 2, "--runs", tmp_path, "--set", "weight=2")
        assert result.exit_code == 0, said(result)
        lines = result.stdout.splitlines()
        assert [line.split()[0] for line in lines] == ["teacher", "epoch", "epoch", "mfd", "epoch", "epoch", "weights"]
        assert lines[4].startswith("epoch 1/2  loss ")
        assert "  mfd " in lines[4]
        assert "  accuracy 0." in lines[4]
        folder = TrialFolder(tmp_path / "single" / lines[3].split()[1])
        assert str(folder.path) in lines[-1]
        assert folder.weights.is_file()
        trained = folder.read_result()
        assert (trained.state, trained.epochs, trained.spec.values["mfd.weight"], trained.test) == ("complete", 2, 2.0, None)

    def test_finds_the_teacher_of_an_earlier_training(self, tmp_path):
        call("train", "--epochs", 1, "--runs", tmp_path)
        again = call("train", "--epochs", 1, "--runs", tmp_path, "--method", "hkd")
        assert again.stdout.startswith("hkd ")

    def test_needs_no_teacher_for_some_methods(self, tmp_path):
        assert call("train", "--epochs", 1, "--runs", tmp_path, "--method", "ss").stdout.startswith("ss ")
        assert not (tmp_path / "baselines").exists()

    def test_a_training_that_diverges_ends_with_its_reason(self, tmp_path):
        result = call("train", "--epochs", 1, "--runs", tmp_path, "--set", "weight=1e39")
        assert result.exit_code == 2
        assert result.stderr.startswith("fairtune: the training failed: train.")
        assert result.stderr.endswith(" in epoch 1\n")


class TestReport:
    def test_writes_the_same_summary_again(self, finished):
        before = finished.folder.summary.read_bytes()
        finished.folder.summary.unlink()
        result = call("report", finished.folder.path)
        assert result.exit_code == 0, said(result)
        assert finished.folder.summary.read_bytes() == before
        assert f"chosen: trial {json.loads(before)['chosen']['number']}, mfd weight" in result.stdout
        assert str(finished.folder.page) in result.stdout

    def test_draws_every_figure_beside_the_page(self, finished):
        assert call("report", finished.folder.path).exit_code == 0
        kinds = {file.suffix for file in finished.folder.figures.iterdir()}
        assert kinds == {".png", ".svg", ".csv"}

    def test_prints_nothing_but_the_table_for_a_paper(self, finished):
        result = call("report", finished.folder.path, "--markdown")
        assert result.exit_code == 0, said(result)
        lines = result.stdout.splitlines()
        assert lines[2].startswith("| teacher | ")
        assert {line.count("|") for line in lines} == {lines[0].count("|")}
        assert "give one of them" in refused("report", finished.folder.path, "--markdown", "--latex")

    def test_tells_how_an_unfinished_search_stands(self, tmp_path):
        session = Session(*small_search(tmp_path)).run(2)
        result = call("report", session.folder.path)
        assert result.exit_code == 0
        assert json.loads(session.folder.summary.read_text())["complete"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "--version",
        "search --help",
        "list methods",
        "list datasets",
        "list scores",
        "search --trials 0",
        "search --dataset digit --set x",
    ],
)
def test_what_can_be_known_is_answered_without_the_large_libraries(arguments):
    script = f"""
import sys
from fairtune.cli.main import app
try:
    app({shlex.split(arguments)!r})
except SystemExit:
    print(sorted({{'torch', 'ray', 'mlflow', 'optuna', 'pandas', 'sklearn', 'scipy'}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_shows_every_default():
    text = " ".join(call("search", "--help").stdout.replace("│", " ").split())
    for default in (
        "digits",
        "20",
        "teacher-0.01",
        "deo_m",
        "$FAIRTUNE_DATA or data",
        "the dataset's",
        "no limit",
        "as many as fit",
    ):
        assert f"[default: {default}]" in text


def test_says_its_version():
    assert call("--version").stdout == f"fairtune {version('fairtune')}\n"
