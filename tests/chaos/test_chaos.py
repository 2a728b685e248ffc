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
    Blow("trial", 0.0, "gcs", signal.SIGTERM),
    Blow("final's result", 0.0, "driver", signal.SIGKILL),
    Blow("confirmation", 0.0, "driver", signal.SIGTERM),
]


@pytest.fixture
def besiege():
    """Begins sieges, and ends what they leave running."""
    begun = []

    def begin(runs, deadline=float("inf"), **options):
        begun.append(Siege(runs, OPTIONS | options, deadline))
        return begun[-1]

    yield begin
    for siege in begun:
        siege.close()


def test_a_search_survives_a_few_blows(tmp_path, besiege):
    siege = besiege(tmp_path, trials=2)
    siege.endure(FEW)
    assert not any(siege.faults().values()), siege.story()
    assert siege.struck.total() == len(FEW)


@pytest.mark.slow
def test_searches_survive_many_blows(tmp_path, pytestconfig, besiege):
    """Run with ``make chaos``, which prints a table; the same seed draws the same blows again."""
    seed = pytestconfig.getoption("--chaos-seed", 1)
    deadline = time.monotonic() + 60 * pytestconfig.getoption("--chaos-minutes", 20)
    left = pytestconfig.getoption("--chaos-blows", 50)
    sieges: list[Siege] = []
    while left > 0 and time.monotonic() < deadline:
        number = len(sieges)
        print(f"search {number} of seed {seed}", flush=True)  # noqa: T201
        siege = besiege(tmp_path / str(number), deadline, trials=4, seed=number)
        siege.endure(draw(seed, number)[:left])
        sieges.append(siege)
        left -= siege.struck.total()
    for siege in sieges:
        siege.wait_for_agents()
    faults = [siege.faults() for siege in sieges]
    print(*(f"FAULT {name}: {found}" for wrong in faults for name, found in wrong.items() if found), sep="\n")  # noqa: T201
    show(sieges, faults)
    assert not any(wrong for found in faults for wrong in found.values())
