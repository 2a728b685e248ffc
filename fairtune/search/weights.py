"""Which weights are kept: a rule never chooses a dominated trial, one net is handed over, and disks are finite."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.files import remove
from fairtune.rules import View, front
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.folders import RunFolder
from fairtune.study.retrained import first_complete, retrained, setting_of
from fairtune.study.study import SearchStudy


def keep_first(spec: SearchSpec, study: SearchStudy, folder: RunFolder, ended: TrialSpec) -> None:
    """Of a setting's retrainings that have ended keep the net that would be handed over, and remove the files of the others.

    Every setting keeps one: where a search goes on and chooses anew, what was retrained in another role is not retrained.

    Args:
        spec: the search.
        study: its record.
        folder: of the search.
        ended: the retraining that has ended last.
    """
    retrainings = retrained(spec, study)[setting_of(ended, spec)]
    first = first_complete(retrainings)
    for one in retrainings.values():
        if one != first:
            folder.job(one.key, one.result.spec).remove()


class Weights:
    """The weights of the front of a search, and of no other trial.

    A new trial is compared with the front alone, since what it dominates was on the front or is dominated already. Where further
    seeds move trials, what is dominated now may be chosen later: all are kept until the choice.

    Args:
        folder: of the search.
        objectives: of its rule.
        views: its complete trials so far.
        moving: whether trials may get further seeds.
    """

    def __init__(self, folder: RunFolder, objectives: Sequence[str], views: Sequence[View], *, moving: bool) -> None:
        self._folder = folder
        self._objectives = objectives
        self._moving = moving
        self._front: list[View] = []
        if not moving:
            self.judge(views)

    def keep(self, view: View) -> None:
        """Keep a complete trial's weights if it is on the front, and remove those that it dominates."""
        if not self._moving:
            self.judge([*self._front, view])

    def judge(self, views: Sequence[View]) -> None:
        """Keep the weights of the front of these trials, and remove the others'."""
        self._front = front(views, self._objectives)
        kept = {view.number for view in self._front}
        for view in views:
            if view.number not in kept:
                remove(self._folder.trial(view.number).weights)
