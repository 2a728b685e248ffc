"""The search space of a method: its declared hyperparameters, its YAML files, then what the user says.

``search_spaces/NAME.yaml`` and ``--space FILE`` have up to three parts: ``search`` (domains), ``fixed`` (values) and ``points``
(settings tried first, by dataset, ``default`` for any other). What is searched by default is declared beside the code, so that the
files in ``search_spaces/`` hold points and, where there is a reason, a part of that. The file of a component uses bare names;
the file of a combination (``ss+hkd.yaml``) full ones. Of several files' points the most specific come first: the user's, the
combination's, its components'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import NamedTuple, TypeGuard, get_args

from fairtune.errors import InvalidInput, unknown_name
from fairtune.files import shipped
from fairtune.methods import components
from fairtune.request.settings import Setting
from fairtune.request.yaml_files import read_mapping
from fairtune.space import Domain, Hyperparameter, Options, Real, Space, Text, Value, parse_domain
from fairtune.spec import Schedule

_PARTS = ("search", "fixed", "points")


_Point = Mapping[str, object]


class _Parts(NamedTuple):
    """What a file says; points by dataset."""

    search: Mapping[str, object]
    fixed: Mapping[str, object]
    points: Mapping[str, Sequence[_Point]]


OPTIMIZER: dict[str, Hyperparameter] = {
    "optimizer.name": Hyperparameter(default="adam", legal=Options(values=("adam", "sgd"))),
    "optimizer.lr": Hyperparameter(default=1e-3, legal=Real(low=1e-8, high=10, log=True)),
    "optimizer.weight_decay": Hyperparameter(default=0.0, legal=Real(low=0, high=1, log=True)),
    "optimizer.schedule": Hyperparameter(default="plateau", legal=Options(values=get_args(Schedule))),
    "optimizer.milestones": Hyperparameter(default="0.5,0.75", legal=Text()),
}
"""What ``--set`` may say of the optimiser."""


def matching(key: str, known: Mapping[str, Hyperparameter]) -> list[str]:
    """Full names that a key stands for: itself, or those that end in it."""
    return [key] if key in known else [name for name in known if name.rpartition(".")[2] == key]


def folder() -> Path:
    """Where the YAML files lie."""
    return shipped("search_spaces")


def hyperparameters(method: str) -> dict[str, Hyperparameter]:
    """All hyperparameters of a method, by full name."""
    return {
        f"{part}.{name}": hyperparameter
        for part, plugin in components(method).items()
        for name, hyperparameter in plugin.declared().items()
    }


def build_space(method: str, dataset: str, settings: Sequence[Setting] = (), file: Path | None = None) -> Space:
    """The space of a method.

    Args:
        method: a name, or names joined by ``+``.
        dataset: whose points to try first.
        settings: from the command line; those that name no hyperparameter of this method or the optimiser are passed over.
        file: a YAML file of the user's, like those in ``search_spaces/``, with bare or full names.

    Raises:
        InvalidInput: all faults of the file and the settings.
    """
    known = hyperparameters(method)
    space = Space()
    for name, hyperparameter in known.items():
        space = space.narrowed(name, hyperparameter.default if hyperparameter.search is None else hyperparameter.search)
    faults: list[str] = []
    parts = list(components(method))
    sources = [(folder() / f"{part}.yaml", f"{part}.") for part in parts]
    if len(parts) > 1:
        sources.append((folder() / f"{method}.yaml", ""))
    for path, prefix in sources:
        if path.is_file():
            space = _apply_file(space, path, prefix, dataset, known, faults)
    if file is not None and (foreign := _of_another_method(file, method, known | OPTIMIZER)):
        faults.append(foreign)
    elif file is not None:
        before = len(space.points)
        space = _apply_file(space, file, "", dataset, known | OPTIMIZER, faults)
        own = space.points[: len(space.points) - before]
        overruled = {name for setting in settings for name in matching(setting.key, known | OPTIMIZER)}
        faults += [f"{file.name}, points: {fault}" for point in own for fault in _not_tried(point, space, overruled)]
    for key, text in settings:
        space = _apply(space, key, text, known | OPTIMIZER, f"--set {key}={text}", faults, optional=True)
    if faults:
        raise InvalidInput(faults)
    return space


def _of_another_method(file: Path, method: str, known: Mapping[str, Hyperparameter]) -> str:
    """A sentence if a file names hyperparameters, and none of them is the method's."""
    content = _read_file(file, [])
    points = [name for some in content.points.values() for point in some for name in point]
    names = list(dict.fromkeys([*content.search, *content.fixed, *points]))
    if not names or any(matching(name, known) for name in names):
        return ""
    own = ", ".join(name.rpartition(".")[2] for name in known if name not in OPTIMIZER) or "none"
    return f"--space {file}: it names {', '.join(names)}, and {method} has {own}: it is the file of another method"


def _apply_file(
    space: Space, path: Path, prefix: str, dataset: str, known: Mapping[str, Hyperparameter], faults: list[str]
) -> Space:
    content = _read_file(path, faults)
    twice = {found for name in content.search for found in matching(f"{prefix}{name}", known)} & {
        found for name in content.fixed for found in matching(f"{prefix}{name}", known)
    }
    faults += [f"{path.name}: {name} is both searched and fixed: keep one" for name in sorted(twice)]
    for part, settings in (("search", content.search), ("fixed", content.fixed)):
        for name, given in settings.items():
            space = _apply(space, f"{prefix}{name}", given, known, f"{path.name}, {part}: {name}", faults)
    points = content.points.get(dataset, content.points.get("default", ()))
    read = [_read_point(point, prefix, known, path, faults) for point in points]
    return space.model_copy(update={"points": (*filter(None, read), *space.points)})


def _read_file(path: Path, faults: list[str]) -> _Parts:
    """The parts of a file that are shaped as they should be; none if it cannot be read."""
    try:
        content = read_mapping(path, "search space", _PARTS)
    except InvalidInput as error:
        faults += error.faults
        return _Parts({}, {}, {})
    search, fixed = (_settings(content, part, path, faults) for part in ("search", "fixed"))
    return _Parts(search, fixed, _points(content, path, faults))


def _settings(content: Mapping[str, object], part: str, path: Path, faults: list[str]) -> Mapping[str, object]:
    given = content.get(part) or {}
    if isinstance(given, dict):
        return given
    faults.append(f"{path.name}: {part} must be a mapping of names")
    return {}


def _points(content: Mapping[str, object], path: Path, faults: list[str]) -> Mapping[str, Sequence[_Point]]:
    points = content.get("points") or []
    by_dataset = points if isinstance(points, dict) else {"default": points}
    found = {dataset: some for dataset, some in by_dataset.items() if _are_points(some)}
    if len(found) == len(by_dataset):
        return found
    faults.append(f"{path.name}: points must be a list of mappings, or one such list for each dataset")
    return {}


def _are_points(given: object) -> TypeGuard[list[_Point]]:
    return isinstance(given, list) and all(isinstance(point, dict) for point in given)


def _read_point(point: _Point, prefix: str, known: Mapping[str, Hyperparameter], path: Path, faults: list[str]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, given in point.items():
        found = matching(f"{prefix}{name}", known)
        try:
            value = parse_domain(given, known[found[0]].legal) if len(found) == 1 else None
        except ValueError as error:
            faults.append(f"{path.name}, points: {name}: {error}")
            continue
        if value is None or isinstance(value, Real | Options):
            faults.append(f"{path.name}, points: {name}: {_not_one(name, found, known)}")
        else:
            values[found[0]] = value
    return values


def _not_one(name: str, found: Sequence[str], known: Mapping[str, Hyperparameter]) -> str:
    """Why a point's entry is not one hyperparameter with one value."""
    if not found:
        return unknown_name("hyperparameter", name, known)
    return f"write {' or '.join(found)}" if len(found) > 1 else "give one value; a range belongs under search"


def _not_tried(point: Mapping[str, Value], space: Space, overruled: Set[str]) -> list[str]:
    """Why a point would not be tried as it stands; what the command line sets may exclude it without a word."""
    faults = []
    for name in point.keys() - overruled:
        value, domain = point[name], space.search.get(name)
        if domain is None and value != (fixed := space.fixed.get(name, OPTIMIZER[name].default if name in OPTIMIZER else None)):
            faults.append(f"{name}: {value} is never tried, because {name} is fixed at {fixed}: search it, or fix it at {value}")
        elif domain is not None and not domain.contains(value):
            faults.append(f"{name}: {value} is outside what is searched, {domain}: widen it, or leave the point out")
    return sorted(faults)


def _apply(
    space: Space,
    key: str,
    given: object,
    known: Mapping[str, Hyperparameter],
    where: str,
    faults: list[str],
    *,
    optional: bool = False,
) -> Space:
    found = matching(key, known)
    if len(found) > 1:
        faults.append(f"{where}: {key!r} is ambiguous: write {' or '.join(found)}")
    elif not found and not optional:
        faults.append(f"{where}: {unknown_name('hyperparameter', key, known)}")
    elif found:
        try:
            value: Value | Domain = parse_domain(given, known[found[0]].legal)
            return space.narrowed(found[0], value)
        except ValueError as error:
            faults.append(f"{where}: {error}")
    return space
