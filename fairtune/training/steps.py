"""How far an epoch is, told at most now and then.

Steps are counted by the host as it hands them out: no value is asked of the device, which would have to be waited for. A GPU is
some steps behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple


class Step(NamedTuple):
    """One step of a training.

    Attributes:
        epoch: that it is of, from 1.
        number: in the epoch, from 1.
        of: how many the epoch has.
    """

    epoch: int
    number: int
    of: int

    @property
    def share(self) -> float:
        """Of its epoch."""
        return self.number / self.of


class NowAndThen:
    """Tells of a step unless it has told of one a short while ago; in between it costs a look at the clock.

    Args:
        tell: whom.
        every_s: seconds between two.
        clock: seconds that pass.
    """

    def __init__(self, tell: Callable[[Step], object], every_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._tell = tell
        self._every_s = every_s
        self._clock = clock
        self._told = clock()

    def __call__(self, epoch: int, number: int, of: int) -> None:
        """A step has been handed out."""
        now = self._clock()
        if now - self._told >= self._every_s:
            self._told = now
            self._tell(Step(epoch, number, of))


def leave_step(path: Path, step: Step) -> None:
    """Leave it where :func:`read_step` finds it; not where that cannot be written, as no training depends on it."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(" ".join(map(str, step)), encoding="ascii")


def read_step(path: Path) -> Step | None:
    """The step that was left; None if there is none, or if it is just being written."""
    try:
        step = Step(*map(int, path.read_text(encoding="ascii").split()))
    except (OSError, ValueError, TypeError):
        return None
    return step if 1 <= step.number <= step.of else None
