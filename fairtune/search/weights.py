"""Which trials' weights are kept: a rule never chooses a dominated trial, and disks are finite."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.files import remove
from fairtune.rules import View, front
from fairtune.study.folders import RunFolder


class Weights:
    """The weights of the front of a search, and of no other trial.

    A new trial is compared with the front alone, since what it dominates was on the front or is dominated already.

    Args:
        folder: of the search.
        objectives: of its rule.
        views: its complete trials so far.
    """

    def __init__(self, folder: RunFolder, objectives: Sequence[str], views: Sequence[View]) -> None:
        self._folder = folder
        self._objectives = objectives
        self._front: list[View] = []
        self._judge(views)

    def keep(self, view: View) -> None:
        """Keep a complete trial's weights if it is on the front, and remove those that it dominates."""
        self._judge([*self._front, view])

    def _judge(self, views: Sequence[View]) -> None:
        self._front = front(views, self._objectives)
        kept = {view.number for view in self._front}
        for view in views:
            if view.number not in kept:
                remove(self._folder.trial(view.number).weights)
