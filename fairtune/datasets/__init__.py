"""Datasets: one file each, named as on the command line."""

from fairtune._rooms import stands_for
from fairtune.datasets._alike import Alike, nearly_equal
from fairtune.datasets._base import Dataset
from fairtune.datasets._counts import lost_cells
from fairtune.datasets._cut import equal_cells
from fairtune.datasets._decoding import Fit, Reading
from fairtune.datasets._files import within
from fairtune.datasets._images import SUFFIXES, ImageFiles, images_below
from fairtune.datasets._oddities import narrow
from fairtune.datasets._once import check_images_apart
from fairtune.datasets._overlap import check_apart, check_same_test
from fairtune.datasets._pools import Content, Info, Part, Pool, Samples
from fairtune.datasets._reading import FIRST_ROW, column, read_listed, rows_named
from fairtune.datasets._store import (
    cache_folder,
    check_test_part,
    digest_of,
    is_prepared,
    open_columns,
    open_part,
    open_splits,
    open_test_labels,
    prepare,
    remarks_on,
    skipped,
)
from fairtune.datasets._twins import Twin, Twins
from fairtune.datasets._writing import OnBadImage, Progress, Report, silent

__all__ = [
    "FIRST_ROW",
    "SUFFIXES",
    "Alike",
    "Content",
    "Dataset",
    "Fit",
    "ImageFiles",
    "Info",
    "OnBadImage",
    "Part",
    "Pool",
    "Progress",
    "Reading",
    "Report",
    "Samples",
    "Twin",
    "Twins",
    "cache_folder",
    "check_apart",
    "check_images_apart",
    "check_same_test",
    "check_test_part",
    "column",
    "digest_of",
    "equal_cells",
    "images_below",
    "is_prepared",
    "lost_cells",
    "narrow",
    "nearly_equal",
    "open_columns",
    "open_part",
    "open_splits",
    "open_test_labels",
    "prepare",
    "read_listed",
    "remarks_on",
    "rows_named",
    "silent",
    "skipped",
    "within",
]

stands_for(__name__, "fairtune.api.listing:datasets")
