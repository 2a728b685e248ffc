"""Which net a search hands over, and what it scored itself."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from fairtune.metrics import UNDEFINED, CellScore, Interval, cell_scores
from fairtune.rules import objectives_of
from fairtune.spec import SearchSpec, TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey, JobName
from fairtune.study.retrained import confirmed_scores, first_complete, retrained
from fairtune.study.study import SearchStudy
from fairtune.training.folder import TrialFolder


class Handed(BaseModel):
    """The training whose net is handed over, and that very net's scores on the test split.

    Attributes:
        job: its name: a retraining of the choice, or the chosen trial itself where no net of a retraining is left.
        seed: of the training.
        test: by score, with the interval that the test samples leave open; empty for a net that was never tested.
        cells: accuracy of each class and group on the test split, likewise.
    """

    model_config = ConfigDict(extra="forbid")

    job: JobName
    seed: int
    test: dict[str, Interval]
    cells: tuple[CellScore, ...]

    @property
    def why(self) -> str:
        """Why this training and no other, in words."""
        if self.job.kind == "final":
            return "the first seed that completed, in an order fixed before the test split was opened"
        return "the trial itself, as no net of a confirmation is here"

    def score(self, name: str) -> Interval:
        """A score on the test split; undefined where there is none."""
        return self.test.get(name, UNDEFINED)


class HandedNet(NamedTuple):
    """The training whose net is handed over.

    Attributes:
        key: names it within the search.
        result: what came of it; has test scores unless it is a trial.
        folder: where the net is.
    """

    key: JobKey
    result: TrialResult
    folder: TrialFolder


def handed_net(spec: SearchSpec, study: SearchStudy, folder: RunFolder) -> HandedNet | None:
    """The net that a search hands over: that of the choice's first retraining, else, in runs without, that of the chosen trial.

    None if nothing is chosen, or there is no net of it any more.
    """
    number = None if study.choice is None else study.choice.number
    chosen = None if number is None else study.record(number).result
    if number is None or chosen is None:
        return None
    tested = first_complete(retrained(spec, study).get(chosen.id, {}))
    if tested is not None and (net := _net_of(tested.key, tested.result.spec.id, folder)) is not None:
        return net
    return _net_of(JobKey.trial(number), chosen.id, folder)


def confirmed_nets(spec: SearchSpec, study: SearchStudy, folder: RunFolder) -> dict[int, HandedNet | None]:
    """The nets of all retrainings of the choice that completed, by seed: None for one whose files are gone."""
    number = None if study.choice is None else study.choice.number
    chosen = None if number is None else study.record(number).result
    if chosen is None:
        return {}
    retrainings = retrained(spec, study).get(chosen.id, {})
    done = {seed: one for seed, one in retrainings.items() if one.result.state == "complete"}
    return {seed: _net_of(one.key, one.result.spec.id, folder) for seed, one in done.items()}


def _net_of(key: JobKey, training: str, folder: RunFolder) -> HandedNet | None:
    """The net of a training by its id, from its own folder or from what an earlier report kept."""
    own = folder.trial(key.number) if key.number is not None else folder.final(str(key.role), int(key.seed or 0))
    for place in (own, folder.chosen):
        result = place.read_trained()
        if result is not None and result.spec.id == training:
            return HandedNet(key, result, place)
    return None


def handed_over(net: HandedNet, spec: SearchSpec) -> Handed:
    """What is said of a net that is handed over."""
    result = net.result
    if result.test_counts is None:
        return Handed(job=net.key, seed=result.spec.seed, test={}, cells=())
    test, cells = confirmed_scores([result], objectives_of(spec.select)), cell_scores(result.test_counts)
    return Handed(job=net.key, seed=result.spec.seed, test=test, cells=cells)
