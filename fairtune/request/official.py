"""What ``--protocol official`` sets: the authors' training, wherever the user says nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from fairtune.datasets import Dataset
from fairtune.errors import InvalidInput
from fairtune.methods import components
from fairtune.request.options import Request
from fairtune.request.papers import AuthorsTraining, Paper, papers_of
from fairtune.request.plugin_options import options_of
from fairtune.request.settings import Setting
from fairtune.request.yaml_files import read_mapping
from fairtune.space import Value
from fairtune.spec import Authors

_PLAIN = ("model", "epochs", "batch_size", "compare_with", "teacher_model", "teacher_epochs")
_DEPENDS = {
    "--model": "--set model.",
    "--teacher-model": "--teacher-set model.",
    "--set optimizer.name": "--set optimizer.lr",
    "--teacher-set optimizer.name": "--teacher-set optimizer.lr",
    "--set mi.estimator": "--set mi.lr",
}
"""What of a training means something only with their choice of an option."""
_OF_SETTINGS = ("--set", "--teacher-set")
_Flags = dict[str, str]
"""Values by option, as they are typed: ``--epochs``, ``--set optimizer.lr``, ``--teacher-set dataset.skew``."""


class AsAuthors(NamedTuple):
    """A request that says what the authors do.

    Attributes:
        request: with all that they set and the user does not.
        authors: what that is, by method.
    """

    request: Request
    authors: dict[str, Authors]


def as_authors(request: Request, dataset: type[Dataset]) -> AsAuthors:
    """A request as the authors of its methods trained, what the user says himself in its place.

    Args:
        request: what the user typed, under ``--protocol official``.
        dataset: its dataset.

    Raises:
        InvalidInput: several papers have such a training, or methods of one search are not trained alike.
    """
    papers = {method: _paper_of(method, request, dataset) for method in request.methods}
    trainings = {method: paper.training_of(method, request.dataset) for method, paper in papers.items() if paper is not None}
    typed = {method: _typed(training) for method, training in trainings.items()}
    given = _given(request)
    options = {name: str(option.default) for name, option in options_of("dataset", dataset).items()}
    free = {method: _left(flags, given, options) for method, flags in typed.items()}
    _check_alike(free)
    authors = {}
    for method, paper in papers.items():
        if paper is None:
            said = f"how the authors of {method} trained it on {request.dataset} is not known here: it is trained as told"
            said += f", and otherwise as {' and '.join(trainings)}" if trainings else ""
            authors[method] = Authors(differs=(said,))
            continue
        sets = free[method]
        theirs = _theirs(trainings[method])
        overruled = {
            flag: " or ".join(values)
            for flag, values in theirs.items()
            if flag not in sets and not any(_agrees(given, flag, value) for value in values)
        }
        authors[method] = Authors(paper=paper.paper, sets=sets, overruled=overruled, differs=trainings[method].differs)
    return AsAuthors(_with(request, {flag: value for flags in free.values() for flag, value in flags.items()}), authors)


def settings_of(authors: Authors) -> list[str]:
    """Full names of what the authors set of a method, its optimiser or data: no point of a file may say otherwise."""
    return [flag.removeprefix("--set ") for flag in authors.sets if flag.startswith("--set ")]


def _paper_of(method: str, request: Request, dataset: type[Dataset]) -> Paper | None:
    """The paper whose training a method has; None if none is known."""
    own = options_of("dataset", dataset)
    known = papers_of(method, request.dataset)
    data = {
        paper.paper: {name: _texts(value) for name, value in paper.training_of(method, request.dataset).set.items() if name in own}
        for paper in known
    }
    fitting = [paper for paper in known if not any(_contradicts(request.set, *item) for item in data[paper.paper].items())]
    found = fitting or known[:1]
    if len(found) < 2:
        return found[0] if found else None
    raise InvalidInput(
        f"--protocol official: {method} on {request.dataset} was trained for several papers: say which of them by its data. "
        + "; ".join(f"{_flags_of(data[paper.paper])} is that of {paper.paper}" for paper in found)
    )


def _flags_of(options: Mapping[str, Sequence[str]]) -> str:
    return " ".join(f"--set {name.rpartition('.')[2]}={values[0]}" for name, values in options.items()) or "what is left"


def _contradicts(settings: Sequence[Setting], name: str, values: Sequence[str]) -> bool:
    return any(setting.key in _names(name) and not any(_same(setting.text, value) for value in values) for setting in settings)


def _typed(training: AuthorsTraining) -> _Flags:
    """What the authors do, as one would type it; the first of what they do."""
    return {flag: values[0] for flag, values in _theirs(training).items()}


def _theirs(training: AuthorsTraining) -> dict[str, tuple[str, ...]]:
    """Every value that the authors have of an option."""
    plain = {f"--{name.replace('_', '-')}": (str(value),) for name in _PLAIN if (value := getattr(training, name)) is not None}
    settings = {f"--set {name}": _texts(value) for name, value in training.set.items()}
    return plain | settings | {f"--teacher-set {name}": _texts(value) for name, value in training.teacher_set.items()}


def _texts(given: Value | Sequence[Value]) -> tuple[str, ...]:
    values = given if isinstance(given, list | tuple) else (given,)
    return tuple(str(value).lower() if isinstance(value, bool) else str(value) for value in values)


def _given(request: Request) -> _Flags:
    """What the user said of these options, in a file of his too."""
    plain = {f"--{name.replace('_', '-')}": str(value) for name in _PLAIN if (value := getattr(request, name)) is not None}
    settings = {f"--set {key}": text for key, text in request.set}
    return plain | _in_file(request) | settings | {f"--teacher-set {key}": text for key, text in request.teacher_set}


def _in_file(request: Request) -> _Flags:
    """What the user's space file searches or fixes; what is wrong with the file is told when it is applied."""
    try:
        content = {} if request.space is None else read_mapping(Path(request.space), "search space")
    except InvalidInput:
        return {}
    parts = [part for name in ("search", "fixed") if isinstance(part := content.get(name), dict)]
    return {f"--set {name}": str(value) for part in parts for name, value in part.items()}


def _names(name: str) -> tuple[str, str]:
    """How a setting may be called."""
    return name, name.rpartition(".")[2]


def _spellings(flag: str) -> list[str]:
    option, _, name = flag.partition(" ")
    return [f"{option} {called}" for called in _names(name)] if name else [flag]


def _overrules(given: _Flags, flag: str) -> bool:
    """Whether the user has said this himself; the length of each training is the teacher's too."""
    if flag == "--teacher-epochs" and "--epochs" in given:
        return True
    return any(spelling in given for spelling in _spellings(flag))


def _agrees(given: _Flags, flag: str, value: str) -> bool:
    return any(_same(given[spelling], value) for spelling in _spellings(flag) if spelling in given)


def _same(text: str, other: str) -> bool:
    try:
        return float(text) == float(other)
    except ValueError:
        return text == other


def _left(flags: _Flags, given: _Flags, options: Mapping[str, str]) -> _Flags:
    """What the user leaves of a training; what depends on another choice than theirs means nothing.

    Settings of their architecture go with it, the rate with its optimiser. A teacher of another architecture than the trials', or
    on other data than the authors' teacher, is no baseline; ``options`` are the dataset's, by full name, with their defaults.
    """
    idle = tuple(
        own for option, own in _DEPENDS.items() if _overrules(given, option) and not _agrees(given, option, flags.get(option, ""))
    )
    chosen = {**flags, **given}
    other_net = chosen.get("--teacher-model", student := chosen.get("--model")) != student
    if other_net or any(_taught_on_other(given, flags, name, default) for name, default in options.items()):
        idle += ("--compare-with",)
    return {flag: value for flag, value in flags.items() if not _overrules(given, flag) and not flag.startswith(idle)}


def _taught_on_other(given: _Flags, flags: _Flags, name: str, default: str) -> bool:
    """Whether the user's teacher has another value of an option of the dataset than theirs, or than the students."""
    students, taught = (next((given[own] for own in _spellings(f"{flag} {name}") if own in given), None) for flag in _OF_SETTINGS)
    theirs = flags.get(f"--teacher-set {name}", students or flags.get(f"--set {name}", default))
    return taught is not None and not _same(taught, theirs)


def _check_alike(free: Mapping[str, _Flags]) -> None:
    """Check that what all trainings of a search share is the same for its methods; what is a method's own may differ."""
    own = {f"--set {part}." for method in free for part in components(method)}
    faults = []
    for flag in dict.fromkeys(flag for flags in free.values() for flag in flags):
        if flag.startswith(tuple(own)):
            continue
        told = {method: flags.get(flag, "not set") for method, flags in free.items()}
        if len(set(told.values())) > 1:
            faults.append(f"{flag} is " + ", ".join(f"{value} for {method}" for method, value in told.items()))
    if faults:
        raise InvalidInput(
            f"--protocol official: {' and '.join(free)} were not trained alike: {'; '.join(faults)}. Search them apart, or say "
            "yourself what all of them have"
        )


def _with(request: Request, flags: _Flags) -> Request:
    settings, teacher = (
        tuple(Setting(flag.removeprefix(f"{option} "), value) for flag, value in flags.items() if flag.startswith(f"{option} "))
        for option in _OF_SETTINGS
    )
    return request.model_copy(
        update={**dict(_plain(flags)), "set": (*request.set, *settings), "teacher_set": (*request.teacher_set, *teacher)}
    )


def _plain(flags: _Flags) -> Iterator[tuple[str, object]]:
    for name in _PLAIN:
        if (value := flags.get(f"--{name.replace('_', '-')}")) is not None:
            yield name, int(value) if value.isdigit() else value
