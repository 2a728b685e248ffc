"""A search that begins with what earlier runs of the same space found (``--warm-start RUN``).

What was trained exactly as this search would train it, down to data, seed and epochs, comes first, and is not trained again: its
result is this search's too. Where anything of that differs, the results are those of other trainings and say nothing that could be
compared; the settings of the earlier front are then tried first, as published settings are. Another dataset or another space is
refused: neither results nor settings would mean the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairtune.errors import FairtuneError, InvalidInput
from fairtune.methods import compose
from fairtune.request.faults import Faults
from fairtune.space import Space, Value
from fairtune.spec import Place, SearchSpec
from fairtune.study.earlier import EarlierRun, is_searched
from fairtune.study.folders import RunFolder
from fairtune.study.record import Record

_Setting = tuple[str, dict[str, Value]]
"""A method and its searched values."""


def with_earlier(spec: SearchSpec, place: Place) -> SearchSpec:
    """A search with the settings of earlier runs before its own points.

    Args:
        spec: the search.
        place: where it runs, and which runs it begins with.

    Raises:
        InvalidInput: a run cannot be read, is of another dataset or space, or has nothing to begin with.
    """
    faults, trained, best = Faults(), list[_Setting](), list[_Setting]()
    for path in place.warm_start:
        run = faults.attempt(partial(_open, path, spec, place))
        if run is not None:
            known, front = _settings(run, spec)
            trained, best = trained + known, best + front
            if not known and not front:
                faults.found.append(
                    f"--warm-start {path}: none of its trials is complete, feasible and inside what is searched here"
                )
    faults.raise_if_any()
    first = trained + best
    return spec.model_copy(update={"spaces": {method: _with_points(method, space, first) for method, space in spec.spaces.items()}})


def _open(path: str, spec: SearchSpec, place: Place) -> EarlierRun:
    if Path(path) == RunFolder.of(place).path:
        raise InvalidInput(
            f"--warm-start {path}: this is the run itself: go on with it by fairtune resume, or choose another --name"
        )
    try:
        run = EarlierRun(Path(path))
    except FairtuneError as error:
        raise InvalidInput(f"--warm-start {path}: {error}") from error
    before = run.spec
    if before.dataset.name != spec.dataset.name:
        raise InvalidInput(
            f"--warm-start {path}: it searched on {before.dataset.name}, and this search is on {spec.dataset.name}, where its "
            "settings mean something else: leave it out, or give settings as points of a --space FILE"
        )
    common = [method for method in spec.spaces if method in before.spaces]
    if not common:
        raise InvalidInput(f"--warm-start {path}: it searched {before.methods}, and this search has none of that: leave it out")
    others = [other for method in common if (other := _difference(method, before.spaces[method], spec.spaces[method]))]
    if others:
        raise InvalidInput(
            [f"--warm-start {path}: its space is another: {other}; give both the same, or leave it out" for other in others]
        )
    return run


def _difference(method: str, before: Space, now: Space) -> str | None:
    """How two spaces differ, but for the ends of their ranges."""
    if before.search.keys() != now.search.keys():
        searched = [", ".join(space.search) or "nothing" for space in (before, now)]
        return f"of {method} it searched {searched[0]}, and this search {searched[1]}"
    fixed = [name for name in {**before.fixed, **now.fixed} if before.fixed.get(name) != now.fixed.get(name)]
    return f"{fixed[0]} was {before.fixed.get(fixed[0])} and is {now.fixed.get(fixed[0])}" if fixed else None


def _settings(run: EarlierRun, spec: SearchSpec) -> tuple[list[_Setting], list[_Setting]]:
    """What need not be trained again, and of the rest what was on the front; inside what is searched now."""
    trained = [record for record in run.trained(spec) if is_searched(record, spec) and _is_same_training(record, spec)]
    known = {record.number for record in trained}
    best = [record for record in run.front if is_searched(record, spec) and record.number not in known]
    return [(record.method, record.params) for record in trained], [(record.method, record.params) for record in best]


def _is_same_training(record: Record, spec: SearchSpec) -> bool:
    values = {**spec.spaces[record.method].fixed, **record.params}
    again = spec.trial(record.method, values, needs_baseline=compose(record.method, values).needs_baseline)
    return record.result is not None and record.result.id == again.id


def _with_points(method: str, space: Space, first: Sequence[_Setting]) -> Space:
    earlier = [values for its, values in first if its == method and values]
    return space.model_copy(update={"points": (*earlier, *space.points)})
