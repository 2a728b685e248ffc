"""Where and with what the sessions of a search ran, so that it can be repeated."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from fairtune.files import write_text
from fairtune.spec.base import Frozen


class Origin(Frozen):
    """One session.

    Attributes:
        when: it began, UTC.
        version: of fairtune.
        commit: of the checkout that fairtune was imported from, with a ``+`` where files had been changed; empty elsewhere.
        host: name of the machine that gave out the trainings.
        system: its operating system.
        device: what trainings ran on there: GPUs, or the processor.
        packages: versions by name, Python's among them.
    """

    when: str
    version: str
    commit: str
    host: str
    system: str
    device: str
    packages: dict[str, str]


def keep_origin(file: Path, origin: Origin) -> None:
    """Add a session to those of a run."""
    sessions = [*read_origins(file), origin]
    write_text(file, json.dumps([session.model_dump() for session in sessions], indent=2) + "\n")


def read_origins(file: Path) -> Sequence[Origin]:
    """The sessions of a run, the first one first; none in runs of earlier versions, or where the file cannot be read."""
    try:
        return [Origin.model_validate(session) for session in json.loads(file.read_bytes())]
    except (OSError, ValueError, TypeError, ValidationError):
        return []
