"""A wall clock that is set while a search runs."""

import json
import subprocess
import sys

SEARCH = """
import itertools, json, sys, time
from pathlib import Path

true_time, jumps = time.time, itertools.cycle((0.0, -3e7, 3e5))
time.time = lambda: true_time() + next(jumps)  # before anybody has taken it

from tests.search_helpers import Session, small_search

began = time.monotonic()
spec, place = small_search(Path(sys.argv[1]), time_budget="1h")
session = Session(spec, place)
session.run(2).study.note_time()
session = Session(spec, place).run()
print(json.dumps({
    "states": [record.state for record in session.trials],
    "seconds": [record.result.seconds for record in session.trials],
    "wall_s": session.study.wall_s,
    "passed_s": time.monotonic() - began,
}))
"""


def test_a_clock_that_jumps_neither_ends_nor_prolongs_a_search(tmp_path):
    done = subprocess.run([sys.executable, "-c", SEARCH, tmp_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["states"] == ["complete"] * 3
    assert 0 < found["wall_s"] < found["passed_s"]
    assert all(0 < seconds < found["wall_s"] for seconds in found["seconds"])
