"""What asks this process to end: Ctrl-C, SIGTERM and SIGHUP, all answered alike."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SENT_TO_ALL = (signal.SIGTERM, signal.SIGHUP)
_SAME_WISH_S = 2.0
"""Signals that follow each other within this are one wish: closed terminals, ``timeout`` and batch systems send several."""

_AGAIN_S = 0.05


class Wish:
    """Whether somebody has asked this process to end."""

    granted = False


@contextmanager
def ended_by_signals(*, once: bool = False) -> Iterator[None]:
    """Every signal that asks this process to end raises ``KeyboardInterrupt``, as Ctrl-C does.

    A signal that it was started to ignore, as with ``nohup``, is still ignored. In other threads than the main one nothing changes.

    Args:
        once: whether it changes nothing to ask again, for what ends within seconds and must not be cut short.
    """

    def end(asked_before: bool) -> None:
        if not (once and asked_before):
            raise KeyboardInterrupt

    with _answered_by(end):
        yield


@contextmanager
def ended_in_good_order(answer: Callable[[], None]) -> Iterator[Wish]:
    """The first signal only calls ``answer`` and grants the wish; whoever asks again is not made to wait: ``KeyboardInterrupt``.

    Yields:
        The wish, which is looked at where it is good to stop.
    """
    wish = Wish()

    def note(asked_before: bool) -> None:
        if asked_before:
            raise KeyboardInterrupt
        wish.granted = True
        answer()

    with _answered_by(note):
        yield wish


@contextmanager
def kept_from_children() -> Iterator[None]:
    """Keep SIGTERM and SIGHUP from the processes started inside.

    Both are often sent to all processes of a job at once, of which one alone knows how to end. A process starts with what is
    blocked in the thread that starts it.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SENT_TO_ALL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


@contextmanager
def _answered_by(act: Callable[[bool], None]) -> Iterator[None]:
    """Call ``act`` at each wish to end, with whether there was one before.

    What it raises is lost where Python can hand on no exception, as while an object is deleted or compared in a table: it is called
    again a moment later then, or the wish would be.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked_at = -_SAME_WISH_S
    before, asked_before = False, False
    terminals = [stream for stream in range(3) if os.isatty(stream)]

    def answer(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at, before, asked_before
        if number == signal.SIGHUP:
            _let_go(terminals)
        if time.monotonic() - asked_at >= _SAME_WISH_S:
            before, asked_before, asked_at = asked_before, True, time.monotonic()
            act(before)

    def lost(what: sys.UnraisableHookArgs) -> None:
        if what.exc_type is KeyboardInterrupt and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, lambda number, frame: act(before))
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        else:
            tell_lost(what)

    tell_lost, sys.unraisablehook = sys.unraisablehook, lost
    alarmed = signal.getsignal(signal.SIGALRM)
    answers = {number: signal.getsignal(number) for number in _ENDINGS}
    heard = [number for number, answered in answers.items() if answered is not signal.SIG_IGN]
    for number in heard:
        signal.signal(number, answer)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGALRM) is not alarmed:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, alarmed)
        sys.unraisablehook = tell_lost
        for number in heard:
            signal.signal(number, answers[number])


def _let_go(terminals: list[int]) -> None:
    """Whatever is printed to a terminal that is gone is an error."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in terminals:
        os.dup2(nowhere, stream)
    os.close(nowhere)
