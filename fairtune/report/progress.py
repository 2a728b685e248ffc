"""Bars with a rate and the time that is left, on a terminal and in a notebook."""

from __future__ import annotations

from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

_UNITS = (("s", 1), ("min", 60), ("h", 3600))


def is_live(console: Console) -> bool:
    """Whether it can show what changes in place: a terminal can, and a notebook that has ipywidgets."""
    return console.is_terminal or (console.is_jupyter and find_spec("ipywidgets") is not None)


def format_rate(per_s: float, what: str) -> str:
    """How fast it goes, such as ``7.5 trials/min``: per second, minute or hour, whichever gives at least one."""
    unit, seconds = next(((unit, seconds) for unit, seconds in _UNITS if per_s * seconds >= 1), _UNITS[-1])
    return f"{per_s * seconds:,.{1 if per_s * seconds < 100 else 0}f} {what}/{unit}"


def format_left(seconds: float) -> str:
    """How long it will take, such as ``40 s left``."""
    return f"{format_duration(seconds)} left"


def format_duration(seconds: float) -> str:
    """A time, such as ``40 s`` or ``3 min``."""
    unit, size = next(((unit, size) for unit, size in reversed(_UNITS) if seconds >= 2 * size), _UNITS[0])
    return f"{seconds / size:.0f} {unit}"


def progress(console: Console, what: str) -> Progress:
    """Bars that vanish when they are done; none in a log file.

    Args:
        console: where to show them.
        what: is counted, in the plural.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Pace(what))
    return Progress(*columns, console=console, transient=True, disable=not is_live(console))


class _Pace(ProgressColumn):
    """The rate and the time that is left, once both can be told."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def render(self, task: Task) -> Text:
        """Both for one bar."""
        speed, left = task.finished_speed or task.speed, task.time_remaining
        told = [format_rate(speed, self.what)] if speed else []
        return Text(", ".join(told + ([format_left(left)] if speed and left else [])), style="dim")
