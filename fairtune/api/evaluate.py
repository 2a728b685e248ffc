"""A trained model's scores on the validation or the test split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.api.model import Model
from fairtune.api.run import Run
from fairtune.api.subject import check_split, subject_of
from fairtune.api.train import Trained
from fairtune.metrics import ESTIMATES, SCORES, Weighting
from fairtune.names import Names
from fairtune.records import GroupCounts
from fairtune.training import evaluate as evaluation
from fairtune.training.device import keep_float32_exact, parameter_dtype
from fairtune.training.probe import probe


@dataclass(frozen=True)
class Evaluation:
    """What a model does on a split.

    Attributes:
        scores: by name, as in ``summary.json``; ``docs/summary.md`` says what each means.
        counts: group x true x predicted, which most scores follow from.
        names: of classes and groups.
        split: which.
        weighting: how scores that mix cells weigh them.
    """

    scores: dict[str, float]
    counts: GroupCounts
    names: Names
    split: str = "validation"
    weighting: Weighting = "samples"

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

    @property
    def intervals(self) -> pd.DataFrame:
        """A row for each score: value, and the ends of the 95 % interval of its true value for this very net; NaN for those that
        take more than predictions, of which one net says nothing.
        """
        rows = [(name, self.scores[name], *self._limits(name)) for name in SCORES if name in self.scores and name not in ESTIMATES]
        return pd.DataFrame(rows, columns=["score", "value", "low", "high"]).set_index("score")

    def _limits(self, name: str) -> tuple[float, float]:
        if SCORES[name].compute is None:
            return math.nan, math.nan
        found = SCORES[name].within(self.counts, weighting=self.weighting)
        return found.low, found.high


def evaluate(model: Model | Run | Trained | str | Path, *, split: str = "validation", data: str | Path | None = None) -> Evaluation:
    """Score a model on the data that it was trained for, under the same options, in the precision of its weights.

    Args:
        model: a model, or a run or a training, whose model is meant; or the folder of either, or a file of weights in it.
        split: ``validation``; or ``test``, which a search opens by itself to confirm its choice. That it is opened once more is
            noted: in the run (``summary.test_opened``), or beside the weights of a single training.
        data: folder of the original data files, where they lie elsewhere than they did.

    Raises:
        InvalidInput: there is no such split, no model, or a search whose test split must stay sealed.
        DataError: the data are not there, or are others.
    """
    check_split(split)
    subject = subject_of(model, data)
    trained = subject.model
    spec, device = trained.spec, trained.net.head.weight.device
    keep_float32_exact()
    root = trained.data if data is None else Path(data).expanduser().resolve()
    opened, wanted = subject.open(split, root)
    held_out = opened.on(device, parameter_dtype(spec.precision), wanted)
    weighting: Weighting = "samples" if split == "test" else opened.weighting
    found = evaluation.evaluate(trained.net, held_out)
    probed = probe(trained.net, held_out, weighting=weighting)
    scores = found.scores(weighting) | {name: value for name, value in probed.items() if math.isfinite(value)}
    return Evaluation(scores, found.counts, opened.info.names, split, weighting)
