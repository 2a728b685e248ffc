"""Files as a table names them and as they are called on the disk, which need not be the same."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fairtune.datasets._files import first_of
from fairtune.errors import DataError


class Found(NamedTuple):
    """Where files are.

    Attributes:
        names: of all files, relative to the folder, as the disk has them.
        otherwise: those that the table names in another form, by that name.
    """

    names: list[str]
    otherwise: dict[str, str]


def find_files(root: Path, names: Sequence[str]) -> Found:
    """Look for files; for what is not there, in another form: with / for the backslashes of Windows, with characters composed as
    the disk has them (macOS takes letters and accents apart), in the other case.

    Args:
        root: folder of the files.
        names: relative to it, see :func:`fairtune.datasets._files.within`.

    Raises:
        DataError: some are missing, or several files could be meant.
    """
    folders = _Folders(root)
    absent = [name for name in dict.fromkeys(names) if not os.path.exists(os.path.join(root, name))]  # noqa: PTH110, PTH118
    candidates = {name: folders.candidates(name) for name in absent}
    if missing := [name for name, found in candidates.items() if not found]:
        raise DataError(f"{len(missing)} of {len(names)} files are missing in {root}: {first_of(missing)}")
    if unclear := [f"{name} ({' or '.join(found)})" for name, found in candidates.items() if len(found) > 1]:
        raise DataError(
            f"files that are not there under their names, while several have names like them ({len(unclear)}): "
            f"{first_of(unclear, 3)}; write the names as they are in {root}"
        )
    otherwise = {name: found[0] for name, found in candidates.items()}
    return Found([otherwise.get(name, name) for name in names], otherwise)


class _Folders:
    """The folders below one, each listed once, when a name in it is looked for first."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listed: dict[str, dict[str, list[str]]] = {}

    def candidates(self, name: str) -> list[str]:
        """Files whose path is that name in another form."""
        found = [""]
        for part in name.replace("\\", "/").split("/"):
            found = [os.path.join(folder, entry) for folder in found for entry in self._entries(folder, part)]  # noqa: PTH118
        return sorted(found)

    def _entries(self, folder: str, part: str) -> list[str]:
        """What in a folder may be meant: what is called so, else what is in another form."""
        if folder not in self._listed:
            self._listed[folder] = {}
            path = self._root / folder
            for entry in sorted(os.listdir(path)) if path.is_dir() else []:  # noqa: PTH208
                self._listed[folder].setdefault(_form(entry), []).append(entry)
        alike = self._listed[folder].get(_form(part), [])
        return [part] if part in alike else alike


def _form(name: str) -> str:
    """What is equal for all forms of a name."""
    return unicodedata.normalize("NFC", name).casefold()
