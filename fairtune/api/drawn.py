"""What searches recorded, drawn as papers draw it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from fairtune.api.run import Run
from fairtune.errors import InvalidInput
from fairtune.names import shortened
from fairtune.report.chart import Chart
from fairtune.report.pairs import Pair, pair_charts
from fairtune.report.progressions import Followed, progression_charts, tells_information
from fairtune.report.settings import tells
from fairtune.report.strengths import SCORED, Weighed, strength_charts
from fairtune.space import Options
from fairtune.study.folders import database_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, Trial
from fairtune.study.teacher import baseline_teaches


def pairs(runs: Sequence[Run]) -> list[Chart]:
    """Baseline and choice of each search on the test split, called teacher and student where that is what they are in all.

    Raises:
        InvalidInput: one of them has not confirmed both.
    """
    found = []
    for run in runs:
        confirmed = run.summary.confirmed
        if missing := [role for role in ("baseline", "chosen") if role not in confirmed or not confirmed[role].test]:
            raise InvalidInput(
                f"the run {run.place.name} has not confirmed its {' and '.join(missing)} on the test split: go on with fairtune "
                f"resume {run.path}, or lower its --accuracy-floor"
            )
        name = f"{run.spec.model.name} on {run.spec.dataset.name}"
        found.append(Pair(name, confirmed["baseline"].test, confirmed["chosen"].test))
    if len({pair.name for pair in found}) < len(found):
        found = [pair._replace(name=run.place.name) for run, pair in zip(runs, found, strict=True)]
    taught = all(baseline_teaches(run.spec) for run in runs)
    return pair_charts(found, sides=("teacher", "student") if taught else ("baseline", "choice"))


def strengths(run: Run) -> list[Chart]:
    """sigma_IOU and accuracy of the trials against each weight that was searched.

    Raises:
        InvalidInput: no complete trial has one.
    """
    summary = run.summary
    tried = {
        (method, param): [weighed for trial in _complete(summary, method) if (weighed := _weighed(trial, param)) is not None]
        for method, param in _weights(run)
    }
    tried = {setting: trials for setting, trials in tried.items() if trials}
    if not tried:
        raise InvalidInput(
            f"no complete trial of the run {run.place.name} has a weight that was searched: search a method that has one, such as "
            "--method iou"
        )
    charts = []
    for (method, param), trials in tried.items():
        found = strength_charts(trials, param if len(tried) > 1 else shortened([param])[param], summary.baseline.val)
        of = f"-{method.replace('+', '-and-')}-{param.replace('.', '-')}" if len(tried) > 1 else ""
        charts += [replace(chart, name=f"{chart.name}{of}") for chart in found]
    return charts


def progressions(run: Run, trials: Sequence[int] = ()) -> list[Chart]:
    """Information and accuracies of the baseline and of some trials after each epoch.

    Args:
        run: the search.
        trials: by number; none for those with the lowest, the middle and the highest weight of a method, one that estimates the
            information if there is any, or else for the chosen one.

    Raises:
        InvalidInput: a trial was not trained, or the baseline.
    """
    summary, study = run.summary, SearchStudy(database_of(run.place), run.spec)
    assert study.baseline is not None
    followed = [Followed("baseline", study.baseline.result.history)]
    for number in trials or _few(run, summary, study):
        result = study.result(number) if number in range(len(summary.trials)) else None
        if result is None or not result.history:
            last = len(summary.trials) - 1
            raise InvalidInput(f"the run {run.place.name} has no trained trial {number}: its trials are 0 to {last}")
        followed.append(Followed(_name(run, summary.trials[number]), result.history))
    return progression_charts(followed)


def _weights(run: Run) -> Iterator[tuple[str, str]]:
    """Each method searched, with each weight of a loss that is searched for it."""
    for method, space in run.spec.spaces.items():
        for param, domain in space.search.items():
            if param.rpartition(".")[2] == "weight" and tells(domain) and not isinstance(domain, Options):
                yield method, param


def _weighed(trial: Trial, param: str) -> Weighed | None:
    if param not in trial.params or trial.val is None or not set(SCORED) <= trial.val.keys():
        return None
    return Weighed(trial.number, float(trial.params[param]), trial.val)


def _complete(summary: Summary, method: str) -> list[Trial]:
    return [trial for trial in summary.trials if trial.state == "complete" and trial.method == method]


def _few(run: Run, summary: Summary, study: SearchStudy) -> list[int]:
    found = []
    for method, param in _weights(run):
        own = [trial for trial in _complete(summary, method) if param in trial.params]
        ranked = [trial.number for trial in sorted(own, key=lambda trial: float(trial.params[param]))]
        few = list(dict.fromkeys(ranked[place] for place in (0, len(ranked) // 2, -1))) if ranked else []
        result = study.result(few[0]) if few else None
        if result is not None:
            found.append((not tells_information(result.history), few))
    if found:
        return min(found, key=lambda one: one[0])[1]
    return [] if summary.chosen is None else [summary.chosen.number]


def _name(run: Run, trial: Trial) -> str:
    """By its weights, which are what curves are compared by."""
    own = [param for method, param in _weights(run) if method == trial.method and param in trial.params]
    short = shortened(own)
    said = ", ".join(f"{short[param]} {float(trial.params[param]):.3g}" for param in own)
    return f"{trial.method}, {said} (#{trial.number})" if said else f"trial {trial.number}"
