"""How the authors of methods trained them: one file in ``search_spaces/authors/`` for each paper.

``paper`` says whose it is, ``methods`` which methods it trains, ``datasets`` how on each. The keys are the options of a search,
with full names under ``set`` and ``teacher_set``, and ``differs`` has a sentence for each thing that cannot be done as theirs. Of
a list all values are theirs, and the first is taken. ``training`` holds for all datasets, and ``methods`` within either for a
method alone, or for one joined of several. A method of a package of its own says the same in its class, as ``Method.authors``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache, reduce
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.files import shipped
from fairtune.methods import components
from fairtune.request.faults import sentences
from fairtune.request.yaml_files import read_mapping
from fairtune.space import Value
from fairtune.spec import CompareWith, Positive


class AuthorsTraining(BaseModel):
    """What the authors set, by option; None for what they do not say."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str | None = None
    epochs: Positive | None = None
    batch_size: Positive | None = None
    compare_with: CompareWith | None = None
    teacher_model: str | None = None
    teacher_epochs: Positive | None = None
    set: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    teacher_set: dict[str, Value | tuple[Value, ...]] = Field(default_factory=dict)
    differs: tuple[str, ...] = ()
    methods: dict[str, AuthorsTraining] = Field(default_factory=dict)

    def beneath(self, other: AuthorsTraining) -> AuthorsTraining:
        """This training, where the other one says nothing else."""
        own = {name: value for name, value in other if name in other.model_fields_set and name not in ("methods", "differs")}
        own |= {name: {**getattr(self, name), **getattr(other, name)} for name in ("set", "teacher_set")}
        return self.model_copy(update={**own, "methods": {}, "differs": tuple(dict.fromkeys((*self.differs, *other.differs)))})

    def of(self, method: str) -> AuthorsTraining:
        """What is said of a method alone: of its whole name, else of its components."""
        names = [method] if method in self.methods else plugins.parts(method)
        return reduce(AuthorsTraining.beneath, (self.methods[name] for name in names if name in self.methods), AuthorsTraining())


class Paper(BaseModel):
    """The trainings of a paper."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    paper: str
    methods: tuple[str, ...]
    training: AuthorsTraining = AuthorsTraining()
    datasets: dict[str, AuthorsTraining]

    def training_of(self, method: str, dataset: str) -> AuthorsTraining:
        """How it trains one of its methods on one of its datasets."""
        own = self.datasets[dataset]
        return reduce(AuthorsTraining.beneath, (self.training, own, self.training.of(method), own.of(method)), AuthorsTraining())


def folder() -> Path:
    """Where the files lie."""
    return shipped("search_spaces") / "authors"


def papers_of(method: str, dataset: str) -> list[Paper]:
    """The papers that train all components of a method on a dataset.

    Raises:
        InvalidInput: a file or a class says it in a form that cannot be read.
    """
    parts = plugins.parts(method)
    every = [*_shipped(), *_announced(method)]
    return [paper for paper in every if dataset in paper.datasets and set(parts) <= set(paper.methods)]


@lru_cache
def _shipped() -> tuple[Paper, ...]:
    return tuple(read_paper(path) for path in sorted(folder().glob("*.yaml")))


def read_paper(path: Path) -> Paper:
    """One file.

    Raises:
        InvalidInput: every fault of it.
    """
    return _paper(read_mapping(path, "authors' training", Paper.model_fields), path.name)


def _announced(method: str) -> Iterator[Paper]:
    """What the classes of a method's components say themselves."""
    for name, plugin in zip(plugins.parts(method), components(method).values(), strict=True):
        if plugin.authors:
            said = {"paper": plugin.citation or plugin.__name__, "methods": (name,), "datasets": dict(plugin.authors)}
            yield _paper(said, f"{plugin.__name__}.authors")


def _paper(content: Mapping[str, object], where: str) -> Paper:
    try:
        return Paper.model_validate(content)
    except ValidationError as error:
        raise InvalidInput([f"{where}: {fault}" for fault in sentences(error, Paper)]) from error
