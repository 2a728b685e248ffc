"""What ``--protocol official`` made of a search, as far as options go."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from fairtune.spec.base import Frozen


class Authors(Frozen):
    """How the authors of a method trained it on a dataset, beside what the user said.

    Attributes:
        paper: whose training it is; empty where none is known.
        sets: what was set as they have it, by option, as one would type it.
        overruled: what they have where the user said otherwise, likewise.
        differs: what of their training is otherwise here, a sentence each.
    """

    paper: str = ""
    sets: dict[str, str] = Field(default_factory=dict)
    overruled: dict[str, str] = Field(default_factory=dict)
    differs: tuple[str, ...] = ()

    @property
    def deviations(self) -> Iterator[str]:
        """Everything that is not as the authors have it."""
        yield from (f"{option}: theirs is {value}" for option, value in self.overruled.items())
        yield from self.differs
