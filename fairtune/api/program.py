"""A model as a program of torch, or of ONNX, that takes raw inputs and needs no fairtune."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from fairtune.api.raw import RawModel
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.thresholds import Adjustment, Scored
from fairtune.training.device import keep_float32_exact

TOLERANCE = 1e-6
"""By how much a probability of a program may differ from the model's."""
_SIZES = ((2, 37, 50), (3, 61, 23))
"""How many images of which height and width a program is tried on."""


def program_of(raw: RawModel, shape: tuple[int, ...], name: str) -> ExportedProgram:
    """A model as a graph of torch's functions, for any number of inputs, images of any height and width.

    Args:
        raw: the model, on the CPU.
        shape: of what its net sees.
        name: of the net, for messages.

    Raises:
        InvalidInput: torch cannot trace the net.
    """
    keep_float32_exact()
    free = (dict.fromkeys(range(1 if raw.reading is None else 3), Dim.AUTO), {0: Dim.AUTO})
    given = _examples(shape, raw.by_group)[0]
    try:
        with torch.no_grad(), _quietly():
            return torch.export.export(raw.eval(), given, dynamic_shapes=free[: len(given)], strict=False)
    except Exception as error:  # a net of one's own can make torch raise anything
        reason = str(error).strip().partition("\n")[0]
        raise InvalidInput(
            f"the net {name} cannot be exported ({type(error).__name__}: {reason}): its forward must be made of torch's functions "
            "alone, without branches that depend on values"
        ) from error


def save_program(program: ExportedProgram, path: Path) -> None:
    """Write a program to a file that ``torch.export.load`` reads."""
    with path.open("wb") as file, _quietly():
        torch.export.save(program, file)


def save_onnx(program: ExportedProgram, path: Path) -> None:
    """Write a program as an ONNX model, from ``inputs``, and ``group`` where it decides by that, to ``probabilities``."""
    names = ["inputs", "group"][: len(program.graph_signature.user_inputs)]
    with _quietly():
        written = torch.onnx.export(program, dynamo=True, verbose=False, input_names=names, output_names=["probabilities"])
        assert written is not None
        written.save(path, external_data=False)


def difference(raw: RawModel, shape: tuple[int, ...], path: Path, adjustment: Adjustment | None = None) -> float:
    """The largest difference between a model's probabilities and those of a program that was written, on drawn inputs.

    Args:
        raw: the model, on the CPU.
        shape: of what its net sees.
        path: of the program.
        adjustment: by which its thresholds were moved; then the program is held against what that makes of the net's outputs.

    Raises:
        FairtuneError: it is above the tolerance.
    """
    program = torch.export.load(path).module()
    with torch.no_grad():
        found = max(
            float((_expected(raw, adjustment, *given) - program(*given)).abs().max()) for given in _examples(shape, raw.by_group)
        )
    if not found <= TOLERANCE:
        raise FairtuneError(
            f"the exported program's probabilities differ by {found:.2g} from the model's, not by {TOLERANCE:g} at most"
        )
    return found


def _expected(raw: RawModel, adjustment: Adjustment | None, x: Tensor, group: Tensor | None = None) -> Tensor:
    if adjustment is None:
        found: Tensor = raw(x, group)
        return found
    logits, embedding = (part.numpy() for part in raw.outputs(x))
    a = np.zeros(len(x), dtype=np.int64) if group is None else group.numpy()
    return torch.from_numpy(adjustment(Scored(logits, embedding, np.zeros_like(a), a, int(a.max()) + 1)).probabilities)


def _examples(shape: tuple[int, ...], groups: int) -> list[tuple[Tensor, ...]]:
    """Drawn inputs of several sizes; each of them in every group where there are some."""
    draw = torch.Generator().manual_seed(0)
    if len(shape) == 1:
        drawn = [torch.randn(n, *shape, generator=draw) for n, _, _ in _SIZES]
    else:
        drawn = [torch.randint(0, 256, (*size, shape[0]), generator=draw, dtype=torch.uint8) for size in _SIZES]
    if not groups:
        return [(x,) for x in drawn]
    return [(x, torch.full((len(x),), group)) for x in drawn for group in range(groups)]


@contextmanager
def _quietly() -> Iterator[None]:
    """Torch warns of its own deprecations as it exports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
