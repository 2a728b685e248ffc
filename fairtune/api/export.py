"""A model as files that need no fairtune: weights, a program of torch, ONNX, a card, a script."""

from __future__ import annotations

import importlib.util
import json
import logging
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from safetensors.torch import save
from torch import nn

from fairtune.api.model import Model
from fairtune.api.program import difference, program_of, save_onnx, save_program
from fairtune.errors import InvalidInput
from fairtune.files import write_atomically, write_text
from fairtune.report.card import render_card, render_script
from fairtune.study.ensemble import read_scored
from fairtune.study.fitted import Fitted
from fairtune.study.folders import RunFolder
from fairtune.study.handed import HandedNet
from fairtune.study.summary import Summary

WEIGHTS, SPEC, PROGRAM, ONNX = "model.safetensors", "spec.json", "model.pt2", "model.onnx"
CARD, SCRIPT, THRESHOLDS = "MODEL_CARD.md", "predict.py", "thresholds.safetensors"
FILES = (WEIGHTS, SPEC, PROGRAM, ONNX, CARD, SCRIPT, THRESHOLDS)
"""What an export writes; the ONNX file only where ONNX is installed, and what moves thresholds only where they are moved."""
SCHEMA = "fairtune-model/1"
_GROUP = "the second input: of each, its number in groups, N, int64; any other number gives NaN"
_ONNX_NEEDS = ("onnx", "onnxscript")

_log = logging.getLogger(__name__)


def export(nets: Sequence[HandedNet], model: Model, summary: Summary, to: Path) -> None:
    """Write a model's files into a folder, in place of those of an earlier export.

    Args:
        nets: where the model comes from: one, or all whose mean it is.
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
    net, raw = nets[0], model.raw().to("cpu")
    program, with_onnx = program_of(raw, model.shape, model.spec.model.name), _has_onnx()
    write_atomically(to / PROGRAM, partial(save_program, program))
    (to / ONNX).unlink(missing_ok=True)
    if with_onnx:
        write_atomically(to / ONNX, partial(save_onnx, program))
    _save(model.net, to / WEIGHTS)
    (to / THRESHOLDS).unlink(missing_ok=True)
    if raw.offsets is not None:
        _save(raw.offsets, to / THRESHOLDS)
    write_text(to / SPEC, json.dumps(_spec(nets, model, summary), indent=2) + "\n")
    adjustment = None if model.thresholds is None else model.thresholds.adjustment
    differs = difference(raw, model.shape, to / PROGRAM, adjustment)

    scored = read_scored(RunFolder.of(summary.place).ensemble, [one.id for one in model.members])
    card = render_card(
        summary,
        nets,
        model.names,
        model.shape,
        raw.reading,
        differs=differs,
        with_onnx=with_onnx,
        fitted=model.thresholds,
        scored=scored,
    )
    write_text(to / CARD, card)
    if model.thresholds is not None and (said := model.thresholds.no_fairer(net.result)) is not None:
        _log.warning(said)
    write_text(to / SCRIPT, render_script(raw.reading, by_group=model.by_group))


def _save(module: nn.Module, path: Path) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    write_atomically(path, lambda file: file.write_bytes(save(tensors)))


def _has_onnx() -> bool:
    missing = [name for name in _ONNX_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        _log.warning(f"no {ONNX} is written, as {' and '.join(missing)} cannot be found: pip install 'fairtune[onnx]'")
    return not missing


def _spec(nets: Sequence[HandedNet], model: Model, summary: Summary) -> dict[str, object]:
    """What the weights are of, and what their program takes and gives."""
    net = nets[0]
    return {
        "schema": SCHEMA,
        "run": summary.name,
        "job": str(net.key),
        "ensemble": [str(one.key) for one in nets] if model.members else None,
        "classes": model.classes,
        "groups": model.groups,
        "input": _input(model),
        "group": _GROUP if model.by_group else None,
        "output": "probabilities, N x classes, float64",
        "thresholds": None if model.thresholds is None else _thresholds(model.thresholds, net),
        "training": model.spec.model_dump(mode="json"),
        "versions": net.result.versions,
    }


def _thresholds(fitted: Fitted, net: HandedNet) -> dict[str, object]:
    """What moves decisions, and what it was fitted on and scores."""
    before, after = fitted.val
    tested = fitted.tested(net.result)
    return {
        "way": fitted.name,
        "said": fitted.way.said,
        "needs_group": fitted.way.needs_group,
        "weight": fitted.point.weight,
        "values": THRESHOLDS,
        "fitted_on": {"split": "validation", "samples": int(fitted.before.hard.sum())},
        "accuracy_floor": fitted.floor,
        "validation": _changed(before, after),
        "test": None if tested is None else _changed(net.result.test or {}, tested.test),
    }


def _changed(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, dict[str, float | None]]:
    """The scores of both; null where one is not defined, for which JSON has no number."""
    return {
        when: {name: found[name] if math.isfinite(found[name]) else None for name in after if name in found}
        for when, found in (("before", before), ("after", after))
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
