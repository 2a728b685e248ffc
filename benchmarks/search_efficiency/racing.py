"""Racing, by the search's own code: the most promising settings are trained again before one is chosen."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

from benchmarks.search_efficiency.replay import Scores, Trained
from benchmarks.search_efficiency.table import Table
from fairtune.rules import Rule, View
from fairtune.search.race import MOST_SEEDS, Runner, next_up
from fairtune.search.repeats import RACE_SHARE, most_in_race
from fairtune.seeding import generator
from fairtune.study.record import mean_scores

KEPT = RACE_SHARE / (1 + RACE_SHARE)
"""What of a budget is kept for a race."""


class Race:
    """A race of the trials of one search, as ``--seeds-per-trial auto`` has it.

    Args:
        table: the table.
        scores: of a replicate, by the estimate that the search goes by.
        replicates: the first is the one that was searched; a setting is trained again on the others, in this order.
        rule: chooses among the settings.
        seed: of the search.
    """

    def __init__(self, table: Table, scores: Callable[[int], Scores], replicates: Sequence[int], rule: str, *, seed: int) -> None:
        self._table, self._scores, self._replicates, self._seed = table, scores, replicates, seed
        self._rule = Rule.load(rule).build()

    def run(self, trained: Sequence[Trained], *, epochs: int) -> list[Trained]:
        """The trials with the means of their scores over all their trainings.

        Args:
            trained: the trials.
            epochs: what may be spent on more trainings.
        """
        begun = dict.fromkeys((trial.view.number for trial in trained), 1)
        for place in range(min(epochs // self._table.length, most_in_race(len(trained)))):
            runners = [self._runner(trial, begun[trial.view.number]) for trial in trained]
            number = next_up(runners, self._rule, generator(self._seed, "race", place))
            if number is None:
                break
            begun[number] += 1
        return [trial._replace(view=self._view(trial, begun[trial.view.number])) for trial in trained]

    def _runner(self, trial: Trained, begun: int) -> Runner:
        scored, floor = self._scored(trial.setting, begun)
        left = begun < len(self._replicates)
        return Runner(trial.view.number, trial.view.params, scored, floor, begun - len(scored) if left else MOST_SEEDS)

    def _view(self, trial: Trained, begun: int) -> View:
        scored, floor = self._scored(trial.setting, begun)
        val = mean_scores(scored)
        return trial.view._replace(val=val, feasible=val["accuracy"] >= floor)

    def _scored(self, setting: int, begun: int) -> tuple[list[dict[str, float]], float]:
        """The scores of a setting's first trainings, as far as they came to their end, and the mean of their floors."""
        ended = [number for number in self._replicates[:begun] if self._table.ended(setting, number)]
        of = [self._scores(number) for number in ended]
        return [scores.at(setting, scores.epochs) for scores in of], statistics.fmean(scores.floor for scores in of)
