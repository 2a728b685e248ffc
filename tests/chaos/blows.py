"""What hits a search, and when: drawn from a seed, so that a failure can be seen again."""

import random
import signal
from typing import NamedTuple

VICTIMS = {"driver": 4, "worker": 3, "raylet": 2, "gcs": 2}
"""How often each is hit, in proportion."""
SIGNALS = (signal.SIGKILL, signal.SIGTERM)
MOMENTS = {
    "start": None,
    "baseline": "baselines/*/checkpoint.pt",
    "trial": "run/trials/*/checkpoint.pt",
    "trial's result": "run/trials/*/trial.json",
    "confirmation": "run/finals/*/checkpoint.pt",
    "final's result": "run/finals/*/trial.json",
    "report": "run/summary.json",
}
"""What is waited for: a file, written anew."""
_COURSE = ("start", "baseline", "trial", "trial's result", "trial", "trial", "confirmation", "final's result", "report")
_OF_THE_DRIVER = ("trial's result", "final's result", "report")
"""Moments when what matters is known to the driver alone; it is hit without delay."""
_DELAY_S = {"start": 6.0}


class Blow(NamedTuple):
    """A signal to a process.

    Attributes:
        moment: what is waited for.
        delay_s: and then so long.
        victim: which process of the search.
        signal: what it gets.
    """

    moment: str
    delay_s: float
    victim: str
    signal: signal.Signals

    def __str__(self) -> str:
        return f"{self.victim} {self.signal.name} at {self.moment} + {self.delay_s:.2f} s"


def draw(seed: int, search: int) -> list[Blow]:
    """The blows to one search, in the order in which their moments come."""
    rng = random.Random(f"{seed}/{search}")
    return [_blow(moment, rng) for moment in _COURSE]


def _blow(moment: str, rng: random.Random) -> Blow:
    (victim,) = rng.choices(list(VICTIMS), list(VICTIMS.values()))
    number, delay_s = rng.choice(SIGNALS), rng.uniform(0, _DELAY_S.get(moment, 0.8))
    return Blow(moment, 0.0, "driver", number) if moment in _OF_THE_DRIVER else Blow(moment, delay_s, victim, number)
