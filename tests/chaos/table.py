"""What a siege of several searches came to, for people."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.chaos.blows import MOMENTS, SIGNALS, VICTIMS
from tests.chaos.siege import Siege


def show(sieges: Sequence[Siege], faults: Sequence[dict[str, list[str]]]) -> None:
    """Print the blows by victim and signal, by moment, and what must be 0."""
    struck: Counter[tuple[str, str, str]] = sum((siege.struck for siege in sieges), Counter())
    console = Console(width=132)
    by_victim = _table("blows", "victim", *(number.name for number in SIGNALS))
    for victim in VICTIMS:
        by_victim.add_row(victim, *(str(_count(struck, victim, number.name)) for number in SIGNALS))
    by_moment = _table("", "moment", "blows")
    for moment in MOMENTS:
        by_moment.add_row(moment, str(sum(count for (*_, when), count in struck.items() if when == moment)))
    summed = _table("", "in all", "")
    for name, value in _sums(sieges, faults, struck).items():
        summed.add_row(name, str(value))
    console.print(by_victim, by_moment, summed)


def _sums(sieges: Sequence[Siege], faults: Sequence[dict[str, list[str]]], struck: Counter[tuple[str, str, str]]) -> dict[str, int]:
    known = {"blows": struck.total(), "searches": len(sieges), "sessions": sum(siege.sessions for siege in sieges)}
    known["results kept and not recorded"] = sum(siege.ledger.between for siege in sieges)
    return known | {name: sum(len(found[name]) for found in faults) for name in faults[0]}


def _count(struck: Counter[tuple[str, str, str]], victim: str, number: str) -> int:
    return sum(count for (who, how, _), count in struck.items() if (who, how) == (victim, number))


def _table(title: str, *columns: str) -> Table:
    made = Table(title=title or None, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        made.add_column(column)
    return made
