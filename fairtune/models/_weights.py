"""Files of weights: named by path and content, read without running code, fitted to a net.

A file is pinned when a search is planned: ``/path/to/file.pt`` becomes ``/path/to/file.pt@sha256:DIGEST``. The digest is part of
the trial's id and is checked whenever the file is read, so that a file that was written over cannot pass for the old one.
"""

from __future__ import annotations

import hashlib
import io
import logging
import pickle
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models._normalisation import PREFIX

_MARK = "@sha256:"
_NAMED = 3
_HEAD = "head."
_COUNTER = "num_batches_tracked"

log = logging.getLogger(__name__)


def pin(given: str, names: Sequence[str]) -> str:
    """A file's absolute path with the SHA-256 of its content.

    Args:
        given: path of the file, pinned already or not.
        names: what else could have been given, for the error.

    Raises:
        InvalidInput: there is no such file, or it is not the one that was pinned.
    """
    path, digest = _split(given)
    file = Path(path).expanduser().resolve()
    if not file.is_file():
        raise InvalidInput(
            f"there is no file of weights {path!r}: give {', '.join(names)} or the path of a safetensors file or a saved state dict"
        )
    return f"{file}{_MARK}{_digest(_content(file, digest))}"


def read(pinned: str) -> dict[str, Tensor]:
    """The state dict in a file.

    Raises:
        InvalidInput: the file is gone or has changed, cannot be read, or holds something else.
    """
    path, digest = _split(pinned)
    content = _content(Path(path), digest)
    if path.endswith(".safetensors"):
        try:
            return safetensors.torch.load(content)
        except SafetensorError as error:
            raise InvalidInput(f"cannot read the weights {path} as safetensors: {error}") from error
    try:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise InvalidInput(
            f"cannot read the weights {path} as tensors alone: save them with torch.save(net.state_dict(), FILE) or as safetensors "
            f"({str(error).partition('.')[0].strip()})"
        ) from error
    return _plain(state, path)


def fit(net: nn.Module, state: dict[str, Tensor], source: str) -> bool:
    """Load a state dict into a net; a head that does not fit is left out.

    Counters of batch normalisation may be missing, as in files of early torch, and so may what inputs are standardised by.

    Args:
        net: changed in place.
        state: under the net's names.
        source: where it comes from, for messages.

    Returns:
        Whether the head was taken over too.

    Raises:
        InvalidInput: something beside the head is missing, unknown or of another shape; the first few are named.
    """
    own = net.state_dict()
    path, _ = _split(source)
    heads = [{name: tuple(value.shape) for name, value in some.items() if name.startswith(_HEAD)} for some in (own, state)]
    if heads[0] != heads[1]:
        state = {name: value for name, value in state.items() if not name.startswith(_HEAD)}
    faults = _mismatches({name: value for name, value in own.items() if name in state or not name.startswith(_HEAD)}, state)
    if faults:
        more = f" and {len(faults) - _NAMED} more" if len(faults) > _NAMED else ""
        raise InvalidInput(f"the weights {path} do not fit the model {type(net).__name__}: {'; '.join(faults[:_NAMED])}{more}")
    net.load_state_dict(state, strict=False)
    return heads[0] == heads[1]


@lru_cache
def say_headless(source: str) -> None:
    """Warn, once for each source, that the head of a net was not taken over."""
    log.warning(f"the weights {_split(source)[0]} have no head for these classes: the head starts from random weights")


def _mismatches(own: dict[str, Tensor], state: dict[str, Tensor]) -> list[str]:
    faults = [
        f"{name} is missing" for name in own if name not in state and not name.endswith(_COUNTER) and not name.startswith(PREFIX)
    ]
    faults += [f"{name} is unknown" for name in state if name not in own]
    return faults + [
        f"{name} is {tuple(state[name].shape)}, not {tuple(value.shape)}"
        for name, value in own.items()
        if name in state and state[name].shape != value.shape
    ]


def _split(pinned: str) -> tuple[str, str]:
    """Path and digest; an empty digest where there is none."""
    path, mark, digest = pinned.rpartition(_MARK)
    return (path, digest) if mark else (pinned, "")


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read the weights {path}: {error.strerror}") from error
    if digest and _digest(content) != digest:
        raise InvalidInput(
            f"the weights {path} have changed (SHA-256 {_digest(content)[:16]}..., not {digest[:16]}...): "
            "put the file back, or start a search under another name"
        )
    return content


def _plain(state: object, path: str) -> dict[str, Tensor]:
    if isinstance(state, dict) and state and all(isinstance(value, Tensor) for value in state.values()):
        return {str(name): value for name, value in state.items()}
    inner = [str(name) for name, value in state.items() if isinstance(value, dict)] if isinstance(state, dict) else []
    hint = f"; if it is its entry {inner[0]!r}, save that alone" if inner else ""
    raise InvalidInput(f"the weights {path} are not a state dict, a mapping from names to tensors{hint}")
