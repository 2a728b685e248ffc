"""Images of the user's own, listed in a table."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.datasets._columnar import SUFFIXES, holds_images, schema_of
from fairtune.datasets._embedded import name_of, read_from
from fairtune.datasets._files import stamp
from fairtune.datasets._images import ImageFiles
from fairtune.datasets._listed import OwnImages
from fairtune.datasets._own_table import Table
from fairtune.datasets._reading import Listed, read_listed
from fairtune.datasets._tones import Tones, read_window
from fairtune.errors import DataError
from fairtune.space import Text, Value, hyperparameter

_SHARD = re.compile(r"(train|validation|valid|val|dev|test)(?![a-z])", re.IGNORECASE)
_PATTERN = re.compile(r"[*?\[]")


@dataclass(kw_only=True)
class Manifest(OwnImages):
    """Images of your own, listed in a CSV, Parquet or Arrow file.

    x: images of any format and size, stored and seen as squares of ``size`` pixels. y: the column ``target``. a: the column
    ``group``, or several at once (``sex+age``). Both may hold words or numbers; classes and groups are their different values, in
    order; numbers may be put into ``bins``.

    The file has one row for each image, a heading line, and at least three columns: the path of the image (below the folder
    given by --data), the target and the group. A column ``split`` with train, validation and test decides the splits; without
    test a fixed share ``test_frac`` of every cell is held out for the test split, without validation ``val_frac`` of the others.
    A column ``source`` names what must not be in two splits: the patient, the person, the original of several images.

    The images may lie in the file itself: if the column ``path`` of a Parquet or Arrow file holds bytes, they are those. Several
    such files are one table, ``file=data/*.parquet``; their names, such as ``train-00000-of-00002.parquet``, say the split then.
    """

    cache_name: ClassVar[str] = "manifest-2"
    obtain: ClassVar[str] = "write a CSV file with the columns path, target and group; name it with --set file=FILE"

    file: str = hyperparameter(
        "manifest.csv", Text(), help="CSV, Parquet or Arrow file, or *.parquet; in the folder given by --data or absolute"
    )
    path: str = hyperparameter("path", Text(), help="column of the images' paths, or of the images")
    checksum: str = hyperparameter("", Text(), help="of the file, filled in when a search starts, so that it cannot change later")

    @classmethod
    def complete(cls, given: Mapping[str, Value], root: Path | None = None) -> dict[str, Value]:
        """Defaults filled in, and the checksum of the file as it is now."""
        options = super().complete(given, root)
        files = [] if root is None else _files(root, str(options["file"]))
        there = bool(files) and all(file.is_file() for file in files)
        return options | ({"checksum": _checksum(files)} if there else {})

    @property
    def path_column(self) -> str:
        """As the option says."""
        return self.path

    def listed_in(self, root: Path) -> Path:
        """The file."""
        return root / self.file

    def stamp(self, root: Path) -> object:
        """The state of the files."""
        return tuple(stamp(file) for file in self._tables(root))

    def listing(self, root: Path) -> Listed:
        """The file's rows; of several files those of all."""
        files = self._tables(root)
        if self.checksum and self.checksum != _checksum(files):
            raise DataError(f"{root / self.file} has changed since the search was started: start a new one, or put the file back")
        read = [self._listing(root, file) for file in files]
        rows = pd.concat([one.rows for one in read]) if len(read) > 1 else read[0].rows
        rows = rows.set_axis(np.arange(1, len(rows) + 1)) if len(read) > 1 else rows
        return Listed(rows, tuple(remark for one in read for remark in one.remarks))

    def images(self, root: Path, names: list[str]) -> ImageFiles:
        """Files, or what lies in the table."""
        if not self._has_images(root):
            return super().images(root, names)
        tones, content = Tones(None, read_window(self.window)), read_from(self.path)
        return ImageFiles(self._folder(root), names, (self.size, self.size), self._fit, tones, content)

    def files(self, root: Path, names: list[str]) -> list[str]:
        """The images, or the table that they lie in."""
        if not self._has_images(root):
            return super().files(root, names)
        return [str(file) if Path(self.file).is_absolute() else os.path.relpath(file, root) for file in self._tables(root)]

    def check_images(self, root: Path, table: Table) -> None:
        """Look for the files; what lies in the table is there."""
        if not self._has_images(root):
            super().check_images(root, table)

    def remarks_on_files(self, root: Path, table: Table) -> list[str]:
        """None of what lies in the table."""
        return [] if self._has_images(root) else super().remarks_on_files(root, table)

    def numbering(self) -> object:
        """Rows of the file, or the values of a column of it."""
        return self.file, *self._numbering()

    def _listing(self, root: Path, file: Path) -> Listed:
        listed = read_listed(file)
        if not self._has_images(root):
            return listed
        name = os.path.relpath(file, self._folder(root))
        rows = listed.rows.assign(**{self.path: [name_of(name, row) for row in range(len(listed.rows))]})
        if self.splits not in rows and (found := _SHARD.match(file.name)) and _PATTERN.search(self.file):
            rows = rows.assign(**{self.splits: found[1].lower()})
        return Listed(rows, listed.remarks)

    def _has_images(self, root: Path) -> bool:
        """Whether the column of the images holds them, and not their paths."""
        file = self._tables(root)[0]
        if file.suffix.lower() not in SUFFIXES:
            return False
        try:
            schema = schema_of(file)
        except (OSError, ValueError):
            return False  # it is refused where its rows are read
        return self.path in schema.names and holds_images(schema.field(self.path))

    def _folder(self, root: Path) -> Path:
        """What names of images in tables are relative to."""
        return Path(self.file).parent if Path(self.file).is_absolute() else root

    def _tables(self, root: Path) -> list[Path]:
        files = _files(root, self.file)
        if not files or not all(file.is_file() for file in files):
            raise DataError(f"there is no file {root / self.file}: {self.obtain}, relative to --data or absolute")
        return files


def _files(root: Path, name: str) -> list[Path]:
    """The file of a name, or the files of a pattern, in order."""
    if not _PATTERN.search(name) or (root / name).is_file():
        return [root / name]
    folder = Path(name).anchor or root
    return sorted(Path(folder).glob(name.removeprefix(Path(name).anchor)))


def _checksum(files: list[Path]) -> str:
    """Of one file that of its content, of several that of their contents' digests."""
    digests = [_sha256(file) for file in files]
    return (digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest())[:16]


def _sha256(file: Path) -> str:
    """The SHA-256 of a file's content."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
