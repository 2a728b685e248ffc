"""The teacher's outputs: read from a cache where they can be, computed where they cannot.

With no transform or only a flip there are one or two versions of each training image, so the teacher is run once over them and
every trial of the machine reads its outputs from one memory-mapped file; its forward pass is what makes distillation slow.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from fairtune.batches import DeviceSplit
from fairtune.device import autocast
from fairtune.models import Net
from fairtune.records import Batch, Outputs
from fairtune.spec import Precision

_BATCH = 500
_LIMIT_BYTES = 8 * 2**30


class LiveTeacher:
    """A teacher that runs on each batch.

    Args:
        net: the trained baseline.
        precision: of its forward pass.
        dtype: of the outputs.
        want_maps: whether maps are wanted.
    """

    def __init__(self, net: Net, precision: Precision, dtype: torch.dtype, *, want_maps: bool = False) -> None:
        self.net = net.eval()
        self.precision = precision
        self.dtype = dtype
        self.want_maps = want_maps

    @torch.no_grad()
    def outputs(self, batch: Batch, flip: Tensor | None) -> Outputs:
        """Outputs on a batch's images, flipped already or not."""
        with autocast(batch.x.device, self.precision):
            out: Outputs = self.net(batch.x, want_maps=self.want_maps)
        return out.to(self.dtype)


class CachedTeacher:
    """A teacher whose outputs on every version of every image lie in files.

    Args:
        logits: ``(versions, n, K)``.
        features: ``(versions, n, ...)``.
        device: where outputs are wanted.
    """

    def __init__(self, logits: Tensor, features: Tensor, device: torch.device) -> None:
        self.samples = logits.shape[1]
        self.logits = logits.flatten(0, 1).to(device)
        self.features = features.flatten(0, 1).to(device)

    def outputs(self, batch: Batch, flip: Tensor | None) -> Outputs:
        """Outputs on a batch's images; ``flip`` says which version of each."""
        rows = batch.index if flip is None else batch.index + self.samples * flip
        return Outputs(self.logits[rows], self.features[rows], None)


def open_teacher(
    net: Net, split: DeviceSplit, *, flips: bool, precision: Precision, folder: Path, want_maps: bool = False
) -> CachedTeacher | LiveTeacher:
    """The teacher of a trial, its outputs cached if they are worth it.

    Args:
        net: the trained baseline.
        split: the student's training split.
        flips: whether images are flipped at random.
        precision: of the teacher's forward pass.
        folder: where the outputs of this teacher on this split are kept.
        want_maps: whether maps are wanted; they are too large to keep.
    """
    live = LiveTeacher(net, precision, split.dtype, want_maps=want_maps)
    versions = 2 if flips else 1
    if want_maps or _bytes_needed(live, split, versions) > _LIMIT_BYTES:
        return live
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / "logits.npy", folder / "features.npy"]
    with FileLock(folder / ".lock"):
        if not all(file.is_file() for file in files):
            _write(live, split, versions, files)
    logits, features = (torch.from_numpy(np.load(file, mmap_mode="c")) for file in files)
    return CachedTeacher(logits, features, split.device)


def _bytes_needed(live: LiveTeacher, split: DeviceSplit, versions: int) -> int:
    one = live.outputs(split.batch(torch.zeros(1, dtype=torch.int64, device=split.device)), None)
    return versions * len(split) * (one.logits.nbytes + one.features.nbytes)


def _write(live: LiveTeacher, split: DeviceSplit, versions: int, files: list[Path]) -> None:
    parts: list[Outputs] = []
    everything = torch.arange(len(split), device=split.device)
    for version in range(versions):
        for index in torch.split(everything, _BATCH):
            flip = torch.full_like(index, bool(version), dtype=torch.bool) if version else None
            parts.append(live.outputs(split.batch(index, flip), flip))
    for file, tensors in zip(files, ([p.logits for p in parts], [p.features for p in parts]), strict=True):
        array = torch.cat(tensors).cpu().numpy().reshape(versions, len(split), *tensors[0].shape[1:])
        scratch = file.with_suffix(".part.npy")
        np.save(scratch, array)
        scratch.rename(file)
