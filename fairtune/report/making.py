"""How a search was made, complete enough to repeat it: titled tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from fairtune.names import counted
from fairtune.report.formats import COVERED, format_params, format_value
from fairtune.report.material import Material
from fairtune.space import Domain, Integer, Options
from fairtune.spec import Place, PlugIn, SearchSpec
from fairtune.study.jobs import final_seeds
from fairtune.study.summary import Summary

_TOLD_APART = {
    *("teacher_dataset", "teacher_model", "teacher_optimizer"),
    *("dataset", "model", "optimizer", "spaces", "select", "rule_options", "scheduler", "scheduler_options", "seed", "final_seeds"),
    *("classes", "groups", "shape", "authors"),
}
_LIMITS = {"trials": "", "time_budget_s": " s", "epoch_budget": " epochs", "gpu_budget_s": " s of one GPU", "patience": " trials"}


class Facts(NamedTuple):
    """A table of rows with as many cells as it has columns."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def facts_of(material: Material) -> list[Facts]:
    """What was searched, in which ranges, with which seeds, where and with what."""
    summary = material.summary
    tables = [
        Facts("Search", ("what", "value"), [*_search(summary)]),
        Facts("Ranges", ("method", "hyperparameter", "searched", "scale"), [*_ranges(summary.spec)]),
        Facts("Fixed", ("method", "hyperparameter", "value"), [*_fixed(summary.spec)]),
        Facts("Tried first", ("method", "setting"), [*_points(summary.spec)]),
        Facts("As the authors trained", ("method", "option", "value", "paper"), [*_authors(summary.spec)]),
        Facts("Not as the authors trained", ("what",), [(said,) for said in summary.spec.deviations]),
        Facts("Machines", ("session", "host", "device", "fairtune", "packages"), [*_sessions(material)]),
        Facts("Test split", ("opened", "for", "retrainings"), [*_openings(summary)]),
    ]
    return [table for table in tables if table.rows]


def _search(summary: Summary) -> Iterator[tuple[str, str]]:
    spec = summary.spec
    yield "data", f"{spec.dataset.name}, {format_params(spec.dataset.options)}"
    if spec.dataset.digest:
        yield "content of the data", spec.dataset.digest
    if spec.teacher_dataset is not None:
        yield "data of the teacher", f"{spec.teacher_dataset.name}, {format_params(spec.teacher_dataset.options)}"
    yield "model", _plug_in(spec.model)
    if spec.teacher_model is not None:
        yield "model of the teacher", _plug_in(spec.teacher_model)
    yield "optimiser", format_params(spec.optimizer.model_dump())
    if spec.teacher_optimizer is not None:
        yield "optimiser of the teacher", format_params(spec.teacher_optimizer.model_dump())
    plain = (name for name in SearchSpec.model_fields if name not in _TOLD_APART and name not in _LIMITS)
    yield from ((name.replace("_", " "), str(value)) for name in plain if (value := getattr(spec, name)) is not None)
    yield "select", f"{spec.select}, {format_params(spec.rule_options)}" if spec.rule_options else spec.select
    yield "scheduler", f"{spec.scheduler}, {format_params(spec.scheduler_options)}" if spec.scheduler_options else spec.scheduler
    yield from _limits(spec)
    yield "seed of splits and trials", str(spec.seed)
    yield "seeds of the confirmation", ", ".join(map(str, final_seeds(spec)))
    yield "hypervolume", f"{summary.hypervolume:.4f} {COVERED}, from {format_params(summary.hypervolume_from)} to perfect"
    yield "resources", _resources(summary.place)


def _plug_in(plugin: PlugIn) -> str:
    return f"{plugin.name}, {format_params(plugin.options)}" if plugin.options else plugin.name


def _limits(spec: SearchSpec) -> Iterator[tuple[str, str]]:
    for name, unit in _LIMITS.items():
        if (value := getattr(spec, name)) is not None:
            yield name.removesuffix("_s").replace("_", " "), f"{value:g}{unit}"


def _resources(place: Place) -> str:
    of_each = f"{counted(place.cpus_per_trial, 'CPU core')} and {counted(place.gpus_per_trial, 'GPU')} for each trial"
    of_each += f", {place.memory_gib:.2g} GiB of memory" * (place.memory_gib > 0)
    at_once = "as many at a time as fit" if place.max_concurrent is None else f"{place.max_concurrent} at a time"
    return f"{of_each}, {at_once}, on {'this machine' if place.address is None else place.address}"


def _ranges(spec: SearchSpec) -> Iterator[tuple[str, str, str, str]]:
    for method, space in spec.spaces.items():
        for name, domain in space.search.items():
            yield method, name, *_range(domain)


def _range(domain: Domain) -> tuple[str, str]:
    if isinstance(domain, Options):
        return ", ".join(map(format_value, domain.values)), "options"
    kind = "whole numbers" if isinstance(domain, Integer) else "real"
    return f"{domain.low:g} to {domain.high:g}", f"{kind}, logarithmic" if domain.log else kind


def _fixed(spec: SearchSpec) -> Iterator[tuple[str, str, str]]:
    for method, space in spec.spaces.items():
        yield from ((method, name, format_value(value)) for name, value in space.fixed.items())


def _points(spec: SearchSpec) -> Iterator[tuple[str, str]]:
    for method, space in spec.spaces.items():
        yield from ((method, format_params(point)) for point in space.points)


def _authors(spec: SearchSpec) -> Iterator[tuple[str, str, str, str]]:
    for method, authors in spec.authors.items():
        yield from ((method, option, value, authors.paper) for option, value in authors.sets.items())


def _sessions(material: Material) -> Iterator[tuple[str, str, str, str, str]]:
    for origin in material.origins:
        version = f"{origin.version} ({origin.commit[:12]}{'+' * origin.commit.endswith('+')})" if origin.commit else origin.version
        yield origin.when, f"{origin.host}, {origin.system}", origin.device, version, _named(origin.packages)
    if not material.origins:
        known = dict(material.baseline.versions)
        yield "baseline", "-", "-", known.pop("fairtune", "-"), _named(known) or "-"


def _named(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _openings(summary: Summary) -> Iterator[tuple[str, str, str]]:
    for opened in summary.test_opened:
        yield opened.when, ", ".join(opened.roles).replace("_", " "), str(len(opened.jobs))
