"""The files under docs/cluster/, as far as they can be checked without Kubernetes and Slurm."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import typer.core
import typer.main
import yaml

from fairtune.cli.main import app
from fairtune.request.options import Request

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "cluster"
JOB = yaml.safe_load((FOLDER / "rayjob.yaml").read_text())
CLUSTER = JOB["spec"]["rayClusterSpec"]
PODS = [CLUSTER["headGroupSpec"]["template"]["spec"], *(group["template"]["spec"] for group in CLUSTER["workerGroupSpecs"])]
SCRIPT = (FOLDER / "slurm.sh").read_text()


def options_of(words):
    """What a command line gives to `fairtune search`, read as the command itself reads it."""
    assert words[:2] == ["fairtune", "search"]
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    given = group.commands["search"].make_context("search", list(words[2:])).params
    return {name: value for name, value in given.items() if value not in (None, [], False)}


def test_the_job_s_command_is_one_that_fairtune_takes():
    given = options_of(shlex.split(JOB["spec"]["entrypoint"]))
    given.pop("request", None)
    assert Request.read(given).address == "auto"


def test_the_job_runs_the_ray_that_is_pinned():
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)[1]
    assert CLUSTER["rayVersion"] == pinned


def test_the_job_asks_for_a_token_and_its_head_for_no_trial():
    assert CLUSTER["authOptions"] == {"mode": "token"}
    assert CLUSTER["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert all("nvidia.com/gpu" in str(pod["containers"]) for pod in PODS[1:])
    assert "nvidia.com/gpu" not in str(PODS[0]["containers"])


@pytest.mark.parametrize("pod", PODS, ids=["head", "worker"])
def test_no_pod_runs_as_root_or_holds_a_secret(pod):
    assert pod["securityContext"]["runAsNonRoot"]
    (container,) = pod["containers"]
    assert {entry["name"] for entry in container["env"] if "value" in entry} == {
        "FAIRTUNE_CACHE",
        "RAY_health_check_period_ms",
        "RAY_health_check_timeout_ms",
    }
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_the_volume_is_the_one_that_the_pods_mount():
    claim = yaml.safe_load((FOLDER / "storage.yaml").read_text())
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    assert all(pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"] for pod in PODS)


def test_the_image_installs_the_wheel_that_make_builds():
    text = (FOLDER / "Dockerfile").read_text()
    assert "--constraint /tmp/dist/constraints.txt" in text
    extras = re.search(r"\.whl\)\[([a-z,]+)\]", text)[1].split(",")
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras)


def test_the_script_is_bash():
    subprocess.run(["bash", "-n", FOLDER / "slurm.sh"], check=True)


def test_the_script_s_command_is_one_that_fairtune_takes():
    line = next(line for line in SCRIPT.splitlines() if line.startswith("fairtune search"))
    words = [word for word in shlex.split(line.removesuffix(" &")) if word != "$@"]
    assert options_of(words)["gpus_per_trial"] == "0.5"


def test_the_script_starts_ray_with_a_token_that_no_command_line_shows():
    starts = [line for line in SCRIPT.splitlines() if "ray start" in line]
    assert len(starts) == 2
    assert "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN" in SCRIPT
    assert not any("TOKEN" in line for line in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
