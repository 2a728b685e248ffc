"""What the mean of a choice's retrainings scored on the test split, beside the run, for its model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fairtune.files import write_text
from fairtune.metrics import ESTIMATES, SCORES, Interval, Number
from fairtune.spec import Counts


class ScoredEnsemble(BaseModel):
    """Scores on the test split of one net made of several.

    Attributes:
        trainings: ids of the retrainings whose probabilities were averaged.
        test: scores by name.
        counts: its group counts.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    trainings: tuple[str, ...]
    test: dict[str, Number]
    counts: Counts

    @property
    def intervals(self) -> Mapping[str, Interval]:
        """By score, with what the test samples leave open of this very ensemble; nothing is told of other seeds."""
        told = [name for name in SCORES if name in self.test and name not in ESTIMATES]
        return {name: SCORES[name].over([self.counts], [self.test[name]], weighting="samples") for name in told}

    def write(self, file: Path) -> None:
        """Keep it, in the place of an earlier one."""
        write_text(file, self.model_dump_json(indent=2) + "\n")


def read_scored(file: Path, trainings: Sequence[str]) -> ScoredEnsemble | None:
    """What an ensemble of these retrainings, by their ids, scored; None where none was scored, one of others, or nobody can read
    it."""
    try:
        found = ScoredEnsemble.model_validate_json(file.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return found if found.trainings == tuple(trainings) else None
