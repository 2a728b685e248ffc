"""Datasets: one file each, named as on the command line."""

from fairtune.datasets._base import Dataset, Info, Part, Pool
from fairtune.datasets._store import open_part

__all__ = ["Dataset", "Info", "Part", "Pool", "open_part"]
