"""A model as files that need no fairtune: weights, a program of torch, ONNX, a card, a script."""

from __future__ import annotations

import importlib.util
import json
import logging
from functools import partial
from pathlib import Path

from safetensors.torch import save_file

from fairtune.api.model import Model
from fairtune.api.program import difference, program_of, save_onnx, save_program
from fairtune.errors import InvalidInput
from fairtune.files import write_atomically, write_text
from fairtune.report.card import render_card, render_script
from fairtune.study.handed import HandedNet
from fairtune.study.summary import Summary

WEIGHTS, SPEC, PROGRAM, ONNX = "model.safetensors", "spec.json", "model.pt2", "model.onnx"
CARD, SCRIPT = "MODEL_CARD.md", "predict.py"
FILES = (WEIGHTS, SPEC, PROGRAM, ONNX, CARD, SCRIPT)
"""What an export writes; the ONNX file only where ONNX is installed."""
_ONNX_NEEDS = ("onnx", "onnxscript")

_log = logging.getLogger(__name__)


def export(net: HandedNet, model: Model, summary: Summary, to: Path) -> None:
    """Write a model's files into a folder, in place of those of an earlier export.

    Args:
        net: where the model comes from.
        model: the model.
        summary: the outcome of the search that hands it over.
        to: the folder; made where it is not there.

    Raises:
        InvalidInput: the folder cannot be one, or the net cannot be exported.
        FairtuneError: the program does not give what the model gives.
        NoRoom: the disk is full.
    """
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"--to {to}: no folder can be made there ({error.strerror}): give another") from error
    raw = model.raw().to("cpu")
    program, with_onnx = program_of(raw, model.shape, model.spec.model.name), _has_onnx()
    write_atomically(to / PROGRAM, partial(save_program, program))
    (to / ONNX).unlink(missing_ok=True)
    if with_onnx:
        write_atomically(to / ONNX, partial(save_onnx, program))
    weights = {name: tensor.contiguous() for name, tensor in model.net.state_dict().items()}
    write_atomically(to / WEIGHTS, lambda path: save_file(weights, path))
    write_text(to / SPEC, json.dumps(_spec(net, model, summary), indent=2) + "\n")
    differs = difference(raw, model.shape, to / PROGRAM)
    card = render_card(summary, net, model.names, model.shape, raw.reading, differs=differs, with_onnx=with_onnx)
    write_text(to / CARD, card)
    write_text(to / SCRIPT, render_script(raw.reading))


def _has_onnx() -> bool:
    missing = [name for name in _ONNX_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        _log.warning(f"no {ONNX} is written, as {' and '.join(missing)} cannot be found: pip install 'fairtune[onnx]'")
    return not missing


def _spec(net: HandedNet, model: Model, summary: Summary) -> dict[str, object]:
    """What the weights are of, and what their program takes and gives."""
    return {
        "schema": "fairtune-model/1",
        "run": summary.name,
        "job": str(net.key),
        "classes": model.classes,
        "groups": model.groups,
        "input": _input(model),
        "output": "probabilities, N x classes, float64",
        "training": model.spec.model_dump(mode="json"),
        "versions": net.result.versions,
    }


def _input(model: Model) -> dict[str, object]:
    reading = model.raw().reading
    if reading is None:
        return {"kind": "vectors", "layout": "N x features, float32, as the dataset stores them", "shape": model.shape}
    return {
        "kind": "images",
        "layout": "N x height x width x channels, uint8, any height and width",
        "shape": model.shape,
        "mode": "L" if model.shape[0] == 1 else "RGB",
        "stored": reading.size,
        "fit": reading.fit,
        "draft": reading.draft,
        "depth": reading.tones.depth,
        "window": reading.tones.window,
    }
