"""Every search of a pipeline as a request that may start, checked before the first does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple, TypeVar

from fairtune.pipeline.expanding import Named, SizeName, expand, size_of
from fairtune.pipeline.reading import PipelineFile
from fairtune.request.faults import Faults
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.spec import Place, SearchSpec

T = TypeVar("T")
_NAMED = 3
"""How many searches a fault names."""


class Planned(NamedTuple):
    """A search that may start.

    Attributes:
        named: what it is called.
        request: what it is made from.
        spec: what is searched.
        place: where.
    """

    named: Named
    request: Request
    spec: SearchSpec
    place: Place


def called(file: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> str:
    """The name of a pipeline's folder, with which those of its searches begin: another size or other data are another name."""
    other = typed.get("dataset")
    parts = [file.name, *(["quick"] if size == "quick" else []), *([str(other)] if other else [])]
    return str(typed.get("name") or "-".join(parts).replace(":", "."))


def requests(file: PipelineFile, size: SizeName, typed: Mapping[str, object], faults: Faults) -> list[tuple[Named, Request]]:
    """Every search as a request.

    Args:
        file: the pipeline.
        size: of it.
        typed: options of the command line, ``name`` and ``leave_out`` among them, which are the pipeline's own.
        faults: where what is wrong is gathered; searches that have a fault are left out.
    """
    name = called(file, size, typed)
    found = faults.attempt(lambda: _expanded(file, size, typed)) or []
    made, own = [], FaultsOfSearches()
    for one in found:
        request = own.attempt(one, partial(_request, one, name))
        if request is not None:
            made.append((one, request))
    faults.found += own.told(len(found))
    return made


def _expanded(file: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> list[Named]:
    chosen = size_of(file.content, size)
    left_out = typed.get("leave_out", ())
    assert isinstance(left_out, list | tuple)
    chosen = chosen.model_copy(update={"leave_out": (*chosen.leave_out, *left_out)})
    return expand(file.content, chosen, {option: value for option, value in typed.items() if option not in ("name", "leave_out")})


def plan_all(file: PipelineFile, size: SizeName, typed: Mapping[str, object], faults: Faults) -> list[Planned]:
    """Every search, its data opened and checked.

    Args:
        file, size, typed, faults: as for :func:`requests`.
    """
    planned: list[Planned] = []
    wanted, own = requests(file, size, typed, faults), FaultsOfSearches()
    for one, request in wanted:
        found = own.attempt(one, partial(resolve, request))
        if found is not None:
            new = Planned(one, request, *found)
            own.add(one, _clash(new, planned))
            planned.append(new)
    faults.found += own.told(len(wanted))
    return planned


class FaultsOfSearches:
    """Faults of the searches of a pipeline: each is told of the searches that have it, and once, of none, if all have."""

    def __init__(self) -> None:
        self._labels: dict[str, list[str]] = {}

    def attempt(self, one: Named, action: Callable[[], T]) -> T | None:
        """Run an action for a search; keep its faults and return None if it has any."""
        own = Faults()
        found = own.attempt(action)
        self.add(one, own.found)
        return found

    def add(self, one: Named, faults: Sequence[str]) -> None:
        """Keep faults of a search."""
        for fault in dict.fromkeys(faults):
            self._labels.setdefault(fault, []).append(one.label)

    def told(self, of: int) -> list[str]:
        """A sentence for each fault.

        Args:
            of: how many searches there are.
        """
        return [fault if 1 < len(labels) == of else f"{_some(labels)}: {fault}" for fault, labels in self._labels.items()]


def _some(labels: Sequence[str]) -> str:
    return ", ".join(labels) if len(labels) <= _NAMED else f"{labels[0]} and {len(labels) - 1} more"


def _request(one: Named, pipeline: str) -> Request:
    return Request.read({**one.options, "name": one.options.get("name") or f"{pipeline}-{one.label}"})


def _clash(planned: Planned, earlier: list[Planned]) -> list[str]:
    """Why a search cannot stand beside those before it."""
    for other in earlier:
        if other.spec == planned.spec:
            return [f"it is the same search as {other.named.label}: leave one of them out"]
        if other.place.name == planned.place.name:
            return [f"the search {other.named.label} has the name {other.place.name} too: give each a name of its own"]
    return []
