"""A trained model's scores on the validation or the test split."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from fairtune.api.ensemble import check_single
from fairtune.api.model import Model
from fairtune.api.moved import with_thresholds
from fairtune.api.run import Run
from fairtune.api.subject import Subject, check_split, subject_of
from fairtune.api.train import Trained
from fairtune.batches.split import DeviceSplit
from fairtune.errors import InvalidInput
from fairtune.metrics import ESTIMATES, SCORES, Weighting, name_only_class, name_small_cells, only_class, scores, small_cells
from fairtune.models import Net
from fairtune.names import Names
from fairtune.records import GroupCounts
from fairtune.study.ensemble import ScoredEnsemble
from fairtune.study.fitted import Fitted, check_way
from fairtune.study.folders import RunFolder
from fairtune.training import evaluate as evaluation
from fairtune.training.device import keep_float32_exact, parameter_dtype
from fairtune.training.moving import outputs
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
        thresholds: the way by which its decisions were moved; None where they were left alone.
        seeds: of the nets that were averaged; none for a single net.
    """

    scores: dict[str, float]
    counts: GroupCounts
    names: Names
    split: str = "validation"
    weighting: Weighting = "samples"
    thresholds: str | None = None
    seeds: tuple[int, ...] = ()

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

    @property
    def remarks(self) -> list[str]:
        """What the scores do not say: that every sample is given one class, and which cells are too small to conclude from."""
        useless = name_only_class(only_class(self.counts), self.names)
        small = name_small_cells(self.split, small_cells(self.counts.cells), self.names)
        return [said for said in (useless, small) if said is not None]

    def _limits(self, name: str) -> tuple[float, float]:
        if SCORES[name].compute is None:
            return math.nan, math.nan
        found = SCORES[name].within(self.counts, weighting=self.weighting)
        return found.low, found.high


def evaluate(
    model: Model | Run | Trained | str | Path,
    *,
    split: str = "validation",
    data: str | Path | None = None,
    thresholds: str | None = None,
    ensemble: bool = False,
) -> Evaluation:
    """Score a model on the data that it was trained for, under the same options, in the precision of its weights.

    Args:
        model: a model, or a run or a training, whose model is meant; or the folder of either, or a file of weights in it.
        split: ``validation``; or ``test``, which a search opens by itself to confirm its choice. That it is opened once more is
            noted: in the run (``summary.test_opened``), or beside the weights of a single training.
        data: folder of the original data files, where they lie elsewhere than they did.
        thresholds: a way to move its decisions (``docs/thresholds.md``), fitted on the validation split, by the rule and the floor
            of the search that it is of. What it then scores on that split is of each quarter decided by what was fitted on the
            others. Only scores of decisions are told. A model that has its thresholds moved already is scored so without it.
        ensemble: of a run, the mean of the probabilities of all retrainings of its choice, as :meth:`Run.model` takes it; what that
            scores on the test split is kept in the run, for the card of an export.

    Raises:
        InvalidInput: there is no such split, no model, or a search whose test split must stay sealed; or no such way, no search
            that the model is of, or no point of the way reaches the floor.
        DataError: the data are not there, or are others.
    """
    check_split(split)
    if thresholds is not None:
        check_way(thresholds)
        check_single(thresholds, ensemble=ensemble)
    subject = subject_of(model, data, ensemble=ensemble)
    trained = subject.model
    root = trained.data if data is None else Path(data).expanduser().resolve()
    if thresholds is not None:
        search = _search_of(subject)
        trained = with_thresholds(trained, thresholds, search.spec, search.summary.floor, root)
    keep_float32_exact()
    opened, wanted = subject.open(split, root)
    held_out = opened.on(trained.device, parameter_dtype(trained.spec.precision), wanted)
    weighting: Weighting = "samples" if split == "test" else opened.weighting
    if trained.thresholds is not None:
        counts = trained.thresholds.point.val if split == "validation" else _moved(trained.net, held_out, trained.thresholds)
        found = scores(counts, weighting=weighting)
        return Evaluation(found, counts, opened.info.names, split, weighting, trained.thresholds.name)
    scored = evaluation.evaluate(trained.net, held_out)
    probed = probe(trained.net, held_out, weighting=weighting)
    found = scored.scores(weighting) | {name: value for name, value in probed.items() if math.isfinite(value)}
    if trained.members and split == "test" and subject.runs:
        kept = ScoredEnsemble(trainings=tuple(one.id for one in trained.members), test=found, counts=scored.counts)
        kept.write(RunFolder(subject.runs[0].path).ensemble)
    seeds = tuple(one.seed for one in trained.members)
    return Evaluation(found, scored.counts, opened.info.names, split, weighting, seeds=seeds)


def _search_of(subject: Subject) -> Run:
    if len(subject.runs) != 1:
        raise InvalidInput(
            "--thresholds: the rule and the floor of a search pick how far they are moved, and this model is of "
            f"{len(subject.runs)} searches: give the folder of a run, or weights in one"
        )
    return subject.runs[0]


def _moved(net: Net, split: DeviceSplit, fitted: Fitted) -> GroupCounts:
    scored = outputs(net, split)
    return fitted.adjustment(scored).counts(scored)
