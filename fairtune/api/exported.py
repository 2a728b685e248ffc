"""What ``fairtune export`` wrote, opened again."""

from __future__ import annotations

import json
from pathlib import Path

from fairtune.api.export import SCHEMA, SPEC, WEIGHTS
from fairtune.api.model import Model, load_exported
from fairtune.errors import InvalidInput
from fairtune.files import data_root
from fairtune.names import Names
from fairtune.spec import TrialSpec


def export_at(path: Path) -> Path | None:
    """The folder of an export, given by itself or by the weights in it; None where there is none."""
    folder = path if path.is_dir() else path.parent
    whole = (folder / SPEC).is_file() and (folder / WEIGHTS).is_file()
    return folder if whole and path in (folder, folder / WEIGHTS) else None


def open_export(folder: Path, data: str | Path | None) -> Model:
    """The model of an export.

    Args:
        folder: of the export.
        data: folder of the original data files; None for ``$FAIRTUNE_DATA`` or ``data``.

    Raises:
        InvalidInput: it is of several nets or moves its thresholds, which only its run opens; or its files do not fit together.
    """
    try:
        written = json.loads((folder / SPEC).read_text(encoding="utf-8"))
        schema, ensemble, moved = written["schema"], written["ensemble"], written["thresholds"]
        spec = TrialSpec.model_validate(written["training"])
        names, shape = Names(tuple(written["classes"]), tuple(written["groups"])), tuple(written["input"]["shape"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{folder / SPEC} is not what this version of fairtune exports: export the run again") from error
    if schema != SCHEMA or ensemble or moved:
        kind = "an ensemble" if ensemble else "a net whose thresholds were moved" if moved else f"of the form {schema}"
        raise InvalidInput(f"{folder} is {kind}: give its run, {written['run']}, with the options by which it was exported")
    return load_exported(spec, names, shape, folder / WEIGHTS, data_root(None if data is None else str(data)))
