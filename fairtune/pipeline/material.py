"""Everything that the report of a pipeline shows."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from fairtune.metrics import UNDEFINED, Interval
from fairtune.names import counted
from fairtune.pipeline.expanding import BASELINE, SizeName, size_of
from fairtune.pipeline.ordering import Checked, Order, check_order
from fairtune.pipeline.planning import Planned
from fairtune.pipeline.published import Beside
from fairtune.pipeline.reading import PipelineFile
from fairtune.pipeline.rows import Failed, Outcome, Row, found_by, rows_of
from fairtune.pipeline.statistics import Statistics, compare
from fairtune.report.progress import format_duration
from fairtune.study.spent import Spent
from fairtune.study.teacher import teacher_beside

_PLACES = (
    *("data", "runs", "name", "tracking_uri", "study", "storage", "address"),
    *("cpus_per_trial", "memory_per_trial", "max_concurrent"),
)
"""Options that have no say in what comes out."""


class Material(NamedTuple):
    """Everything that the report shows.

    Attributes:
        file: the pipeline.
        name: of its folder.
        command: that makes it again.
        ended: the searches that have ended, in order.
        of: how many searches there are.
        rows: of the tables.
        checked: the orderings, pair by pair, with the data that they were checked on.
        compared: what statistics say of the searches, if the file asks for it and all have ended.
        differs: from the papers' protocol, in sentences.
    """

    file: PipelineFile
    name: str
    command: str
    ended: Sequence[Outcome | Failed]
    of: int
    rows: Sequence[Row]
    checked: Sequence[tuple[str, Checked]]
    compared: Statistics
    differs: Sequence[str]

    @property
    def outcomes(self) -> list[Outcome]:
        """Of the searches that found something."""
        return [one for one in self.ended if isinstance(one, Outcome)]

    @property
    def failed(self) -> list[Failed]:
        """The searches that found nothing."""
        return [one for one in self.ended if isinstance(one, Failed)]

    @property
    def scores(self) -> tuple[str, ...]:
        """The columns."""
        return self.file.content.report.scores

    @property
    def blocks(self) -> dict[str, list[Row]]:
        """The rows by their data."""
        found: dict[str, list[Row]] = {}
        for row in self.rows:
            found.setdefault(row.data, []).append(row)
        return found

    @property
    def cost(self) -> str:
        """What it took, in words: what every search took for its own methods, a teacher that several have once."""
        taught = {
            teacher.id: one.took.teacher for one in self.outcomes if (teacher := teacher_beside(one.planned.spec)) is not None
        }
        own = sum((one.took.own - one.took.teacher for one in self.outcomes), sum(taught.values(), Spent()))
        wall = format_duration(sum(one.summary.cost.wall_s for one in self.outcomes))
        on = f"{format_duration(own.gpu_s)} of one GPU" if own.gpu_s else f"on {platform.machine()} CPUs"
        beside = f"{counted(own.trainings, 'training')} beside the plain models, {own.epochs:,} epochs of them"
        return f"{counted(len(self.outcomes), 'run')}, {beside}, {wall}, {on}"

    @property
    def setting(self) -> str:
        """With what everything was trained, where it is the same for all."""
        specs = [one.planned.spec for one in self.ended]
        parts: dict[str, set[str]] = {
            "protocol": {spec.protocol for spec in specs},
            "epochs": {str(spec.epochs) for spec in specs},
            "model": {spec.model.name for spec in specs},
            "seeds": {str(spec.final_seeds) for spec in specs},
            "share of the training split": {f"{spec.train_fraction:g}" for spec in specs},
            "trials of a search": {str(spec.trials) for spec in specs},
        }
        return "; ".join(f"{name} {', '.join(sorted(values))}" for name, values in parts.items())

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table for programs."""
        return pd.DataFrame([_record(row, self.scores) for row in self.rows])


def gather(
    file: PipelineFile,
    name: str,
    size: SizeName,
    typed: Mapping[str, object],
    ended: Sequence[Outcome | Failed],
    beside: Beside,
    pending: Sequence[Planned] = (),
) -> Material:
    """What the report shows of the searches that have ended.

    Args:
        file: the pipeline.
        name: of its folder.
        size: of the pipeline.
        typed: options of the command line.
        ended: the searches that have ended, in order.
        beside: the published figures.
        pending: the searches that have not.
    """
    of = len(ended) + len(pending)
    rows = rows_of(ended, beside)
    missing = _missing(ended, pending)
    checked = [(data, one) for data, order, own in _by_data(file, rows) for one in check_order(order, own, missing)]
    outcomes = [one for one in ended if isinstance(one, Outcome)]
    compares = file.content.report.compare and len(ended) == of and outcomes
    compared = compare(outcomes) if compares else Statistics()
    differs = _differs(file, size, typed)
    return Material(file, name, _command(file, size, typed), tuple(ended), of, rows, checked, compared, differs)


def _missing(ended: Sequence[Outcome | Failed], pending: Sequence[Planned]) -> dict[str, str]:
    """Why there is no score of a name that searches go by."""
    found = dict.fromkeys((name for one in pending for name in one.named.names), "not finished")
    found |= dict.fromkeys((name for one in ended if isinstance(one, Failed) for name in one.planned.named.names), "failed")
    return found | ({BASELINE: "not finished"} if pending else {})


def _differs(file: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> list[str]:
    """The file's sentences, then what the size changes and the command line does not overrule."""
    said, changed = list(file.content.report.differs), size_of(file.content, size)
    options = {**changed.options, **({"seeds": changed.seeds} if changed.seeds else {})}
    overruled = {name for name, value in typed.items() if not isinstance(value, list)}
    told = [_told(name, value) for name, value in options.items() if name not in overruled]
    for data, own in changed.for_data.items():
        told += [f"{_told(name, value)} on {data}" for name, value in own.items() if name not in overruled]
    if size == "quick" and told:
        said.append(f"Quick: {', '.join(told)}.")
    return said


def _told(name: str, value: object) -> str:
    given = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
    return f"{name.replace('_', ' ')} {given}"


def _by_data(file: PipelineFile, rows: Sequence[Row]) -> list[tuple[str, Order, dict[str, Interval]]]:
    """Every ordering on all data where it has two rows or more; on all data together where no single ones have them."""
    found = []
    for order in file.content.report.orderings:
        blocks: dict[str, list[Row]] = {}
        for row in rows:
            blocks.setdefault(row.data, []).append(row)
        own = {data: _scores_of(order, inside) for data, inside in blocks.items()}
        several = {data: scores for data, scores in own.items() if len(scores) > 1}
        found += [(data, order, scores) for data, scores in (several or {"": _scores_of(order, rows)}).items()]
    return found


def _scores_of(order: Order, rows: Sequence[Row]) -> dict[str, Interval]:
    found = {name: found_by(rows, name) for name in order.names}
    return {name: row.ours.get(order.score, UNDEFINED) for name, row in found.items() if row is not None}


def _command(file: PipelineFile, size: SizeName, typed: Mapping[str, object]) -> str:
    options = [(name, value) for name, value in typed.items() if name not in _PLACES]
    given = [
        f"--{name.replace('_', '-')} {one}" for name, value in options for one in (value if isinstance(value, list) else [value])
    ]
    return " ".join(["fairtune run", file.name, *(["--quick"] if size == "quick" else []), *given])


def _record(row: Row, scores: Sequence[str]) -> dict[str, object]:
    record: dict[str, object] = {"data": row.data, "search": row.label, "method": row.method, "run": row.run, "seeds": row.seeds}
    record["failed"] = row.failed
    for score in scores:
        found, quoted = row.ours.get(score, UNDEFINED), row.published.get(score)
        record |= {score: found.mean, f"{score}_std": found.std}
        mean, std = (float("nan"), float("nan")) if quoted is None else (quoted.mean, quoted.std)
        record |= {f"{score}_published": mean, f"{score}_published_std": std, f"{score}_apart": row.apart(score)}
    return record
