"""Pipelines: several searches in a row, then one table of what was confirmed beside the published figures."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from fairtune.api.search import run as run_search
from fairtune.errors import InvalidInput, NoFeasibleTrial, unknown_name
from fairtune.files import shipped
from fairtune.metrics import HEADLINES, UNDEFINED
from fairtune.request.faults import Faults, sentences
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.request.yaml_files import read_mapping
from fairtune.spec import Place, SearchSpec, TrialSpec
from fairtune.study.folders import RunFolder, in_folder
from fairtune.study.summary import Summary

_COLUMNS = ("dataset", "method", "metric", "mean", "std")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+,-]+")


class Published(BaseModel):
    """Figures to print beside ours.

    Attributes:
        table: CSV file in ``published/`` beside the pipeline; columns dataset, method, metric, mean, std; percent.
        dataset: its name there.
        rows: method there, by method here; ``baseline`` is the plain model.
    """

    model_config = ConfigDict(extra="forbid")

    table: str
    dataset: str
    rows: dict[str, str]


class Pipeline(BaseModel):
    """A pipeline file.

    Attributes:
        title: printed above the table.
        note: what to know when comparing.
        defaults: options of every search, named as on the command line with underscores.
        searches: options of each; with ``name`` it is called otherwise than by default.
        published: figures to compare with.
    """

    model_config = ConfigDict(extra="forbid")

    title: str
    note: str = ""
    defaults: dict[str, object] = Field(default_factory=dict)
    searches: list[dict[str, object]] = Field(min_length=1)
    published: Published | None = None


def folder() -> Path:
    """Where the pipelines that come with fairtune lie."""
    return shipped("pipelines")


def load(file: Path) -> tuple[Pipeline, Path]:
    """Read a pipeline from a file or by name; returns it with its path.

    Raises:
        InvalidInput: it does not exist or cannot be read, with every fault.
    """
    ours = folder() / f"{file.stem}.yaml"
    path = ours if not file.is_file() and ours.is_file() else file
    if not path.exists():
        raise InvalidInput(unknown_name("pipeline", str(file), [found.stem for found in folder().glob("*.yaml")]))
    content = read_mapping(path, "pipeline", Pipeline.model_fields)
    try:
        return Pipeline.model_validate(content), path
    except ValidationError as error:
        raise InvalidInput([f"{path.name}: {fault}" for fault in sentences(error, Pipeline)]) from error


def run(file: Path, data: str | None, runs: str, console: Console) -> pd.DataFrame:
    """Run every search of a pipeline, or go on with those that an earlier call finished in part, and print the table.

    Args:
        file: the pipeline.
        data: folder of the original data files.
        runs: folder of all runs; a search is named as it says, else after the pipeline, its method, and what other searches of that
            method do not have.
        console: where to print.

    Returns:
        One row per search, and one per baseline before the first search that has it: ``search``, ``method``, scores on the test
        split as mean and std over the final seeds, and the published ones; NaN where there is none.

    Raises:
        InvalidInput: every fault of every search, before the first starts.
    """
    pipeline, path = load(file)
    faults = Faults()
    figures = faults.attempt(lambda: _figures(pipeline.published, path.parent))
    searches = _resolve(pipeline, path.stem, data, runs, faults)
    faults.raise_if_any()
    summaries = {label: _outcome(planned, console) for label, planned in searches.items()}
    table = _table(summaries, pipeline.published, figures)
    _print(table, pipeline, console)
    table.to_csv(Path(runs) / f"{path.stem}.csv", index=False)
    return table


def labels(searches: Sequence[Mapping[str, object]]) -> list[str]:
    """What to call each search: the name it gives itself, else its method and what other searches of that method do not have.

    Args:
        searches: the options of each, defaults filled in.
    """
    called = []
    for own in searches:
        alike = [other for other in searches if _method(other) == _method(own)]
        differs = [_told(name, value, [other.get(name) for other in alike]) for name, value in own.items()]
        default = "-".join([_method(own), *filter(None, differs)])
        called.append(str(own.get("name") or _NOT_IN_NAMES.sub("-", default)))
    return called


def _told(name: str, value: object, others: Sequence[object]) -> str:
    """An option of a search, if the others of its method have not all the same; of a list, what not all of them have."""
    if all(other == value for other in others):
        return ""
    if isinstance(value, list):
        return "-".join(str(item) for item in value if not all(isinstance(other, list) and item in other for other in others))
    return f"{name}-{value}"


def _method(options: Mapping[str, object]) -> str:
    return str(options.get("method", Request.model_fields["method"].default))


class Planned(NamedTuple):
    """A search that may start."""

    request: Request
    spec: SearchSpec
    place: Place


def _resolve(pipeline: Pipeline, name: str, data: str | None, runs: str, faults: Faults) -> dict[str, Planned]:
    """Every search by its label; searches that have a fault are left out."""
    options = [{**pipeline.defaults, **search} for search in pipeline.searches]
    resolved: dict[str, Planned] = {}
    for label, search in zip(labels(options), options, strict=True):
        own = Faults()
        given = own.attempt(partial(_request, label, search, name, data, runs))
        found = None if given is None else own.attempt(partial(resolve, given))
        if given is not None and found is not None:
            planned = Planned(given, *found)
            own.found += _clash(planned, resolved)
            resolved[label] = planned
        faults.found += [f"{label}: {fault}" for fault in own.found]
    return resolved


def _clash(planned: Planned, earlier: Mapping[str, Planned]) -> list[str]:
    """Why a search cannot stand beside those before it."""
    for label, other in earlier.items():
        if other.spec == planned.spec:
            return [f"it is the same search as {label}: leave one of them out"]
        if other.place.name == planned.place.name:
            return [f"the search {label} has the name {other.place.name} too: give each a name of its own"]
    return []


def _request(label: str, search: Mapping[str, object], pipeline: str, data: str | None, runs: str) -> Request:
    if placed := sorted({"data", "runs"} & set(search)):
        raise InvalidInput(f"a pipeline does not say where {' and '.join(placed)} are: give --{' and --'.join(placed)}")
    return Request.read({**search, "name": search.get("name") or f"{pipeline}-{label}", "data": data, "runs": runs})


def _outcome(planned: Planned, console: Console) -> Summary:
    """What a search found: read where it is complete, else searched for."""
    done = RunFolder.of(planned.place)
    summary = _finished(done)
    if summary is not None:
        return summary
    try:
        return run_search(planned.spec, planned.place, console, planned.request)
    except NoFeasibleTrial as error:
        console.print(str(error))
    summary = _finished(done)
    assert summary is not None
    return summary


def _finished(done: RunFolder) -> Summary | None:
    """The summary of a search that is complete; one that cannot be read is written anew from the study."""
    try:
        summary = Summary.model_validate_json(done.summary.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    here = in_folder(summary.place, done.path)
    return summary.model_copy(update={"place": here}) if summary.complete else None


def _figures(published: Published | None, beside: Path) -> pd.DataFrame | None:
    """The published figures of the pipeline's dataset.

    Raises:
        InvalidInput: there are none, or a row that the pipeline names is not among them.
    """
    if published is None:
        return None
    file = beside / "published" / published.table
    try:
        figures = pd.read_csv(file)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"published: cannot read the table {file}: {error}") from error
    if missing := [column for column in _COLUMNS if column not in figures]:
        raise InvalidInput(f"published: {file.name} has no column {', '.join(missing)}; it needs {', '.join(_COLUMNS)}")
    own = figures[figures["dataset"] == published.dataset]
    if own.empty:
        raise InvalidInput(f"published: {file.name}: {unknown_name('dataset', published.dataset, set(figures['dataset']))}")
    known = set(own["method"])
    faults = [unknown_name("method", row, known) for row in published.rows.values() if row not in known]
    if faults:
        raise InvalidInput([f"published: {file.name}: {fault}" for fault in faults])
    return own


def _table(summaries: Mapping[str, Summary], published: Published | None, figures: pd.DataFrame | None) -> pd.DataFrame:
    baselines = [_baseline_of(summary) for summary in summaries.values()]
    several = any(baseline != baselines[0] for baseline in baselines)
    records = []
    for position, (label, summary) in enumerate(summaries.items()):
        rows = [(label, summary.spec.methods, "chosen")]
        if baselines[position] not in baselines[:position]:
            rows.insert(0, (f"baseline of {label}" if several else "baseline", "baseline", "baseline"))
        for name, method, role in rows:
            confirmed = summary.confirmed.get(role)
            record: dict[str, object] = {"search": name, "method": method}
            for score in HEADLINES:
                found = UNDEFINED if confirmed is None else confirmed.score(score)
                record |= {score: found.mean, f"{score}_std": found.std}
                if figures is not None and published is not None:
                    record |= _published(figures, published, method, score)
            records.append(record)
    return pd.DataFrame(records)


def _baseline_of(summary: Summary) -> tuple[TrialSpec, int]:
    """What decides a baseline's row."""
    return summary.spec.baseline(), summary.spec.final_seeds


def _published(figures: pd.DataFrame, published: Published, method: str, score: str) -> dict[str, object]:
    found = figures[(figures["method"] == published.rows.get(method)) & (figures["metric"] == f"{score}_pct")]
    mean, std = (found[column].iloc[0] / 100 if len(found) else math.nan for column in ("mean", "std"))
    return {f"{score}_published": mean, f"{score}_published_std": std}


def _print(table: pd.DataFrame, pipeline: Pipeline, console: Console) -> None:
    shown = Table(title=pipeline.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    shown.add_column("search")
    compared = pipeline.published is not None
    for score in HEADLINES:
        shown.add_column(score, no_wrap=True)
        if compared:
            shown.add_column("published", style="dim", no_wrap=True)
    for row in table.to_dict("records"):
        cells = [row["search"]]
        for score in HEADLINES:
            cells.append(_cell(row[score], row[f"{score}_std"]) or "-")
            if compared:
                cells.append(_cell(row[f"{score}_published"], row[f"{score}_published_std"]))
        shown.add_row(*cells)
    console.print()
    console.print(shown)
    if pipeline.note:
        console.print(pipeline.note.strip(), style="dim")


def _cell(mean: float, std: float) -> str:
    return "" if pd.isna(mean) else f"{mean:.4f}" + ("" if pd.isna(std) else f" ± {std:.4f}")
