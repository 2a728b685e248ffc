"""Whatever process of a search is killed, and whenever: nothing finished is lost, nothing is done twice, nothing is left behind."""

import signal
import time
from pathlib import Path

import pytest

from tests.chaos.blows import Blow, draw
from tests.chaos.siege import Siege
from tests.chaos.table import show

pytestmark = [
    pytest.mark.ray,
    pytest.mark.skipif(not Path("/proc/self/environ").is_file(), reason="finds processes in /proc"),
]
OPTIONS = {"epochs": 60, "final_seeds": 1, "accuracy_floor": "0", "precision": "fp32", "gpus_per_trial": 0, "max_concurrent": 1}
FEW = [
    Blow("trial", 0.3, "worker", signal.SIGKILL),
    Blow("trial", 0.2, "driver", signal.SIGKILL),
    Blow("final's result", 0.0, "driver", signal.SIGKILL),
    Blow("report", 0.0, "driver", signal.SIGTERM),
]


def endured(runs, blows, deadline=float("inf"), **options):
    siege = Siege(runs, OPTIONS | options, deadline)
    siege.endure(blows)
    faults = siege.faults()
    print(*(f"FAULT {name}: {found}" for name, found in faults.items() if found), sep="\n", flush=True)  # noqa: T201
    return siege, faults


def test_a_search_survives_a_few_blows(tmp_path):
    siege, faults = endured(tmp_path, FEW, trials=2)
    assert not any(faults.values()), siege.story()
    assert siege.struck.total() == len(FEW)


@pytest.mark.slow
def test_searches_survive_many_blows(tmp_path, pytestconfig):
    """Run with ``make chaos``, which prints a table; the same seed draws the same blows again."""
    seed = pytestconfig.getoption("--chaos-seed", 1)
    deadline = time.monotonic() + 60 * pytestconfig.getoption("--chaos-minutes", 20)
    left = pytestconfig.getoption("--chaos-blows", 50)
    sieges: list[Siege] = []
    faults: list[dict[str, list[str]]] = []
    while left > 0 and time.monotonic() < deadline:
        number = len(sieges)
        print(f"search {number} of seed {seed}", flush=True)  # noqa: T201
        siege, found = endured(tmp_path / str(number), draw(seed, number)[:left], deadline, trials=4, seed=number)
        sieges.append(siege)
        faults.append(found)
        left -= siege.struck.total()
    show(sieges, faults)
    assert not any(wrong for found in faults for wrong in found.values())
