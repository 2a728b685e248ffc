"""What a training is called within a search."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import PlainSerializer, PlainValidator

Kind = Literal["baseline", "teacher", "fold", "trial", "repeat", "final"]

_PARTS: dict[Kind, tuple[str, ...]] = {
    "baseline": (),
    "teacher": (),
    "fold": ("fold",),
    "trial": ("number",),
    "repeat": ("number", "again"),
    "final": ("role", "seed"),
}
_WHOLE = r"(?:0|[1-9]\d*)"
_NAME = re.compile(
    rf"baseline|teacher|fold-(?P<fold>{_WHOLE})|trial-(?P<number>{_WHOLE})|repeat-(?P<of>{_WHOLE})-(?P<again>{_WHOLE})"
    rf"|final-(?P<role>.+)-(?P<seed>{_WHOLE})",
    re.ASCII,
)


@dataclass(frozen=True)
class JobKey:
    """Names a training; as text ``baseline``, ``teacher``, ``fold-1``, ``trial-3``, ``repeat-3-1`` or ``final-chosen-2``.

    Attributes:
        kind: the baseline, a teacher trained on other data than it, the baseline of another validation fold, a trial of the search,
            one more seed of a trial, or a retraining that confirms a choice on the test split.
        number: of a trial, from 0; of a repeat that of its trial.
        again: which repeat of its trial, from 1.
        fold: of a baseline, from 1; fold 0 is that of the trials.
        role: what a retraining confirms: ``baseline``, ``chosen``, ``most_accurate``, ...
        seed: of a retraining.
    """

    kind: Kind
    number: int | None = None
    role: str | None = None
    seed: int | None = None
    again: int | None = None
    fold: int | None = None

    def __post_init__(self) -> None:
        given = tuple(part for part in ("number", "role", "seed", "again", "fold") if getattr(self, part) is not None)
        if given != _PARTS.get(self.kind):
            raise ValueError(f"no job is of kind {self.kind} with {', '.join(given) or 'nothing'} beside it")

    @property
    def is_shared(self) -> bool:
        """Whether its net is of use to all searches of a folder."""
        return self.kind in ("baseline", "teacher", "fold")

    @classmethod
    def trial(cls, number: int) -> JobKey:
        """A trial of the search."""
        return cls("trial", number=number)

    @classmethod
    def repeat(cls, number: int, again: int) -> JobKey:
        """One more seed of a trial."""
        return cls("repeat", number=number, again=again)

    @classmethod
    def of_fold(cls, fold: int) -> JobKey:
        """The baseline of another validation fold."""
        return cls("fold", fold=fold)

    @classmethod
    def final(cls, role: str, seed: int) -> JobKey:
        """A retraining of the confirmation."""
        return cls("final", role=role, seed=seed)

    @classmethod
    def parse(cls, text: str) -> JobKey:
        """The key of this name.

        Raises:
            ValueError: no job has such a name.
        """
        found = _NAME.fullmatch(text)
        if found is None:
            names = "baseline, teacher, fold-FOLD, trial-NUMBER, repeat-NUMBER-AGAIN or final-ROLE-SEED"
            raise ValueError(f"{text!r} is no job's name: {names}")
        match found.lastgroup:
            case "number":
                return cls.trial(int(found["number"]))
            case "again":
                return cls.repeat(int(found["of"]), int(found["again"]))
            case "fold":
                return cls.of_fold(int(found["fold"]))
            case "seed":
                return cls.final(found["role"], int(found["seed"]))
            case _:
                return cls("teacher" if text == "teacher" else "baseline")

    def __str__(self) -> str:
        return "-".join([self.kind, *(str(getattr(self, part)) for part in _PARTS[self.kind])])


JobName = Annotated[
    JobKey,
    PlainValidator(lambda given: given if isinstance(given, JobKey) else JobKey.parse(str(given)), json_schema_input_type=str),
    PlainSerializer(str, return_type=str),
]
"""A :class:`JobKey` that is its name in JSON."""
