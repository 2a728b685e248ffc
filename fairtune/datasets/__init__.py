"""Datasets: one file each, named as on the command line."""

from fairtune.datasets._base import Dataset, Info, Part, Pool, Samples, equal_cells
from fairtune.datasets._files import state_of
from fairtune.datasets._store import Progress, open_part, open_splits, prepare

__all__ = [
    "Dataset",
    "Info",
    "Part",
    "Pool",
    "Progress",
    "Samples",
    "equal_cells",
    "open_part",
    "open_splits",
    "prepare",
    "state_of",
]
