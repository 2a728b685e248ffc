"""A model as a program of torch, or of ONNX, that takes raw inputs and needs no fairtune."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from fairtune.api.raw import RawModel
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.training.device import keep_float32_exact

TOLERANCE = 1e-6
"""By how much a probability of a program may differ from the model's."""
_TRIED = ((2, 37, 50), (3, 61, 23))
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
    free = dict.fromkeys(range(1 if raw.reading is None else 3), Dim.AUTO)
    try:
        with torch.no_grad(), _quietly():
            return torch.export.export(raw.eval(), (_examples(shape)[0],), dynamic_shapes=(free,), strict=False)
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
    """Write a program as an ONNX model, from ``inputs`` to ``probabilities``."""
    with _quietly():
        written = torch.onnx.export(program, dynamo=True, verbose=False, input_names=["inputs"], output_names=["probabilities"])
        assert written is not None
        written.save(path, external_data=False)


def difference(raw: RawModel, shape: tuple[int, ...], path: Path) -> float:
    """The largest difference between a model's probabilities and those of a program that was written, on drawn inputs.

    Raises:
        FairtuneError: it is above the tolerance.
    """
    program = torch.export.load(path).module()
    with torch.no_grad():
        found = max(float((raw(x) - program(x)).abs().max()) for x in _examples(shape))
    if not found <= TOLERANCE:
        raise FairtuneError(
            f"the exported program's probabilities differ by {found:.2g} from the model's, not by {TOLERANCE:g} at most"
        )
    return found


def _examples(shape: tuple[int, ...]) -> list[Tensor]:
    """Drawn inputs of several sizes."""
    draw = torch.Generator().manual_seed(0)
    if len(shape) == 1:
        return [torch.randn(n, *shape, generator=draw) for n, _, _ in _TRIED]
    return [torch.randint(0, 256, (*size, shape[0]), generator=draw, dtype=torch.uint8) for size in _TRIED]


@contextmanager
def _quietly() -> Iterator[None]:
    """Torch warns of its own deprecations as it exports."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
