"""A search that is hit again and again, resumed after each blow that ends it, until it is complete."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.blows import MOMENTS, Blow
from tests.chaos.ledger import Ledger, outcome, undisturbed
from tests.chaos.processes import belonging, end, find, left_for_good, left_of_session, strike

_PATIENCE_S = 240.0
"""A session that shows nothing for so long hangs."""
_ENDINGS = {0, 3, 2, 130, -9}
_POLL_S = 0.001


class Siege:
    """One search under blows, and what became of it.

    Args:
        runs: an empty folder of runs.
        options: of the search, as the command line has them with underscores.
        deadline: no blow after this moment of the monotonic clock.
    """

    def __init__(self, runs: Path, options: dict[str, object], deadline: float = float("inf")) -> None:
        self.runs, self.options, self.deadline = runs, options, deadline
        self.ledger = Ledger(runs)
        self.sessions = 0
        self.done = False
        self.struck: Counter[tuple[str, str, str]] = Counter()
        self.left: list[str] = []
        self.odd: list[str] = []
        self.log: list[str] = []
        self._ray = Path(tempfile.mkdtemp(prefix="ftc"))
        self._session: subprocess.Popen[bytes] | None = None

    def endure(self, blows: Sequence[Blow]) -> None:
        """Let the blows fall, as far as their moments come, and bring the search to its end."""
        try:
            for blow in blows:
                if time.monotonic() > self.deadline or self.done:
                    break
                self._endure(blow)
            while not self.done:
                self._end(self._running())
            self.left += left_for_good(self._ray)
        finally:
            end(self._ray)
            shutil.rmtree(self._ray, ignore_errors=True)

    def faults(self) -> dict[str, list[str]]:
        """All that must not be, by name; compares with the undisturbed search."""
        same = outcome(self.ledger.study()) == undisturbed(self.runs / "undisturbed", self.options)
        return {
            "lost": self.ledger.lost,
            "run twice": self.ledger.repeated,
            "zombies": self.ledger.zombies(),
            "doubled in MLflow": self.ledger.doubled(),
            "processes left": self.left,
            "odd endings": self.odd,
            "another outcome": [] if same else [str(self.runs)],
        }

    def _endure(self, blow: Blow) -> None:
        session = self._running()
        if not self._comes(blow, session):
            self._end(session)
            return
        time.sleep(blow.delay_s)
        pid = self._victim(blow.victim, session)
        if pid is None or not strike(pid, blow.signal):
            self._note(f"{blow}: it was not there")
            if session.poll() is not None:
                self._end(session)
            return
        self.struck[blow.victim, blow.signal.name, blow.moment] += 1
        self._note(f"{blow}: struck")
        if blow.victim == "driver" or (blow.victim in ("raylet", "gcs") and blow.signal.name == "SIGKILL"):
            self._end(session)

    def _comes(self, blow: Blow, session: subprocess.Popen[bytes]) -> bool:
        """Whether the moment of a blow comes before the session has ended."""
        pattern = MOMENTS[blow.moment]
        since = time.time_ns()
        patience = time.monotonic() + _PATIENCE_S
        while pattern is not None and not any(_is_newer(path, since) for path in self.runs.glob(pattern)):
            if session.poll() is not None:
                return False
            if time.monotonic() > patience:
                raise AssertionError(f"nothing for {_PATIENCE_S:.0f} s while waiting for {blow}\n{self.story()}")
            time.sleep(_POLL_S)
        return True

    def _victim(self, victim: str, session: subprocess.Popen[bytes]) -> int | None:
        """A process that may still have to be started."""
        while session.poll() is None:
            if (pid := find(victim, session.pid, self._ray)) is not None:
                return pid
            time.sleep(0.05)
        return None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._session is None:
            self.sessions += 1
            command = ["resume", str(self.ledger.folder.path)] if self.ledger.folder.holds_search else self._begin()
            with self._output().open("wb") as output:
                self._session = subprocess.Popen(
                    [str(Path(sys.executable).with_name("fairtune")), *command],
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, "RAY_TMPDIR": str(self._ray), "OMP_NUM_THREADS": "1"},
                    start_new_session=True,
                )
        return self._session

    def _begin(self) -> list[str]:
        options = {"runs": self.runs, "name": "run", **self.options}
        return ["search", *(word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", str(value)))]

    def _end(self, session: subprocess.Popen[bytes]) -> None:
        """Wait until a session and all its processes have ended, and look at what it has left."""
        try:
            code = session.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"a session does not end\n{self.story()}") from None
        self._note(f"session {self.sessions} ended with {code}")
        said = self._output().read_text(errors="replace")
        if code not in _ENDINGS or "Traceback" in said:
            self.odd.append(f"session {self.sessions} ended with {code}: {said[-3000:]}")
        self._session, self.done = None, code in (0, 3)
        self.left += left_of_session(self._ray)
        self.ledger.look()

    def _output(self) -> Path:
        self.runs.mkdir(parents=True, exist_ok=True)
        return self.runs / f"session-{self.sessions}.txt"

    def _note(self, line: str) -> None:
        self.log.append(line)
        print(f"  {time.strftime('%H:%M:%S')} {line}", flush=True)  # noqa: T201

    def story(self) -> str:
        """What happened so far, and what the last session said."""
        running = [str(pid) for pid in belonging(self._ray)]
        return "\n".join([*self.log, f"still running: {' '.join(running)}", self._output().read_text(errors="replace")[-3000:]])


def _is_newer(path: Path, since: int) -> bool:
    try:
        return path.stat().st_mtime_ns > since
    except OSError:
        return False
