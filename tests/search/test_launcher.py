"""Cluster files that cannot work, each with its sentence."""

import copy
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from fairtune.cli.main import app
from fairtune.errors import InvalidInput
from fairtune.search.launcher import read_cluster_file

ROOT = Path(__file__).parents[2]
SHIPPED = yaml.safe_load((ROOT / "cluster.yaml").read_text())


@pytest.fixture(autouse=True)
def _ready(tmp_path, monkeypatch):
    """A folder in which the wheel is built, and a home with the token."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "fairtune_token").touch()
    (tmp_path / "dist").mkdir()


def changed(place, value):
    """The shipped settings with one of them changed, or left out."""
    config = copy.deepcopy(SHIPPED)
    at = config
    for name in place[:-1]:
        at = at[name]
    if value is None:
        del at[place[-1]]
    else:
        at[place[-1]] = value
    return config


def read(config):
    Path("mine.yaml").write_text(yaml.safe_dump(config))
    return read_cluster_file(Path("mine.yaml"))


SPOT, ON_DEMAND, HEAD = (("available_node_types", name) for name in ("gpu_spot", "gpu_on_demand", "head"))
START = "RAY_AUTH_MODE=token ray start --head --autoscaling-config=~/ray_bootstrap_config.yaml"

BROKEN = [
    (("maxworkers",), 3, ["unknown key 'maxworkers': did you mean 'max_workers'"]),
    (("max_workers",), "8", ["max_workers: '8' is not of type 'integer'"]),
    (("max_workers",), None, ["max_workers is missing: how many workers there may be in all"]),
    (("max_workers",), 0, ["max_workers is 0: how many workers there may be in all"]),
    ((*SPOT, "resources", "GPU"), 0.5, ["available_node_types.gpu_spot.resources.GPU: 0.5 is not of type 'integer'"]),
    ((*SPOT, "max_workers"), 20, ["available_node_types.gpu_spot.max_workers is 20, above the cluster's max_workers 8"]),
    ((*ON_DEMAND, "min_workers"), 5, ["available_node_types.gpu_on_demand.min_workers is 5, above its max_workers 4"]),
    (("provider", "type"), "awz", ["unknown provider.type 'awz': did you mean 'aws'"]),
    (("provider", "region"), None, ["provider.region is missing: aws needs it"]),
    (
        ("provider", "region"),
        "us-west-7",
        ["Ray knows no image for the region 'us-west-7': give its ImageId"],
    ),
    (("available_node_types",), None, ["available_node_types is missing"]),
    (("head_node_type",), "haed", ["unknown head_node_type 'haed': did you mean 'head'"]),
    ((*HEAD, "resources", "GPU"), 1, ["the head 'head' has a GPU, which is paid for as long as the cluster stands"]),
    (("file_mounts", "~/fairtune/dist"), "dits", ["file_mounts: dits (for ~/fairtune/dist) is not there, sought from "]),
    (("setup_commands",), ["pip install -q 'ray[default]' fairtune"], ["takes fairtune from a package index, which has none"]),
    (("head_start_ray_commands",), ["ray stop"], ["head_start_ray_commands start no head"]),
    (("head_start_ray_commands",), [START.partition(" --auto")[0]], ["no worker would ever start"]),
    (("head_start_ray_commands",), [START.partition(" ")[2]], ["write RAY_AUTH_MODE=token before `ray start`"]),
    (("head_start_ray_commands",), [f"{START} --dashboard-host=0.0.0.0"], ["shows the dashboard to every network"]),
    (("worker_start_ray_commands",), [], ["worker_start_ray_commands do not join the head"]),
    ((*SPOT, "node_config", "InstanceTyp"), "x", ["unknown setting 'InstanceTyp': did you mean 'InstanceType'"]),
    ((*SPOT, "node_config", "InstanceType"), "g5.2xlage", ["unknown InstanceType 'g5.2xlage': did you mean 'g5.2xlarge'"]),
    (
        (*HEAD, "node_config", "BlockDeviceMappings"),
        [{"Ebs": {"Size": 5}}],
        ['Unknown parameter in BlockDeviceMappings[0].Ebs: "Size"'],
    ),
    (("docker",), {"image": "some/image", "container_name": 3}, ["docker.container_name: 3 is not of type 'string'"]),
]


@pytest.mark.parametrize(("place", "value", "said"), BROKEN, ids=lambda given: str(given)[:40])
def test_a_file_that_cannot_work_is_refused(place, value, said):
    if place[-1] in ("InstanceTyp", "InstanceType", "BlockDeviceMappings") or value == "us-west-7":
        pytest.importorskip("boto3")
    with pytest.raises(InvalidInput) as refused:
        read(changed(place, value))
    assert len(refused.value.faults) == 1
    assert refused.value.faults[0].startswith("the cluster file mine.yaml: ")
    for words in said:
        assert words in refused.value.faults[0]


def test_faults_are_said_together():
    config = changed(("provider", "region"), None)
    config["file_mounts"]["~/there"] = "nowhere"
    with pytest.raises(InvalidInput) as refused:
        read(config)
    assert len(refused.value.faults) == 2


@pytest.mark.parametrize("priority", [None, 0])
def test_the_spot_type_that_might_never_start_is_named(priority):
    config = changed((*SPOT, "priority"), priority)
    with pytest.raises(InvalidInput, match="of the equal types 'gpu_spot' and 'gpu_on_demand' Ray may start 'gpu_on_demand'"):
        read(config)


def test_without_gpus_no_trial_would_start():
    config = copy.deepcopy(SHIPPED)
    for name in ("gpu_spot", "gpu_on_demand"):
        del config["available_node_types"][name]["resources"]["GPU"]
    with pytest.raises(InvalidInput, match="no type of worker has a GPU"):
        read(config)


@pytest.mark.parametrize("content", [None, [], "text", 3])
def test_a_file_without_settings_is_refused(content):
    with pytest.raises(InvalidInput, match=r"the cluster file mine.yaml (is empty|must be a mapping)"):
        read(content)


def test_the_shipped_file_is_told_in_words():
    pytest.importorskip("boto3")
    result = CliRunner().invoke(app, ["cluster", "check", str(ROOT / "cluster.yaml")])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:4] == [
        "head head: m5.xlarge (no trials)",
        "workers gpu_spot: g5.2xlarge spot (8 CPU, 1 GPU), 0 to 8",
        "workers gpu_on_demand: g5.2xlarge (8 CPU, 1 GPU), 0 to 4",
        "at most 8 workers; one that idles for 5 minutes leaves",
    ]


def test_a_file_that_is_not_there_is_a_sentence():
    result = CliRunner().invoke(app, ["cluster", "check", "none.yaml"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert "none.yaml" in result.stderr
