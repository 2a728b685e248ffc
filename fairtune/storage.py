"""Where machines without a folder in common leave files for each other: a path, S3 or GCS, through pyarrow's file systems.

A copy of a file is named ``NAME.GENERATION.BYTES.DIGEST`` and never written over, so what it must hold is known before it is read.
A new one comes first and the old ones go then: whoever is killed in between leaves one copy too many, which goes with the next.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from fairtune.addresses import shown
from fairtune.errors import InvalidInput, SearchFault
from fairtune.files import digest_of, is_whole, write_sealed
from fairtune.sizes import MIB

if TYPE_CHECKING:
    from pyarrow.fs import FileInfo, FileSystem

T = TypeVar("T")

_SCHEMES = ("file", "s3", "gs", "gcs")
_CHUNK_BYTES = 8 * MIB


class _Copy(NamedTuple):
    """A copy of a file: what it must hold, and how many there were before it."""

    generation: int
    name: str
    size: int
    digest: str
    whole: bool = True
    """False for one that was cut off while it was written."""

    @property
    def stored_as(self) -> str:
        return f"{self.name}.{self.generation:06d}.{self.size}.{self.digest}"

    @classmethod
    def of(cls, info: FileInfo) -> _Copy | None:
        """The copy that a file is; None for what is none."""
        with suppress(ValueError):
            name, generation, size, digest = info.base_name.rsplit(".", 3)
            return cls(int(generation), name, int(size), digest, info.size == int(size))
        return None


@dataclass(frozen=True)
class Shelf:
    """The copies of the files of one folder. Everything here raises :class:`SearchFault` where the storage fails.

    Args:
        address: of the storage.
        folder: in it.
        pauses_s: before what fails is tried again; the clients of S3 and GCS have tried a few times themselves by then.
    """

    address: str
    folder: str
    pauses_s: tuple[float, ...] = (1.0, 4.0, 15.0)

    @classmethod
    def of(cls, storage: str | None, folder: str) -> Shelf | None:
        """That of a folder in the folder of runs; None where machines have that in common, and so need no storage."""
        return None if storage is None else cls(storage, folder)

    def put(self, file: Path, keep: int = 1) -> None:
        """Leave a copy of a file that is here and whole.

        Args:
            file: the file.
            keep: how many of the latest copies of this name stay.
        """
        before = self._copies(file.name)
        copy = _Copy(before[0].generation + 1 if before else 1, file.name, file.stat().st_size, digest_of(file))
        self._patiently(lambda: self._write(file, copy))
        self._thin([copy, *before], keep)

    def keep_latest(self, name: str) -> None:
        """Remove all copies of a file but the latest."""
        self._thin(self._copies(name), 1)

    def take(self, file: Path) -> None:
        """Have the latest whole copy in a file's place; if there is none, what is there stays."""
        for copy in self._copies(file.name):
            if copy.whole and self._have(copy, file):
                return

    def remove(self, name: str) -> None:
        """Remove all copies of a file."""
        self._thin(self._copies(name), 0)

    def clear(self) -> None:
        """Remove everything."""
        self._unless_gone(lambda: self._system.delete_dir(self._root))

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in this folder and below."""
        return not self._files(recursive=True)

    def _copies(self, name: str) -> list[_Copy]:
        """The copies of a file, the latest first."""
        found = (_Copy.of(info) for info in self._files())
        return sorted((copy for copy in found if copy is not None and copy.name == name), reverse=True)

    def _thin(self, copies: Sequence[_Copy], keep: int) -> None:
        kept = [copy for copy in copies if copy.whole][:keep]
        for copy in copies:
            if copy not in kept:
                self._delete(copy)

    def _files(self, *, recursive: bool = False) -> list[FileInfo]:
        from pyarrow.fs import FileSelector, FileType

        def look() -> list[FileInfo]:
            found = self._system.get_file_info(FileSelector(self._root, allow_not_found=True, recursive=recursive))
            return [info for info in found if info.type == FileType.File]

        return self._patiently(look)

    def _write(self, file: Path, copy: _Copy) -> None:
        if self._system.type_name == "local":
            self._system.create_dir(self._root)
        with file.open("rb") as source, self._system.open_output_stream(f"{self._root}/{copy.stored_as}") as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)

    def _have(self, copy: _Copy, file: Path) -> bool:
        """Have a copy in a file's place, if it holds what it must."""
        if is_whole(file) and digest_of(file) == copy.digest:
            return True
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(_Torn):
            self._patiently(lambda: write_sealed(file, lambda scratch: self._read(copy, scratch)))
            return True
        return False

    def _read(self, copy: _Copy, scratch: Path) -> None:
        with self._system.open_input_stream(f"{self._root}/{copy.stored_as}") as source, scratch.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        if digest_of(scratch) != copy.digest:
            raise _Torn

    def _delete(self, copy: _Copy) -> None:
        self._unless_gone(lambda: self._system.delete_file(f"{self._root}/{copy.stored_as}"))

    def _unless_gone(self, remove: Callable[[], object]) -> None:
        with suppress(_Gone):
            self._patiently(remove)

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try again what fails, a few times."""
        for pause in self.pauses_s:
            try:
                return self._once(act)
            except _Gone:
                raise
            except SearchFault:
                time.sleep(pause)
        return self._once(act)

    def _once(self, act: Callable[[], T]) -> T:
        try:
            return act()
        except OSError as error:
            kind = _Gone if isinstance(error, FileNotFoundError) else SearchFault
            raise kind(f"the storage {self.address} fails: {' '.join(str(error).split())}") from error

    @property
    def _system(self) -> FileSystem:
        return _opened(self.address)[0]

    @property
    def _root(self) -> str:
        return f"{_opened(self.address)[1]}/{self.folder}"


class _Gone(SearchFault):
    """A file, or a bucket, that is not there."""


class _Torn(Exception):
    """A copy that does not hold what it must."""


def check_storage(address: str) -> str:
    """A storage's address, a path made absolute.

    Raises:
        InvalidInput: it is none, or holds a password.
    """
    if shown(address) != address:
        raise InvalidInput(
            f"--storage {shown(address)}: leave keys and passwords out, they would be kept with the run; S3's client takes them "
            "from the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) or from its own files, on every node"
        )
    if "://" not in address:
        return str(Path(address).expanduser().resolve())
    scheme, _, rest = address.partition("://")
    if scheme not in _SCHEMES or not rest.lstrip("/"):
        raise InvalidInput(f"--storage {address}: give a path that all machines see, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER")
    return address


def fault_of_storage(address: str) -> str | None:
    """Why nothing can be left in a storage; None if something can. A file is left there and removed to know."""
    with tempfile.NamedTemporaryFile(prefix="fairtune-") as probe:
        shelf = Shelf(address, Path(probe.name).name, pauses_s=())
        try:
            shelf.put(Path(probe.name))
            shelf.clear()
        except (SearchFault, ValueError) as fault:
            return f"--storage {address}: {fault}"
    return None


@cache
def _opened(address: str) -> tuple[FileSystem, str]:
    """A file system and a folder in it, opened once in a process."""
    from pyarrow.fs import FileSystem

    system, folder = FileSystem.from_uri(address)
    return system, folder.rstrip("/")
