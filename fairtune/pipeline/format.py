"""What a pipeline file may say."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from fairtune.errors import unknown_name
from fairtune.metrics import HEADLINES, SCORES
from fairtune.pipeline.ordering import Ordering
from fairtune.request.options import Request
from fairtune.spec import Positive

Grid = dict[str, Annotated[list[object], Field(min_length=1)]]
"""Values by name; a search is made for every combination of them."""
_OWN = ("name", "each")
_NEVER = ("data", "runs", "final_seeds")
"""Options that a file does not give: the first two are the command line's, the third is called seeds."""


def check_options(given: dict[str, object], own: tuple[str, ...]) -> None:
    """Check the names of options.

    Args:
        given: options by name.
        own: names that are none of a search's options.

    Raises:
        ValueError: every fault.
    """
    known = {*Request.spellings(), *own} - ({*_NEVER, "name"} - {*own})
    faults = []
    for name in given:
        if name in ("data", "runs"):
            faults.append(f"a pipeline does not say where {name} are: give --{name}")
        elif name == "final_seeds":
            faults.append("final_seeds: the key seeds says that of all searches")
        elif name not in known:
            faults.append(unknown_name("option", name, known))
    if not isinstance(given.get("each", {}), dict) or not all(isinstance(one, list) and one for one in _values(given)):
        faults.append("each: give a list of values by name, as {dataset.skew: [0.5, 0.9]}")
    if faults:
        raise ValueError("\n".join(faults))


def _values(given: dict[str, object]) -> list[object]:
    each = given.get("each", {})
    return list(each.values()) if isinstance(each, dict) else []


def _known(scores: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    if faults := [unknown_name("score", name, SCORES) for name in scores if name not in SCORES]:
        raise ValueError("\n".join(faults))
    return tuple(scores)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedRow(_Part):
    """A row of a published table that its method alone does not name.

    Attributes:
        method, hyperparameters: there; may hold ``{NAME}``, a value of the search.
    """

    method: str
    hyperparameters: str | None = None


class Published(_Part):
    """Figures to set beside ours.

    Attributes:
        table: CSV file in ``published/`` beside the pipeline; columns dataset, method, metric, mean, std, hyperparameters.
        dataset: its name there; may hold ``{NAME}``, a value of the search: an option of the dataset, ``{dataset}`` or ``{model}``;
            ``{variance:.3f}`` writes it as Python does. Capitals and punctuation do not count.
        rows: what stands there, by what it is called here: a search's name, its name within its data, its method, or ``baseline``.
        names: what values are called there, as ``{resnet18: ResNet}``.
        scores: the metric there, by our score; ``NAME`` and ``NAME_pct``, in percent, are found by themselves.
    """

    table: str
    dataset: str
    rows: dict[str, PublishedRow]
    names: dict[str, str] = {}
    scores: dict[str, str] = {}

    @field_validator("rows", mode="before")
    @classmethod
    def _short_rows(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        return {name: {"method": row} if isinstance(row, str) else row for name, row in given.items()}

    @field_validator("scores")
    @classmethod
    def _are_scores(cls, given: dict[str, str]) -> dict[str, str]:
        return dict(zip(_known(list(given)), given.values(), strict=True))


class Drawing(_Part):
    """A figure of the report.

    Attributes:
        kind: ``bars``: ``y`` of every row; ``points``: ``y`` against ``x``, both scores; ``lines``: ``y`` against the value ``x``
            that searches differ in; ``fronts``: the trials on every search's front on the validation split, ``y`` against ``x``;
            ``runs``: the figures called ``x`` of every search's own page.
        x, y: see there.
        log: whether ``x`` is logarithmic.
    """

    kind: Literal["bars", "points", "lines", "fronts", "runs"]
    x: str = ""
    y: str = ""
    log: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = {"bars": ("y",), "runs": ("x",)}.get(self.kind, ("x", "y"))
        if missing := [name for name in wanted if not getattr(self, name)]:
            raise ValueError(f"figures: one of kind {self.kind} lacks {' and '.join(missing)}")
        scores = {"points": (self.x, self.y), "fronts": (self.x, self.y), "runs": ()}.get(self.kind, (self.y,))
        _known(scores)
        return self


class Report(_Part):
    """What the report shows.

    Attributes:
        scores: columns of the table.
        published: tables to set beside it.
        orderings: what should come out, as ``deo_m: baseline > ss >= mfd``; see :class:`Ordering`.
        differs: sentences on what differs from the papers' protocol.
        figures: what is drawn.
        compare: whether methods are compared by statistics, as ``fairtune compare`` does for runs of several data sets.
    """

    scores: Annotated[tuple[str, ...], Field(min_length=1)] = HEADLINES
    published: tuple[Published, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    differs: tuple[str, ...] = ()
    figures: tuple[Drawing, ...] = ()
    compare: bool = False

    @field_validator("scores")
    @classmethod
    def _are_scores(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        return _known(given)


class Size(BaseModel):
    """What ``quick:`` or ``full:`` says: options that overrule those of every search, and

    Attributes:
        leave_out: searches that are not run, by name, method or dataset.
        each: values in place of those that searches name.
        for_data: options by dataset, which overrule those of the size there.
        seeds: as in :class:`Pipeline`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    leave_out: tuple[str, ...] = ()
    each: Grid = {}
    for_data: dict[str, dict[str, object]] = {}
    seeds: Positive | None = None

    @property
    def options(self) -> dict[str, object]:
        """Those of every search."""
        return dict(self.model_extra or {})

    @model_validator(mode="after")
    def _knows_its_options(self) -> Self:
        check_options(self.options, ("leave_out", "each", "for_data", "seeds"))
        for options in self.for_data.values():
            check_options(options, ())
        return self


class Pipeline(_Part):
    """A pipeline file.

    Attributes:
        title: of the report.
        defaults: options of every search, named as on the command line with underscores, and ``each``.
        searches: options of each; ``name`` calls it otherwise than by default, ``each`` stands for several: values by option, by
            setting (``dataset.skew``, ``weight``) or by the teacher's (``teacher.skew``).
        seeds: on how many a choice is retrained and scored on the test split.
        full: overrules the above with ``--full``, which is the default.
        quick: overrules it with ``--quick``; None where there is no such size.
        report: what is shown.
    """

    title: str
    defaults: dict[str, object] = {}
    searches: list[dict[str, object]] = Field(min_length=1)
    seeds: Positive = 4
    full: Size = Size()
    quick: Size | None = None
    report: Report = Report()

    @field_validator("defaults")
    @classmethod
    def _knows_defaults(cls, given: dict[str, object]) -> dict[str, object]:
        check_options(given, ("each",))
        return given

    @field_validator("searches")
    @classmethod
    def _knows_options(cls, given: list[dict[str, object]]) -> list[dict[str, object]]:
        for search in given:
            check_options(search, _OWN)
        return given
