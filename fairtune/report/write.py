"""All files of a report, from the study."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pandas as pd

from fairtune.files import is_whole, remove, write_atomically, write_sealed, write_text
from fairtune.metrics import SCORES
from fairtune.report.figure import draw_front
from fairtune.report.page import render_page
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder, without_folder
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, summarise


def write_report(spec: SearchSpec, place: Place, study: SearchStudy) -> Summary:
    """Write ``summary.json``, ``front.png``, ``trials.csv``, ``report.html`` and the chosen model into the run's folder.

    Returns:
        The summary.

    Raises:
        OSError: the folder may only be read.
        NoRoom: the disk is full.
    """
    folder = RunFolder.of(place)
    summary = summarise(spec, place, study)
    portable = summary.model_copy(update={"place": without_folder(place)})
    write_text(folder.summary, portable.model_dump_json(by_alias=True, indent=2) + "\n")
    write_atomically(folder.figure, lambda path: draw_front(summary).savefig(path, format="png"))
    write_atomically(folder.table, lambda path: trials_table(summary).to_csv(path, index=False))
    write_text(folder.page, render_page(summary, folder.figure))
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
    result = trained.read_result()
    if result is not None and chosen.read_ended(result.spec) is None:  # what another trial left that was chosen before
        remove(chosen.weights)
    for source, target in ((trained.weights, chosen.weights), (trained.result, chosen.result)):
        if is_whole(source):
            write_sealed(target, partial(shutil.copyfile, source))
