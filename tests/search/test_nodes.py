"""Searches on clusters whose nodes come and go."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.search import apart, draining, growing, headless, losing

ROOT = Path(__file__).parents[2]
ALONE = ["unshare", "-n", "-p", "-f", "--kill-child", "--mount-proc"]


def may_be_alone():
    """Whether this user may make a private network and process namespace."""
    tools = shutil.which("unshare") and shutil.which("ip")
    return tools and subprocess.run([*ALONE, "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(not may_be_alone(), reason="makes a private network and process namespace: Linux, root, iproute2"),
]


@pytest.fixture
def seen():
    """What a part saw that ran alone; its folder's name is short for the sake of Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="ft", dir="/tmp", ignore_cleanup_errors=True) as folder:

        def seen(part):
            outcome = Path(folder) / "outcome.json"
            clean = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
            command = [*ALONE, sys.executable, "-m", part.__name__, folder, str(outcome)]
            ran = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, timeout=500, check=False)
            assert ran.returncode == 0, ran.stderr
            found = json.loads(outcome.read_text())
            print(*(f"{second:6.1f} s  {what}" for what, second in found["seen"].items()), sep="\n")  # noqa: T201
            return found

        yield seen


def test_a_search_gets_the_nodes_that_its_trials_want_and_leaves_none(seen):
    grown = seen(growing)
    assert grown["exit"] == 0, grown["said"]
    assert set(grown["seen"]) == growing.MOMENTS, grown
    assert grown["hosts"] == growing.GPU_NODES, grown


def test_a_trial_whose_node_is_lost_goes_on_elsewhere_and_nothing_of_ray_s_is_printed(seen):
    lost = seen(losing)
    assert lost["exit"] == 130, lost["said"]
    assert "the worker of trial-0 died: another goes on from its checkpoint" in lost["said"]
    assert not [word for word in ("Traceback", "raylet", "state-dump") if word in lost["said"]], lost["said"]


def test_nodes_that_do_not_see_the_folder_of_runs_share_a_storage(seen):
    search = seen(apart)
    assert search["exit"] == 0, search["said"]
    assert "the worker of trial-0 died: another goes on from its checkpoint" in search["said"]
    assert search["files of trials while they ran"] == 0
    assert search["left of the run"] == []


def test_a_trial_whose_node_is_to_go_is_kept_and_moves_before_that(seen):
    moved = seen(draining)
    assert moved["exit"] == 130, moved["said"]
    assert "the node of trial-0 is about to be taken away: a worker of another goes on from its checkpoint" in moved["said"]


def test_a_search_whose_head_is_lost_says_so_and_ends_with_what_to_do(seen):
    lost = seen(headless)
    assert lost["exit"] == 1, lost["said"]
    assert "waiting for the head of the Ray cluster at " in lost["said"]
    assert "fairtune resume" in lost["said"]
    assert not [word for word in ("Traceback", "gcs_client", "state-dump") if word in lost["said"]], lost["said"]
