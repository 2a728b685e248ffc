"""The cache of decoded pools: one copy per machine, memory-mapped by every process.

Pools are named by what they were made of (:mod:`fairtune.datasets._identity`): equal content is decoded once, and pools of other
content never take each other's place. With them lie the states of the files that are known to have this content.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from filelock import FileLock

from fairtune.datasets._base import Dataset
from fairtune.datasets._identity import Identity, differences, digest_files, identify
from fairtune.datasets._oddities import remarks_on_images
from fairtune.datasets._pools import Part, Pool
from fairtune.datasets._twins import read_twins
from fairtune.datasets._writing import SKIPPED, OnBadImage, Progress, Report, columns_file, samples_file, save, silent
from fairtune.errors import DataError, NoRoom
from fairtune.files import is_whole, write_text
from fairtune.records import Array, Purpose, Split
from fairtune.room import MARGIN, is_full

_log = logging.getLogger(__name__)
_FILES, _STATE = "files.json", "state-"


def cache_folder() -> Path:
    """``$FAIRTUNE_CACHE``, by default ``~/.cache/fairtune``."""
    return Path(os.environ.get("FAIRTUNE_CACHE") or Path.home() / ".cache" / "fairtune").expanduser()


def open_part(dataset: Dataset, root: Path, part: Part, *, purpose: Purpose = Purpose.SEARCH, digest: str | None = None) -> Pool:
    """The decoded pool of one part, from the cache; decoded into it first if need be.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        part: the others' samples are not opened.
        purpose: what the samples are wanted for; the test part is opened for the confirmation of a search only.
        digest: what :func:`digest_of` said of them; other content is refused. None takes any.

    Raises:
        ValueError: the test part is asked for any other purpose.
        DataError: the files are missing, damaged or others than wanted, or the cache cannot be written.
    """
    if part == "test" and not purpose.opens_test:
        raise ValueError(f"the test part is opened for a final only, not for a training whose purpose is {purpose.value}")
    return _open(_whole(dataset, root, _all_of, part, digest=digest), part)


def open_splits(dataset: Dataset, root: Path, train_fraction: float = 1.0, *, digest: str | None = None) -> dict[str, Split]:
    """The splits ``train`` and ``validation``; the test part is not opened.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        train_fraction: share of ``train`` to keep.
        digest: as for :func:`open_part`.

    Raises:
        DataError: as :func:`open_part`; or a split lacks samples that training or scoring needs.
    """
    folder = _whole(dataset, root, _all_of, *dataset.training_parts(), digest=digest)
    pools = {part: _open(folder, part) for part in dataset.training_parts()}
    return dataset.training_splits(pools, dataset.describe(root), train_fraction)


def check_test_part(dataset: Dataset, root: Path) -> None:
    """Check that the test split can be scored, from its labels and groups alone.

    Raises:
        DataError: as :func:`open_part`; or a class or a group is missing in it.
    """
    dataset.check_test(_labels_of_test(dataset, root), dataset.describe(root))


def open_test_labels(dataset: Dataset, root: Path) -> Split:
    """The test split's labels, groups and sources, to be counted and compared before a search; its pool is empty.

    Raises:
        DataError: as :func:`open_part`.
    """
    return dataset.test_split(_labels_of_test(dataset, root), dataset.describe(root))


def remarks_on(dataset: Dataset, root: Path) -> list[str]:
    """What a user should know of the files and of what was decoded from them that is no fault; one sentence each.

    Of the test part nothing but its labels and what was noted as it was decoded is looked at.

    Raises:
        DataError: as :func:`open_part`.
    """
    return dataset.remarks(root) + remarks_on_images([*open_columns(dataset, root).values()])


def open_columns(dataset: Dataset, root: Path) -> dict[Part, Pool]:
    """The columns of every part; the pools are empty.

    Raises:
        DataError: as :func:`open_part`.
    """
    parts = (*dataset.training_parts(), "test")
    folder = _whole(dataset, root, _columns_of, *parts)
    return {part: _without_samples(folder, part) for part in parts}


def digest_of(dataset: Dataset, root: Path) -> str:
    """What identifies the decoded data: the name of their folder, which is that of the options and files' content.

    The same on every machine, wherever the files lie; decodes them if need be.

    Raises:
        DataError: as :func:`open_part`.
    """
    return prepare(dataset, root).name


def prepare(
    dataset: Dataset, root: Path, *, digest: str | None = None, on_bad_image: OnBadImage = "error", report: Report = silent
) -> Path:
    """Decode a dataset into the cache if it is not there; one process of the machine does it, the others wait.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        digest: as for :func:`open_part`; other content is refused before it is decoded, where that can be told.
        on_bad_image: ``skip`` leaves images out that cannot be read; ``error`` reads all of them, then names those.
        report: called before every slice, and at the end of a part.

    Returns:
        Folder of the decoded pools.

    Raises:
        DataError: as :func:`open_part`.
    """
    identity = identify(dataset, root)
    wanted = _Wanted(dataset, root, identity, digest)
    wanted.check(identity.key)
    if (folder := _known(identity)) is None:
        with _locked(identity):
            folder = _known(identity) or _recognised(root, identity, wanted, report)
            folder = folder or _decoded(dataset, root, identity, on_bad_image, report)
    wanted.check(folder.name)
    return folder


def is_prepared(dataset: Dataset, root: Path) -> bool:
    """Whether a dataset's files are there as they were when they were decoded into the cache; nothing is read for it."""
    try:
        return _known(identify(dataset, root)) is not None
    except DataError:
        return False


@dataclass(frozen=True)
class _Wanted:
    """The content that is asked for; None for any."""

    dataset: Dataset
    root: Path
    identity: Identity
    digest: str | None

    def check(self, name: str) -> None:
        """Refuse pools whose name is, or begins with, ``name`` if others are wanted."""
        if self.digest is None or self.digest.startswith(name):
            return
        if not self.digest.startswith(f"{self.dataset.cache_name}-"):
            raise DataError(f"this version of fairtune decodes {self.root} otherwise than the one before: start a new search")
        before = _digests(_pools() / self.digest)
        now = digest_files(self.root, self.identity.names, lambda done: None) if before else {}
        raise DataError(
            f"the data in {self.root} are not those that this was started with ({differences(before, now) or 'other content'}): "
            "put the files back, or start a new search under another name, which trains its baseline anew"
        )


def _whole(
    dataset: Dataset, root: Path, files: Callable[[Path, Part], list[Path]], *parts: Part, digest: str | None = None
) -> Path:
    """Folder of the decoded pools, in which some files are known to be whole; pools that are torn are decoded again.

    Args:
        dataset: the dataset.
        root: folder of its original files.
        files: those of a part that are to be opened.
        parts: the parts.
        digest: as for :func:`open_part`.
    """

    def torn(folder: Path) -> bool:
        return not all(_is_readable(file) for part in parts for file in files(folder, part))

    folder = prepare(dataset, root, digest=digest)
    if not torn(folder):
        return folder
    with _locked(identify(dataset, root)):
        if torn(folder):
            _discard(folder)
    return prepare(dataset, root, digest=digest)


def _all_of(folder: Path, part: Part) -> list[Path]:
    return [samples_file(folder, part), *_columns_of(folder, part)]


def _columns_of(folder: Path, part: Part) -> list[Path]:
    return [columns_file(folder, part)]


def _is_readable(file: Path) -> bool:
    """Whether a file of decoded pools is whole, as far as its note or, without one, its own format can tell."""
    try:
        if file.suffix == ".npz":
            with zipfile.ZipFile(file) as archive:
                return is_whole(file) and archive.testzip() is None
        np.load(file, mmap_mode="r", allow_pickle=False)
        return is_whole(file)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def _discard(folder: Path) -> None:
    """Take pools out of the cache; who has mapped them keeps them."""
    _log.warning("the decoded data in %s are torn and are decoded again", folder)
    torn = folder.with_name(f".{folder.name}.{os.getpid()}.torn")
    try:
        folder.rename(torn)
    except OSError as error:
        raise _unwritable(error) from error
    shutil.rmtree(torn)
    _open.cache_clear()


def _known(identity: Identity) -> Path | None:
    """The pools of files in a state that has been seen before."""
    if not identity.names:
        return folder if (folder := _pools() / identity.key).is_dir() else None
    return next((seen.parent for seen in _pools().glob(f"{identity.key}-*/{_STATE}{identity.state}")), None)


def _recognised(root: Path, identity: Identity, wanted: _Wanted, report: Report) -> Path | None:
    """The pools of files in a state not seen before but of a content that has been decoded, if any look like it."""
    if not any(_pools().glob(f"{identity.key}-*")):
        return None
    total = len(identity.names)
    digests = digest_files(root, identity.names, lambda done: report(Progress("files", done, total)))
    folder = _pools() / identity.pools(digests)
    wanted.check(folder.name)
    if not folder.is_dir():
        return None
    _note_state(identity, folder)
    return folder


def _decoded(dataset: Dataset, root: Path, identity: Identity, on_bad_image: OnBadImage, report: Report) -> Path:
    """Decode, and name the pools by what was read."""
    unfinished = _pools() / f".{identity.key}-{identity.state}.unfinished"
    pools = dataset.decode(root)
    try:
        digests = save(pools, unfinished, on_bad_image, report)
        others = [name for name in identity.names if name not in digests]
        digests |= digest_files(root, others, lambda done: None)
        if identify(dataset, root).state != identity.state:
            shutil.rmtree(unfinished)
            raise DataError(f"files in {root} changed while they were decoded: try again when they are all there")
        write_text(unfinished / _FILES, json.dumps({name: digests[name].hex() for name in identity.names}))
        _note_state(identity, unfinished)
        return unfinished.rename(_pools() / identity.pools(digests))
    except (OSError, NoRoom) as error:
        raise _unwritable(error) from error


def _note_state(identity: Identity, folder: Path) -> None:
    """Note that files in this state have the content of these pools; in a cache that may only be read, the next one finds out."""
    if identity.names and identity.settled:
        with suppress(OSError):
            (folder / f"{_STATE}{identity.state}").touch()


def _digests(folder: Path) -> dict[str, bytes]:
    """Digests of the files that pools were made of; none if the pools are not in this cache."""
    path = folder / _FILES
    try:
        stored = json.loads(path.read_bytes())
    except (OSError, ValueError):  # not in this cache, or torn: the files can be told apart all the same, not named
        stored = {}
    return {name: bytes.fromhex(digest) for name, digest in stored.items()}


@contextmanager
def _locked(identity: Identity) -> Iterator[None]:
    try:
        _pools().mkdir(parents=True, exist_ok=True)
        lock = FileLock(_pools() / f"{identity.key}.lock").acquire()
    except OSError as error:
        raise _unwritable(error) from error
    with lock:
        yield


def _pools() -> Path:
    return cache_folder() / "pools"


def skipped(folder: Path) -> dict[str, str]:
    """The images that were left out of decoded pools, and why.

    Raises:
        DataError: it is torn.
    """
    try:
        left_out: dict[str, str] = json.loads((folder / SKIPPED).read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / SKIPPED} is torn: delete {folder} to decode the data anew") from error
    return left_out


def _unwritable(error: OSError | NoRoom) -> DataError | NoRoom:
    remedy = "free some space or point FAIRTUNE_CACHE at another folder"
    if isinstance(error, NoRoom) or is_full(error):
        return NoRoom(_pools(), getattr(error, "needed", MARGIN), remedy)
    return DataError(f"cannot write the data cache {_pools()}: {error}; {remedy}")


def _open_columns(folder: Path, part: Part) -> dict[str, Array]:
    with np.load(columns_file(folder, part), allow_pickle=False) as columns:
        return dict(columns)


def _labels_of_test(dataset: Dataset, root: Path) -> Pool:
    return _without_samples(_whole(dataset, root, _columns_of, "test"), "test")


def _without_samples(folder: Path, part: Part) -> Pool:
    columns = _open_columns(folder, part)
    return Pool(np.empty((len(columns["source"]), 0)), columns, read_twins(folder))


@lru_cache(maxsize=4)
def _open(folder: Path, part: Part) -> Pool:
    return Pool(np.load(samples_file(folder, part), mmap_mode="r"), _open_columns(folder, part), read_twins(folder))
