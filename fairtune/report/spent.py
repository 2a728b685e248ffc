"""What searches took, in columns of a table."""

from __future__ import annotations

from fairtune.report.progress import format_duration
from fairtune.study.spent import Spent

SPENT = ("epochs", "training time", "time of a GPU")
"""Titles of what :func:`format_spent` gives."""
SPENT_ON = "epochs and times are of a method's own trials, their further seeds and its retrainings, without the plain baseline's"
"""What is counted."""


def format_spent(spent: Spent) -> list[str]:
    """Its epochs and times; a dash where no GPU had a share."""
    return [f"{spent.epochs}", format_duration(spent.seconds), format_duration(spent.gpu_s) if spent.gpu_s else "-"]
