"""Proposals made before they are asked for, so that no worker waits for a slow sampler."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from fairtune.samplers._learner import Outcome
from fairtune.samplers._proposals import Proposal, Proposals

_SLOW_S = 0.1


class Ahead:
    """The proposals of a search; while several trials run, those of a slow sampler are made in a thread.

    What is proposed in a moment is proposed when it is asked for, in knowledge of all that has ended by then. What takes longer is
    made ahead, one after the other, in knowledge of what had ended when it was begun; trials that end meanwhile are told to the
    sampler before the next. Nothing that is made ahead is a trial before it is asked for.

    Args:
        proposals: of the search.
    """

    def __init__(self, proposals: Proposals) -> None:
        self._proposals = proposals
        self._ready: deque[Proposal | None] = deque()
        self._making: Future[Proposal | None] | None = None
        self._news: list[Callable[[], None]] = []
        self._thread: ThreadPoolExecutor | None = None
        self._took_s = 0.0

    @property
    def is_making(self) -> bool:
        """Whether a proposal would have to be waited for that is being made."""
        self._collect()
        return not self._ready and self._making is not None

    def propose(self, number: int) -> Proposal | None:
        """A new setting for the trial of this number, waited for if it is being made; None if nothing is left to try."""
        self._collect(wait=not self._ready)
        return self._ready.popleft() if self._ready else self._make(number)

    def prepare(self, number: int, at_most: int) -> None:
        """Make a proposal ahead if they are slow and fewer are ready.

        Args:
            number: of the trial that is asked for next.
            at_most: how many may be ready or in the making.
        """
        self._collect()
        exhausted = bool(self._ready) and self._ready[-1] is None
        if self._making is None and self._took_s >= _SLOW_S and len(self._ready) < at_most and not exhausted:
            self._thread = self._thread or ThreadPoolExecutor(1, thread_name_prefix="proposals")
            self._making = self._thread.submit(self._make, number + len(self._ready))

    def remember(self, number: int, proposal: Proposal) -> None:
        """Take up a trial that an earlier session began."""
        self._proposals.remember(number, proposal)

    def tell(self, number: int, method: str, outcome: Outcome) -> None:
        """Let the samplers learn from a trial that has ended, as soon as none of them is at work."""
        self._news.append(partial(self._proposals.tell, number, method, outcome))
        self._collect()

    def take_up(self, number: int, method: str) -> None:
        """A trial that had been told as stopped runs again; the samplers hear of it as soon as none of them is at work."""
        self._news.append(partial(self._proposals.take_up, number, method))
        self._collect()

    def _make(self, number: int) -> Proposal | None:
        began = time.monotonic()
        try:
            return self._proposals.propose(number)
        finally:
            self._took_s = time.monotonic() - began

    def _collect(self, *, wait: bool = False) -> None:
        """Take what has been made, and tell what has ended meanwhile."""
        if self._making is not None and (wait or self._making.done()):
            making, self._making = self._making, None
            self._ready.append(making.result())
        if self._making is None:
            for tell in self._news:
                tell()
            self._news.clear()
