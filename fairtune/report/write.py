"""All files of a report, from the study."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pandas as pd

from fairtune.files import remove, write_atomically, write_sealed, write_text
from fairtune.metrics import SCORES
from fairtune.report.figure import draw_front
from fairtune.report.figures import write_figures
from fairtune.report.material import Material, gather
from fairtune.report.page import render_page
from fairtune.report.rendering import write_picture
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder, without_folder
from fairtune.study.handed import HandedNet, handed_net
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, summarise


def write_all(spec: SearchSpec, place: Place, study: SearchStudy) -> Summary:
    """As :func:`write_report`, and every figure of the page as PNG, SVG and CSV into ``figures/``."""
    material = _write(spec, place, study)
    write_figures(material, RunFolder.of(place).figures)
    return material.summary


def write_report(spec: SearchSpec, place: Place, study: SearchStudy) -> Summary:
    """Write ``summary.json``, ``front.png``, ``trials.csv``, ``report.html`` and the chosen model into the run's folder.

    Returns:
        The summary.

    Raises:
        OSError: the folder may only be read.
        NoRoom: the disk is full.
    """
    return _write(spec, place, study).summary


def _write(spec: SearchSpec, place: Place, study: SearchStudy) -> Material:
    folder = RunFolder.of(place)
    summary = summarise(spec, place, study)
    material = gather(spec, place, study, summary)
    portable = summary.model_copy(update={"place": without_folder(place)})
    write_text(folder.summary, portable.model_dump_json(by_alias=True, indent=2) + "\n")
    write_picture(draw_front(summary), folder.figure)
    write_atomically(folder.table, lambda path: trials_table(summary).to_csv(path, index=False))
    write_text(folder.page, render_page(material))
    _keep_chosen(handed_net(spec, study, folder), folder)
    return material


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
            "epochs": trial.all_epochs,
            "seconds": round(trial.all_s, 3),
        }
        for trial in summary.trials
    ]
    return pd.DataFrame(rows, columns=columns)


def report_files(folder: RunFolder) -> list[Path]:
    """The files of a report, its figures apart."""
    return [folder.summary, folder.page, folder.figure, folder.table]


def _keep_chosen(net: HandedNet | None, folder: RunFolder) -> None:
    """Keep the net that is handed over beside the report, with its result, and no other's."""
    chosen = folder.chosen
    if net is not None and net.folder == chosen:
        return
    for file in (chosen.weights, chosen.result):
        remove(file)
    if net is not None:
        chosen.path.mkdir(exist_ok=True)
        for source, target in ((net.folder.weights, chosen.weights), (net.folder.result, chosen.result)):
            write_sealed(target, partial(shutil.copyfile, source))
