"""A trained model's scores on the validation split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.api.model import Model
from fairtune.api.run import Run
from fairtune.api.train import Trained
from fairtune.errors import InvalidInput
from fairtune.names import Names
from fairtune.records import GroupCounts
from fairtune.training import evaluate as evaluation
from fairtune.training.data import open_data
from fairtune.training.device import parameter_dtype


@dataclass(frozen=True)
class Evaluation:
    """What a model does on the validation split.

    Attributes:
        scores: by name, as in ``summary.json``; ``docs/summary.md`` says what each means.
        counts: group x true x predicted, which the scores follow from.
        names: of classes and groups.
    """

    scores: dict[str, float]
    counts: GroupCounts
    names: Names

    @property
    def cells(self) -> pd.DataFrame:
        """A row for each class and group: samples, and the share that is recognised; NaN where there is none."""
        right = np.diagonal(self.counts.hard, axis1=1, axis2=2)
        rows = [
            {"class": label, "group": group, "samples": int(n), "accuracy": right[a, y] / n if n else np.nan}
            for y, label in enumerate(self.names.classes)
            for a, group in enumerate(self.names.groups)
            for n in [self.counts.cells[a, y]]
        ]
        return pd.DataFrame(rows).set_index(["class", "group"])


def evaluate(model: Model | Run | Trained, *, split: str = "validation", data: str | Path | None = None) -> Evaluation:
    """Score a model on the validation split of the data that it was trained for, under the same options.

    Args:
        model: a model, or a run or a training, whose model is meant.
        split: ``validation``; the test split is opened by a search's confirmation alone, and ``Run.confirmed`` says what it found.
        data: folder of the original data files, where they lie elsewhere than they did.

    Raises:
        InvalidInput: another split is asked for, or there is no model.
        DataError: the data are not there, or are others.
    """
    if split != "validation":
        raise InvalidInput(
            f"split={split!r}: a model is evaluated on the validation split; the test split is opened once, by the confirmation of "
            "a search: see run.confirmed"
        )
    trained = model if isinstance(model, Model) else model.model()
    spec, device = trained.spec, trained.net.head.weight.device
    opened = open_data(spec, trained.data if data is None else Path(data).expanduser().resolve())
    held_out = opened.on(device, parameter_dtype(spec.precision), opened.validation)
    found = evaluation.evaluate(trained.net, held_out)
    return Evaluation(found.scores(opened.weighting), found.counts, opened.info.names)
