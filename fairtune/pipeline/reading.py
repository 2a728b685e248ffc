"""Reading a pipeline file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from fairtune.errors import InvalidInput, unknown_name
from fairtune.files import shipped
from fairtune.pipeline.format import Pipeline
from fairtune.request.faults import sentences
from fairtune.request.yaml_files import read_mapping


class PipelineFile(NamedTuple):
    """A pipeline and where it stands.

    Attributes:
        content: what it says.
        path: the file.
        header: the comment that it begins with, a line each.
    """

    content: Pipeline
    path: Path
    header: tuple[str, ...]

    @property
    def name(self) -> str:
        """How it is called."""
        return self.path.stem


def folder() -> Path:
    """Where the pipelines that come with fairtune lie."""
    return shipped("pipelines")


def names() -> list[str]:
    """The pipelines that come with fairtune."""
    return sorted(file.stem for file in folder().glob("*.yaml"))


def load(file: Path) -> PipelineFile:
    """Read a pipeline from a file or by name.

    Raises:
        InvalidInput: it does not exist or cannot be read, with every fault.
    """
    path = _found(file)
    content = read_mapping(path, "pipeline", Pipeline.model_fields)
    try:
        pipeline = Pipeline.model_validate(content)
    except ValidationError as error:
        raise InvalidInput([f"{path.name}: {fault}" for fault in sentences(error, Pipeline)]) from error
    return PipelineFile(pipeline, path, _header(path))


def _found(file: Path) -> Path:
    """What is there of that name, or is called as a file; else the one of that name that comes with fairtune."""
    if file.is_file() or (file.is_dir() and str(file) not in names()):
        return file
    if file.suffix in (".yaml", ".yml") or len(file.parts) > 1:
        ours = f"; fairtune run {file.stem} takes the one that comes with fairtune" if file.stem in names() else ""
        raise InvalidInput(f"no such file: {file}{ours}")
    if str(file) not in names():
        raise InvalidInput(unknown_name("pipeline", str(file), names()))
    return folder() / f"{file}.yaml"


def _header(path: Path) -> tuple[str, ...]:
    lines = []
    for line in path.read_text(encoding="utf-8-sig").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return tuple(lines)
