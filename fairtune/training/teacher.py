"""The teacher's outputs: read from a cache where they can be, computed where they cannot.

With no transform or only a flip there are one or two versions of each training image, so the teacher is run once over them and
every trial of the machine reads its outputs from one memory-mapped file; its forward pass is what makes distillation slow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from fairtune.batches.augment import Drawn
from fairtune.batches.memory import fits, free_memory
from fairtune.batches.split import SCORING_BATCH, DeviceSplit, as_tensor, gathered
from fairtune.errors import InvalidInput
from fairtune.files import is_whole, write_sealed
from fairtune.methods import Composite
from fairtune.models import Net
from fairtune.records import Array, Batch, Outputs
from fairtune.room import needs_room
from fairtune.sizes import GIB
from fairtune.spec import Precision
from fairtune.training.device import autocast

_LIMIT_BYTES = 8 * GIB


class LiveTeacher:
    """A teacher that runs on each batch.

    Args:
        net: the trained baseline.
        method: says what is needed of the outputs.
        precision: of the forward pass.
        dtype: of the outputs.
    """

    def __init__(self, net: Net, method: Composite, precision: Precision, dtype: torch.dtype) -> None:
        self.net = net.eval()
        self.method = method
        self.precision = precision
        self.dtype = dtype

    @torch.no_grad()
    def outputs(self, batch: Batch, drawn: Drawn) -> dict[str, Tensor]:
        """What the method needs of the outputs on a batch's images, which have been transformed already."""
        with autocast(batch.x.device, self.precision):
            out: Outputs = self.net(batch.x, want_maps=self.method.needs_maps)
        return self.method.from_teacher(out.to(self.dtype))


class CachedTeacher:
    """A teacher whose outputs on every version of every image lie in files.

    On a GPU they are copied there if they fit, as the images of a split are; else those of each batch are gathered on the CPU,
    while the GPU computes the steps before.

    Args:
        kept: by name, ``(versions, n, ...)``; mapped read-only.
        device: where outputs are wanted.

    Attributes:
        home: where the outputs lie.
    """

    def __init__(self, kept: Mapping[str, Tensor], device: torch.device) -> None:
        self.samples = next(iter(kept.values())).shape[1]
        self.kept = {name: tensor.flatten(0, 1) for name, tensor in kept.items()}
        if device.type == "cuda" and fits(sum(tensor.nbytes for tensor in kept.values()), free_memory(device)):
            self.kept = {name: tensor.to(device) for name, tensor in self.kept.items()}
        self.home = next(iter(self.kept.values())).device

    def outputs(self, batch: Batch, drawn: Drawn, at_home: Tensor | None = None) -> dict[str, Tensor]:
        """What the method needs of the outputs on a batch's images; the flips drawn say which version of each.

        Args:
            batch: the batch.
            drawn: what the transforms drew for it.
            at_home: positions of its samples, which with ``drawn`` are at :attr:`home`; None has the host wait for the batch's.
        """
        index = batch.index if at_home is None else at_home
        rows = (index + self.samples * drawn[0] if drawn else index).to(self.home)
        return {name: gathered(tensor, rows, batch.index.device) for name, tensor in self.kept.items()}


def open_teacher(
    net: Net,
    split: DeviceSplit,
    method: Composite,
    *,
    precision: Precision,
    folder: Path,
    instead: Sequence[DeviceSplit] = (),
) -> CachedTeacher | LiveTeacher:
    """The teacher of a trial, its outputs cached if they are worth it.

    Args:
        net: the trained baseline.
        split: the student's training split.
        method: says what is needed of the outputs; methods that need the same share it.
        precision: of the teacher's forward pass.
        folder: where the outputs of this teacher on this split are kept.
        instead: what the teacher sees instead of the images of ``split``, in the same order; of several the mean of its outputs is
            what is learned from.

    Raises:
        InvalidInput: it sees other images, and its outputs on them cannot be cached.
    """
    live = LiveTeacher(net, method, precision, split.dtype)
    one, versions = _worth_keeping(live, split)
    if versions is None and instead:
        raise InvalidInput(
            "--teacher-sees: the teacher's outputs on every image would have to be kept, which is done for images flipped at "
            f"most, up to {_LIMIT_BYTES / GIB:g} GiB: leave it out"
        )
    if versions is None:
        return live
    files = {name: folder / f"{name}.npy" for name in one}
    with needs_room(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock").acquire()
    with lock:
        kept = {name: _read(file, (versions, len(split), *one[name].shape[1:])) for name, file in files.items()}
        missing = {name: files[name] for name, tensor in kept.items() if tensor is None}
        if missing:
            _write(live, instead or [split], versions, missing)
            kept |= {name: as_tensor(np.load(file, mmap_mode="r")) for name, file in missing.items()}
    return CachedTeacher({name: tensor for name, tensor in kept.items() if tensor is not None}, split.device)


def stand_in_teacher(net: Net, split: DeviceSplit, method: Composite, *, precision: Precision) -> CachedTeacher | LiveTeacher:
    """What :func:`open_teacher` gives, without running the net on every image: outputs that are kept say nothing."""
    live = LiveTeacher(net, method, precision, split.dtype)
    one, versions = _worth_keeping(live, split)
    if versions is None:
        return live
    alike = {
        name: torch.zeros((), dtype=tensor.dtype).expand(versions, len(split), *tensor.shape[1:]) for name, tensor in one.items()
    }
    return CachedTeacher(alike, split.device)


def _worth_keeping(live: LiveTeacher, split: DeviceSplit) -> tuple[dict[str, Tensor], int | None]:
    """The outputs on one image, and for how many versions of each they are kept; None where they are too many or too large."""
    one = live.outputs(split.batch(torch.zeros(1, dtype=torch.int64, device=split.home)), ())
    versions = split.augment.versions
    size = sum(tensor.nbytes for tensor in one.values())
    return one, None if versions is None or versions * len(split) * size > _LIMIT_BYTES else versions


def _read(file: Path, shape: tuple[int, ...]) -> Tensor | None:
    """Outputs that are there and whole, mapped; None for others, which are computed anew."""
    if not is_whole(file):
        return None
    try:
        found = np.load(file, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    return as_tensor(found) if found.shape == shape else None


def _write(live: LiveTeacher, seen: Sequence[DeviceSplit], versions: int, files: Mapping[str, Path]) -> None:
    parts: list[dict[str, Tensor]] = []
    split = seen[0]
    everything = torch.arange(len(split), device=split.home)
    for version in range(versions):
        for index in torch.split(everything, SCORING_BATCH):
            drawn = (torch.full_like(index, bool(version), dtype=torch.bool),) if versions == 2 else ()
            found = [live.outputs(one.batch(index, drawn), drawn) for one in seen]
            parts.append({name: _mean([one[name] for one in found]).cpu() for name in found[0]})
    for name, file in files.items():
        whole = torch.cat([part[name] for part in parts]).numpy()
        write_sealed(file, partial(_save, whole.reshape(versions, len(split), *whole.shape[1:])))


def _mean(outputs: Sequence[Tensor]) -> Tensor:
    return outputs[0] if len(outputs) == 1 else torch.stack(list(outputs)).mean(0)


def _save(outputs: Array, path: Path) -> None:
    with path.open("wb") as file:  # np.save would give the path another ending
        np.save(file, outputs)
