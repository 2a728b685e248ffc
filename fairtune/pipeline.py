"""Pipelines: several searches in a row, then one table of what was confirmed beside the published figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from fairtune.errors import InvalidInput, NoFeasibleTrial, unknown_name
from fairtune.folders import RunFolder
from fairtune.report.summary import Confirmed, Summary
from fairtune.resolve import Request, resolve
from fairtune.workflow import run as run_search

_SCORES = ("accuracy", "deo_m", "deo_a")


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
        searches: options of each.
        published: figures to compare with.
    """

    model_config = ConfigDict(extra="forbid")

    title: str
    note: str = ""
    defaults: dict[str, Any] = Field(default_factory=dict)
    searches: list[dict[str, Any]] = Field(min_length=1)
    published: Published | None = None


def folder() -> Path:
    """Where the pipelines that come with fairtune lie: inside the installed package, or beside it in a checkout."""
    installed = Path(__file__).parent / "pipelines"
    return installed if installed.is_dir() else Path(__file__).parents[1] / "pipelines"


def load(file: Path) -> tuple[Pipeline, Path]:
    """Read a pipeline from a file or by name; returns it with its path.

    Raises:
        InvalidInput: it does not exist or cannot be read, with every fault.
    """
    path = file if file.is_file() else folder() / f"{file.stem}.yaml"
    if not path.is_file():
        raise InvalidInput(unknown_name("pipeline", str(file), [found.stem for found in folder().glob("*.yaml")]))
    try:
        return Pipeline.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))), path
    except yaml.YAMLError as error:
        raise InvalidInput(f"cannot read the pipeline {path}: {error}") from error
    except ValidationError as error:
        raise InvalidInput(
            [f"{path.name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        ) from error


def run(file: Path, data: str | None, runs: str, console: Console) -> pd.DataFrame:
    """Run every search of a pipeline, or go on with those that an earlier call finished in part, and print the table.

    Args:
        file: the pipeline.
        data: folder of the original data files.
        runs: folder of all runs; each search is named after the pipeline and its method.
        console: where to print.

    Returns:
        One row per setting: scores on the test split as mean and std over the final seeds, and the published ones.

    Raises:
        InvalidInput: every fault of every search, before the first starts.
    """
    pipeline, path = load(file)
    resolved = [resolve(_request(pipeline, search, path.stem, data, runs)) for search in pipeline.searches]
    rows: dict[str, Confirmed] = {}
    for spec, place in resolved:
        done = RunFolder.of(place)
        summary = _finished(done) if done.summary.is_file() else None
        if summary is None:
            try:
                summary = run_search(spec, place, console)
            except NoFeasibleTrial as error:
                console.print(str(error))
                continue
        rows.setdefault("baseline", summary.confirmed["baseline"])
        rows[spec.methods] = summary.confirmed["chosen"]
    table = _table(rows, pipeline.published, path.parent)
    _print(table, pipeline, console)
    table.to_csv(Path(runs) / f"{path.stem}.csv", index=False)
    return table


def _request(pipeline: Pipeline, search: dict[str, Any], name: str, data: str | None, runs: str) -> Request:
    options = {**pipeline.defaults, **search}
    method = options.get("method", Request.model_fields["method"].default)
    try:
        return Request(**{"name": f"{name}-{method}", **options, "data": data, "runs": runs})
    except ValidationError as error:
        raise InvalidInput([f"{name}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]) from error


def _finished(done: RunFolder) -> Summary | None:
    summary = Summary.model_validate_json(done.summary.read_text())
    return summary if summary.complete and summary.chosen is not None else None


def _table(rows: dict[str, Confirmed], published: Published | None, beside: Path) -> pd.DataFrame:
    records = []
    figures = None if published is None else pd.read_csv(beside / "published" / published.table)
    for method, confirmed in rows.items():
        record: dict[str, Any] = {"method": method}
        for score in _SCORES:
            record[score] = confirmed.test[score].mean
            record[f"{score}_std"] = confirmed.test[score].std
            if figures is not None and published is not None:
                record |= _published(figures, published, method, score)
        records.append(record)
    return pd.DataFrame(records)


def _published(figures: pd.DataFrame, published: Published, method: str, score: str) -> dict[str, Any]:
    named = (figures["dataset"] == published.dataset) & (figures["method"] == published.rows.get(method))
    found = figures[named & (figures["metric"] == f"{score}_pct")]
    mean, std = (found[column].iloc[0] / 100 if len(found) else None for column in ("mean", "std"))
    return {f"{score}_published": mean, f"{score}_published_std": std}


def _print(table: pd.DataFrame, pipeline: Pipeline, console: Console) -> None:
    shown = Table(title=pipeline.title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    shown.add_column("method")
    compared = pipeline.published is not None
    for score in _SCORES:
        shown.add_column(score, no_wrap=True)
        if compared:
            shown.add_column("published", style="dim", no_wrap=True)
    for row in table.to_dict("records"):
        cells = [row["method"]]
        for score in _SCORES:
            cells.append(f"{row[score]:.4f} ± {row[f'{score}_std']:.4f}")
            if compared:
                mean, std = row[f"{score}_published"], row[f"{score}_published_std"]
                cells.append("" if pd.isna(mean) else f"{mean:.4f}" + ("" if pd.isna(std) else f" ± {std:.4f}"))
        shown.add_row(*cells)
    console.print()
    console.print(shown)
    if pipeline.note:
        console.print(pipeline.note.strip(), style="dim")
