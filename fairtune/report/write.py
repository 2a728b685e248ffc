"""All files of a report, from the study."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd

from fairtune.files import write_atomically
from fairtune.metrics import SCORES
from fairtune.report.figure import draw_front
from fairtune.report.page import render_page
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, summarise


def write_report(spec: SearchSpec, place: Place, study: SearchStudy) -> Summary:
    """Write ``summary.json``, ``front.png``, ``trials.csv``, ``report.html`` and the chosen model into the run's folder.

    Returns:
        The summary.
    """
    folder = RunFolder.of(place)
    summary = summarise(spec, place, study)
    text = summary.model_dump_json(by_alias=True, indent=2)
    write_atomically(folder.summary, lambda path: path.write_text(text + "\n"))
    draw_front(summary).savefig(folder.figure)
    trials_table(summary).to_csv(folder.table, index=False)
    page = render_page(summary, folder.figure)
    write_atomically(folder.page, lambda path: path.write_text(page))
    if summary.chosen is not None:
        _keep_chosen(folder, summary.chosen.number)
    return summary


def trials_table(summary: Summary) -> pd.DataFrame:
    """One row per trial."""
    params = dict.fromkeys(name for trial in summary.trials for name in trial.params)
    scored = {name for trial in summary.trials for name in trial.val or {}}
    scores = [name for name in SCORES if name in scored]
    columns = ["number", "method", *params, *scores, "feasible", "front", "state", "epochs", "seconds"]
    rows = [
        {
            "number": trial.number,
            "method": trial.method,
            **trial.params,
            **{name: trial.score(name) for name in scores},
            "feasible": trial.feasible,
            "front": trial.number in summary.front,
            "state": trial.state,
            "epochs": trial.epochs,
            "seconds": round(trial.seconds, 3),
        }
        for trial in summary.trials
    ]
    return pd.DataFrame(rows, columns=columns)


def report_files(folder: RunFolder) -> list[Path]:
    """The files of a report."""
    return [folder.summary, folder.page, folder.figure, folder.table]


def _keep_chosen(folder: RunFolder, number: int) -> None:
    trained, chosen = folder.trial(number), folder.chosen
    chosen.path.mkdir(exist_ok=True)
    for source, target in ((trained.weights, chosen.weights), (trained.result, chosen.result)):
        if source.is_file():
            shutil.copyfile(source, target)
