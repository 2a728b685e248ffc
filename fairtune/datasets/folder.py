"""Images of the user's own in folders, one for each class."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from fairtune.datasets._files import first_of
from fairtune.datasets._images import images_below
from fairtune.datasets._listed import OwnImages
from fairtune.datasets._reading import Listed
from fairtune.errors import DataError, InvalidInput
from fairtune.space import Text, hyperparameter

_TOKEN = re.compile(r"\{(\w+)\}|\*\*/|\*")


@dataclass(kw_only=True)
class Folder(OwnImages):
    """Images of your own in folders, one for each class, as torchvision's ``ImageFolder`` has them.

    x, y, a and the splits are those of ``manifest``; what a table would say stands in the path of each image, as ``pattern`` reads
    it: ``{target}/{group}/*`` is a folder for each class with one for each group in it, ``{split}/{target}/{group}_*`` has the
    group before the first ``_`` of a file's name, ``{target}/{patient}-*_{sex}_{age}.*`` several columns for ``group=sex+age`` and
    ``source=patient``. A name in braces is any text without a slash, as short as can be, ``*`` likewise, and ``**/`` any folders.
    """

    cache_name: ClassVar[str] = "folder-1"
    obtain: ClassVar[str] = "put images into folders named after their classes, below the folder given by --data"

    folder: str = hyperparameter(".", Text(), help="folder of the images, in the folder given by --data")
    pattern: str = hyperparameter("{target}/{group}/*", Text(), help="what the path of an image below it says")

    def listed_in(self, root: Path) -> Path:
        """The folder."""
        return root / self.folder

    def stamp(self, root: Path) -> object:
        """The names of the images."""
        return self._files(root)

    def listing(self, root: Path) -> Listed:
        """A row for each image whose path the pattern reads."""
        pattern, files = self._expression(), self._files(root)
        matches = {file: pattern.fullmatch(file) for file in files}
        fields = [{"path": self._below(file), **match.groupdict()} for file, match in matches.items() if match]
        if not files:
            raise DataError(f"{self.listed_in(root)} holds no image: {self.obtain}")
        if not fields:
            raise DataError(
                f"{self.listed_in(root)}: none of {len(files):,} images has a path like {self.pattern}, for instance "
                f"{first_of(list(files), 2)}: say how paths are made, --set pattern=, or {self.obtain}"
            )
        rows = pd.DataFrame(fields, index=np.arange(1, len(fields) + 1), dtype=object).apply(_stripped)
        odd = [file for file, match in matches.items() if match is None]
        told = f"images whose paths are not like {self.pattern} are left out ({len(odd):,}): {first_of(odd, 3)}"
        return Listed(rows, (told,) if odd else ())

    def numbering(self) -> object:
        """Images in the order of their paths, or the values of a part of them."""
        return self.folder, self.pattern, *self._numbering()

    def _below(self, file: str) -> str:
        return f"{self.folder.rstrip('/')}/{file}"

    def _files(self, root: Path) -> tuple[str, ...]:
        """The images, relative to the folder."""
        folder = self.listed_in(root)
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}: {self.obtain}")
        return tuple(images_below(folder))

    def _expression(self) -> re.Pattern[str]:
        names = [match[1] for match in _TOKEN.finditer(self.pattern) if match[1]]
        if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
            raise InvalidInput(f"--set pattern={self.pattern}: {{{twice[0]}}} stands in it twice: name each part once")
        if odd := [name for name in names if name[0].isdigit()]:
            raise InvalidInput(f"--set pattern={self.pattern}: {{{odd[0]}}} must begin with a letter")
        places = [*_TOKEN.finditer(self.pattern)]
        starts, ends = [0, *(match.end() for match in places)], [*(match.start() for match in places), len(self.pattern)]
        between = [re.escape(self.pattern[start:end]) for start, end in zip(starts, ends, strict=True)]
        tokens = [_token(match) for match in places]
        return re.compile("".join(text + token for text, token in zip(between, [*tokens, ""], strict=True)))


def _token(match: re.Match[str]) -> str:
    if match[1]:
        return f"(?P<{match[1]}>[^/]+?)"
    return "(?:.*/)?" if match[0] == "**/" else "[^/]*?"


def _stripped(values: pd.Series[str]) -> pd.Series[str]:
    return values.str.strip().astype(object)
