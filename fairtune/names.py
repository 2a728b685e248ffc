"""What classes and groups are called in everything that people read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_SHOWN = 6


def counted(number: float, noun: str) -> str:
    """So many of something whose plural has an s: ``1 CPU``, ``0.5 CPUs``, ``4 CPUs``."""
    return f"{number:g} {noun}{'s' * (number != 1)}"


@dataclass(frozen=True)
class Names:
    """The names of a dataset's classes and groups.

    Attributes:
        classes: name of each label; none where they are not known, which leaves their numbers.
        groups: name of each group, likewise.
    """

    classes: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    def label(self, y: int) -> str:
        """A class: ``class 3 (cat)``, or ``class 3`` where its name says no more."""
        number = f"class {y}"
        name = self.classes[y] if self.classes else number
        return number if name in (str(y), number) else f"{number} ({name})"

    def group(self, a: int) -> str:
        """A group: ``group colour``."""
        number = f"group {a}"
        name = self.groups[a] if self.groups else number
        return number if name in (str(a), number) else f"group {name}"

    def plain_label(self, y: int) -> str:
        """A class by its name alone, as beside a picture: ``cat``, or ``class 3`` where it has none."""
        return self.classes[y] if self.classes else f"class {y}"

    def plain_group(self, a: int) -> str:
        """A group likewise."""
        return self.groups[a] if self.groups else f"group {a}"

    def cell(self, y: int, a: int) -> str:
        """The samples of one class and group: ``class 3 (cat), group colour``."""
        return f"{self.label(y)}, {self.group(a)}"

    def cells(self, found: Iterable[tuple[int, int]], shown: int = _SHOWN) -> str:
        """The first of some cells, each ``(y, a)``, and whether there are more."""
        named = [self.cell(y, a) for y, a in found]
        return "; ".join(named[:shown]) + (" and others" if len(named) > shown else "")


def shortened(names: Sequence[str]) -> dict[str, str]:
    """By full name, such as ``mfd.weight``, the part after the last point, unless two have the same."""
    own = [name.rpartition(".")[2] for name in names]
    return {name: short if own.count(short) == 1 else name for name, short in zip(names, own, strict=True)}
