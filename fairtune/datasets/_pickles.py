"""Pickled numpy files of other people, read without running what they may hold."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from fairtune.errors import DataError

_NUMPY = ("numpy.core.multiarray", "numpy._core.multiarray")
_ALLOWED = {
    *((module, name) for module in _NUMPY for name in ("_reconstruct", "scalar")),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _DataOnly(pickle.Unpickler):
    """Builds dicts, lists, texts, numbers and arrays; any other class in the file is refused."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it wants to run {module}.{name}")
        return super().find_class(module, name)


def read_object(path: Path, obtain: str) -> object:
    """The Python object in a ``.npy`` file, such as ``np.save`` makes of a dict; written by Python 2 or 3.

    Args:
        path: the file.
        obtain: how to get it, for the error.

    Raises:
        DataError: the file is missing, damaged, or holds more than data.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: {obtain}")
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, dtype = read_header(file)
            if not dtype.hasobject:
                return np.load(path, allow_pickle=False)
            stored = _DataOnly(file, encoding="latin1").load()
    except (ValueError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(f"{path} cannot be read ({error}): {obtain}") from error
    return stored.item() if np.ndim(stored) == 0 else stored
