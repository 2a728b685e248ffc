"""The folder of a local cluster's own files."""

import signal
import subprocess
import sys

from fairtune.search.scratch import private_folder

HOLDS = """
import sys, time
from pathlib import Path
from fairtune.search.scratch import private_folder

with private_folder(Path(sys.argv[1])) as folder:
    (folder / "r").mkdir()
    print(folder, flush=True)
    time.sleep(600)
"""


def holder(inside):
    """A process that has such a folder, and the folder's name."""
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(inside)], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def test_goes_with_its_block_and_is_closed_to_others(tmp_path):
    with private_folder(tmp_path) as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_process_goes_at_the_next_start_and_that_of_a_living_one_stays(tmp_path):
    killed, left = holder(tmp_path)
    alive, kept = holder(tmp_path)
    others = tmp_path / "ft-other"
    others.mkdir()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    try:
        with private_folder(tmp_path) as folder:
            assert {str(path) for path in tmp_path.iterdir()} == {kept, str(folder), str(others)}
            assert left != kept
    finally:
        alive.kill()
        alive.communicate()
