"""What the feasible trials covered while the search went on, against the epochs that it had taken."""

from __future__ import annotations

import pandas as pd

from fairtune.names import counted
from fairtune.report.chart import Axis, Chart, Line, thinned
from fairtune.report.formats import COVERED
from fairtune.rules import View, covered
from fairtune.study.summary import Summary

_POINTS = 100


def volume_chart(summary: Summary) -> Chart | None:
    """A staircase over the trials; None before one is complete."""
    ended = [trial for trial in summary.trials if trial.state != "running"]
    views = {
        trial.number: View(trial.number, trial.params, trial.val, bool(trial.feasible))
        for trial in ended
        if trial.state == "complete" and trial.val is not None
    }
    if not views:
        return None
    rows = [{"trial": None, "epochs": 0, "hypervolume": 0.0}]
    for place in thinned(range(len(ended)), _POINTS, [len(ended) - 1]):
        so_far = [views[trial.number] for trial in ended[: place + 1] if trial.number in views]
        volume = covered(so_far, summary.objectives, summary.hypervolume_from) if so_far else 0.0
        rows.append({"trial": ended[place].number, "epochs": ended[place].search_epochs, "hypervolume": volume})
    table = pd.DataFrame(rows)
    return Chart(
        "hypervolume",
        f"hypervolume {COVERED}",
        Axis("epochs of all trials together", whole=True),
        Axis("share covered (higher is better)", low=0.0),
        [Line(table["epochs"].tolist(), table["hypervolume"].tolist(), "method0", step=True)],
        f"As measured, the feasible trials cover {summary.hypervolume:.4f} after "
        f"{counted(ended[-1].search_epochs, 'epoch')} of all trials together.",
        table,
    )
