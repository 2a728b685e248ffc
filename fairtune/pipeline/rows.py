"""The rows of a pipeline's tables: what was confirmed of each search, and of the plain model on its data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from fairtune.metrics import Interval
from fairtune.pipeline.expanding import BASELINE, Named
from fairtune.pipeline.ordering import apart
from fairtune.pipeline.planning import Planned
from fairtune.pipeline.published import Beside, Quoted, Standing
from fairtune.spec import SearchSpec
from fairtune.study.folders import database_of
from fairtune.study.spent import Split, spent
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary


class Row(NamedTuple):
    """One row.

    Attributes:
        data: what its data have that those of other rows have not; empty where all are on the same.
        label: of it among the rows on the same data.
        search: of its search among all; of a plain model that of the first search that has it.
        method: ``baseline`` or the search's.
        run: name of its run.
        seeds: on how many it was scored.
        values: of its setting, by name.
        plain: the plain model that it is, or that its search has: identity, and on how many seeds it was scored.
        ours: test scores; none where nothing was confirmed.
        published: the paper's, by our score.
        failed: why there is no score of its search; empty where that ended.
    """

    data: str
    label: str
    search: str
    method: str
    run: str
    seeds: int
    values: Mapping[str, object]
    plain: tuple[str, int]
    ours: Mapping[str, Interval]
    published: Mapping[str, Quoted]
    failed: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """What an ordering may call it by, the surest first."""
        return (self.label, self.search, self.method)

    def apart(self, score: str) -> float:
        """Ours less the published one, in units of both spreads; NaN where one is missing or neither has a spread."""
        ours, theirs = self.ours.get(score), self.published.get(score)
        return math.nan if ours is None or theirs is None else apart(ours.mean, ours.std, theirs.mean, theirs.std)


class Outcome(NamedTuple):
    """A search that has ended.

    Attributes:
        planned: what it is.
        summary: what it found.
        took: for that.
    """

    planned: Planned
    summary: Summary
    took: Split

    @classmethod
    def of(cls, planned: Planned, summary: Summary) -> Outcome:
        """From what is kept of it."""
        spec, place = planned.spec, planned.place
        return cls(planned, summary, spent(spec, place, SearchStudy(database_of(place), spec)))


class Failed(NamedTuple):
    """A search that ended without an outcome, for a reason of its own, and why."""

    planned: Planned
    reason: str


def rows_of(ended: Sequence[Outcome | Failed], beside: Beside) -> list[Row]:
    """A row for each search and, before the first search that has it, for each plain model.

    A search that chose nothing confirmed nothing, so that a plain model has the scores of the first that did. The published
    plain model stands beside the first on the same data alone, which is called ``baseline``.
    """
    rows: list[Row] = []
    known: set[tuple[str, int]] = set()
    confirming: dict[tuple[str, int], Outcome] = {}
    for one in ended:
        if isinstance(one, Outcome) and BASELINE in one.summary.confirmed:
            confirming.setdefault(_plain(one.planned.spec), one)
    for one in ended:
        if isinstance(one, Failed):
            rows.append(_failed_row(one, beside))
            continue
        planned, summary = one.planned, one.summary
        plain = _plain(planned.spec)
        if plain not in known:
            on_same = any(row.data == planned.named.data and row.method == BASELINE for row in rows)
            label = f"{BASELINE} of {planned.named.short}" if on_same else BASELINE
            scored = confirming.get(plain, one)
            rows.append(_row(scored.planned, scored.summary, "baseline", label, beside))
            known.add(plain)
        rows.append(_row(planned, summary, "chosen", planned.named.short, beside))
    return rows


def found_by(rows: Iterable[Row], name: str) -> Row | None:
    """The row that a name means: by its label, else by its search, else the only one of that method."""
    listed = list(rows)
    for place in range(3):
        found = [row for row in listed if row.names[place] == name]
        if found and (place < 2 or len(found) == 1 or name == BASELINE):
            return found[0]
    return None


def standing(searches: Iterable[tuple[Named, SearchSpec]]) -> list[Standing]:
    """The rows that searches are going to have, those of the published plain models among them."""
    found: list[Standing] = []
    known: set[str] = set()
    for named, spec in searches:
        values = values_of(spec)
        if named.data not in known:
            found.append(Standing((BASELINE,), values))
            known.add(named.data)
        searched = frozenset(name for space in spec.spaces.values() for name in space.search)
        searched |= {name.rpartition(".")[2] for name in searched}
        found.append(Standing((named.short, named.label, named.method), values, searched))
    return found


def values_of(spec: SearchSpec) -> dict[str, object]:
    """What a search fixes: its data and their options, its net, the hyperparameters that are not searched, the teacher's data."""
    fixed = {name: value for space in spec.spaces.values() for name, value in space.fixed.items()}
    teacher = {} if spec.teacher_dataset is None else spec.teacher_dataset.options
    return {
        "dataset": spec.dataset.name,
        "model": spec.model.name,
        "epochs": spec.epochs,
        "batch_size": spec.batch_size,
        "train_fraction": spec.train_fraction,
        **spec.dataset.options,
        **{name.rpartition(".")[2]: value for name, value in fixed.items() if not name.startswith("optimizer.")},
        **fixed,
        **{f"teacher.{name}": value for name, value in teacher.items()},
    }


def _plain(spec: SearchSpec) -> tuple[str, int]:
    return (spec.baseline().id, spec.final_seeds)


def _failed_row(failed: Failed, beside: Beside) -> Row:
    planned, values = failed.planned, values_of(failed.planned.spec)
    named = planned.named
    return Row(
        data=named.data,
        label=named.short,
        search=named.label,
        method=named.method,
        run=planned.place.name,
        seeds=0,
        values=values,
        plain=_plain(planned.spec),
        ours={},
        published=beside.of((named.short, named.label, named.method), values),
        failed=failed.reason,
    )


def _row(planned: Planned, summary: Summary, role: Literal["baseline", "chosen"], label: str, beside: Beside) -> Row:
    named: Named = planned.named
    confirmed = summary.confirmed.get(role)
    values = values_of(planned.spec)
    if role == "chosen" and summary.chosen is not None:
        chosen = summary.chosen.params
        values |= {name.rpartition(".")[2]: value for name, value in chosen.items()} | dict(chosen)
    method = BASELINE if role == BASELINE else named.method
    return Row(
        data=named.data,
        label=label,
        search=BASELINE if role == BASELINE else named.label,
        method=method,
        run=planned.place.name,
        seeds=0 if confirmed is None else len(confirmed.seeds),
        values=values,
        plain=_plain(planned.spec),
        ours={} if confirmed is None else dict(confirmed.test),
        published=beside.of((label, named.label, method) if role == "chosen" else (label,), values),
    )
