"""Datasets: one file each, named as on the command line."""

from fairtune.datasets._base import Dataset, Info, Part, Pool, Samples, lost_cells
from fairtune.datasets._cut import equal_cells
from fairtune.datasets._files import state_of, within
from fairtune.datasets._images import Fit, ImageFiles
from fairtune.datasets._overlap import check_apart
from fairtune.datasets._store import OnBadImage, Progress, Report, open_part, open_splits, prepare, silent, skipped

__all__ = [
    "Dataset",
    "Fit",
    "ImageFiles",
    "Info",
    "OnBadImage",
    "Part",
    "Pool",
    "Progress",
    "Report",
    "Samples",
    "check_apart",
    "equal_cells",
    "lost_cells",
    "open_part",
    "open_splits",
    "prepare",
    "silent",
    "skipped",
    "state_of",
    "within",
]
