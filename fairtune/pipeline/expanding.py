"""From the searches of a file to every search that it stands for, under a size and what was typed beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Literal, NamedTuple

from fairtune.errors import InvalidInput, unknown_name
from fairtune.pipeline.format import Pipeline, Size
from fairtune.request.faults import Faults
from fairtune.request.options import Request

Options = dict[str, object]
SizeName = Literal["full", "quick"]
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+,-]+")
_OF_DATA = ("dataset", "model", "train_fraction", "seed")
_DATA_SETTING = re.compile(r"(dataset|model)\.")
_SETTINGS = ("set", "teacher_set")
_TEACHER = "teacher."
BASELINE = "baseline"
"""What the plain model is called."""


class Named(NamedTuple):
    """One search of a pipeline.

    Attributes:
        label: its name among all.
        short: its name but for its data, which is the same on all of them.
        data: what its data have that others' have not, as ``variance 0.02``; empty where all are on the same.
        options: as on the command line.
    """

    label: str
    short: str
    data: str
    options: Options

    @property
    def method(self) -> str:
        """What it searches."""
        return _method(self.options)

    @property
    def names(self) -> set[str]:
        """What a file may call it by."""
        return {self.label, self.short, self.method}

    @property
    def of_data(self) -> set[str]:
        """What a size may leave out all searches on its data by."""
        return {str(self.options["dataset"])} if self.options.get("dataset") else set()


def size_of(pipeline: Pipeline, size: SizeName) -> Size:
    """What a size overrules.

    Raises:
        InvalidInput: the file has no such size.
    """
    if size == "full":
        return pipeline.full
    if pipeline.quick is None:
        raise InvalidInput("--quick: this pipeline has no quick: settings; leave --quick out, or add them to the file")
    return pipeline.quick


def expand(pipeline: Pipeline, size: Size, typed: Mapping[str, object]) -> list[Named]:
    """Every search, in order; those that the size leaves out are not among them.

    Args:
        pipeline: the file.
        size: overrules it.
        typed: options of the command line, which overrule both.

    Raises:
        InvalidInput: every fault: values for what no search varies, or names to leave out that none has.
    """
    every = [made for search in pipeline.searches for made in _every(pipeline, search, size, typed)]
    found = named([made.own for made in every])
    faults = Faults()
    varied = {name for search in (pipeline.defaults, *pipeline.searches) for name in _grid(search)}
    faults.found += [f"each: {unknown_name('value', name, varied)}" for name in size.each if name not in varied]
    known = {name for one in found for name in one.names | one.of_data}
    datasets = {name for one in found for name in one.of_data}
    faults.found += [f"for_data: {unknown_name('dataset', name, datasets)}" for name in size.for_data if name not in datasets]
    left_out = {part for name in size.leave_out for part in _parts(name, known)}
    if not typed.get("dataset"):
        faults.found += [f"leave_out: {unknown_name('search', name, known)}" for name in sorted(left_out - known)]
    faults.found += _unknown_rows(pipeline, {BASELINE}.union(*(one.names for one in found)))
    kept = [
        one._replace(options=made.options)
        for one, made in zip(found, every, strict=True)
        if made.wanted and not (one.names | (set() if typed.get("dataset") else one.of_data)) & left_out
    ]
    if not kept:
        faults.found.append("leave_out: no search is left: keep one")
    faults.raise_if_any()
    return kept


def named(searches: Sequence[Options]) -> list[Named]:
    """Searches by what tells them apart."""
    data = [_data(options) for options in searches]
    short = labels([_without_data(options) for options in searches])
    return [Named(*one) for one in zip(labels(searches), short, (_told_data(own, data) for own in data), searches, strict=True)]


def labels(searches: Sequence[Mapping[str, object]]) -> list[str]:
    """What to call each search: the name it gives itself, else its method and what other searches of that method do not have.

    Args:
        searches: the options of each, defaults filled in.
    """
    called = []
    for own in searches:
        alike = [other for other in searches if _method(other) == _method(own)]
        differs = [_told(name, value, [other.get(name) for other in alike]) for name, value in own.items() if name != "name"]
        default = "-".join([_method(own), *filter(None, differs)])
        called.append(str(own.get("name") or _NOT_IN_NAMES.sub("-", default)))
    return called


def _parts(text: str, known: set[str]) -> list[str]:
    """The names in a text with commas, which a search of several methods has in its own."""
    return [text] if text in known else [name.strip() for name in text.split(",") if name.strip()]


def _unknown_rows(pipeline: Pipeline, known: set[str]) -> list[str]:
    """Names of rows in the report that no search has."""
    report = pipeline.report
    wanted = [("orderings", name) for order in report.orderings for name in order.names]
    wanted += [("published: rows", name) for published in report.published for name in published.rows]
    return [f"{where}: {unknown_name('search', name, known)}" for where, name in dict.fromkeys(wanted) if name not in known]


class _Made(NamedTuple):
    """A search of the file.

    Attributes:
        own: what the file says of it whatever the size, by which it is called.
        options: all that holds.
        wanted: whether the size wants it.
    """

    own: Options
    options: Options
    wanted: bool


def _every(pipeline: Pipeline, search: Options, size: Size, typed: Mapping[str, object]) -> Iterator[_Made]:
    """A search for every combination of its values and those of the size; what is typed takes the place of values.

    Where a dataset is typed, searches that name one of their own are not wanted beside those that do not.
    """
    grid = _grid(pipeline.defaults) | _grid(search)
    grid = {name: list(dict.fromkeys([*values, *size.each.get(name, ())])) for name, values in grid.items()}
    grid |= {name: [typed[name]] for name in grid if typed.get(name) is not None}
    free = any("dataset" not in other for other in pipeline.searches)
    elsewhere = typed.get("dataset") is not None and "dataset" in search and free
    for values in product(*grid.values()):
        varied = [_as_option(name, value) for name, value in zip(grid, values, strict=True)]
        own = _layered(pipeline.defaults, search, *varied)
        seeds = {"final_seeds": size.seeds or pipeline.seeds}
        of_data = size.for_data.get(str(_layered(own, typed).get("dataset")), {})
        options = _layered(pipeline.defaults, search, size.options, of_data, seeds, *varied, typed)
        wanted = not elsewhere and all(
            value in size.each.get(name, [value]) or typed.get(name) is not None for name, value in zip(grid, values, strict=True)
        )
        yield _Made(own, options, wanted)


def _layered(*layers: Mapping[str, object]) -> Options:
    """Options, later ones in the place of earlier ones."""
    options: Options = {}
    for layer in layers:
        options = _merged(options, layer)
    return options


def _grid(search: Mapping[str, object]) -> dict[str, list[object]]:
    each = search.get("each", {})
    assert isinstance(each, dict)
    return each


def _as_option(name: str, value: object) -> Options:
    """A value of a grid as the option that it stands for."""
    if name in Request.spellings():
        return {name: value}
    if name.startswith(_TEACHER):
        return {"teacher_set": [f"{name.removeprefix(_TEACHER)}={_text(value)}"]}
    return {"set": [f"{name}={_text(value)}"]}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _merged(options: Options, layer: Mapping[str, object]) -> Options:
    """Options with those of a layer in their place; of settings, each by its own key."""
    merged = {**options, **{name: value for name, value in layer.items() if name != "each"}}
    for name in _SETTINGS:
        below, above = options.get(name), layer.get(name)
        if isinstance(below, list | tuple) and isinstance(above, list | tuple):
            merged[name] = list(({_key(text): text for text in below} | {_key(text): text for text in above}).values())
    return merged


def _key(setting: object) -> str:
    return str(setting).partition("=")[0].strip()


def _data(options: Options) -> dict[str, str]:
    """What decides the data of a search, and the plain model on them: settings of both are written in full there."""
    found = {name: str(options[name]) for name in _OF_DATA if options.get(name) is not None}
    return found | {_key(text): text.partition("=")[2].strip() for text in _settings(options) if _DATA_SETTING.match(text)}


def _without_data(options: Options) -> Options:
    """What :func:`_data` leaves."""
    other = [text for text in _settings(options) if not _DATA_SETTING.match(text)]
    return {name: value for name, value in options.items() if name not in _OF_DATA} | {"set": other}


def _settings(options: Options) -> list[str]:
    settings = options.get("set", ())
    return [str(text) for text in settings] if isinstance(settings, list | tuple) else []


def _told_data(own: dict[str, str], every: Sequence[dict[str, str]]) -> str:
    differs = [name for name in own if any(other.get(name) != own[name] for other in every)]
    return ", ".join(f"{name.rpartition('.')[2].replace('_', ' ')} {own[name]}" for name in differs)


def _told(name: str, value: object, others: Sequence[object]) -> str:
    """An option of a search, if the others of its method have not all the same; of a list, what not all of them have."""
    if all(other == value for other in others):
        return ""
    if isinstance(value, list):
        return "-".join(
            str(item).removeprefix("dataset.")
            for item in value
            if not all(isinstance(other, list) and item in other for other in others)
        )
    return f"{name}-{value}"


def _method(options: Mapping[str, object]) -> str:
    return str(options.get("method", Request.model_fields["method"].default))
