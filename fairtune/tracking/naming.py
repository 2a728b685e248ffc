"""What the runs of a search are called in MLflow, and their parameters."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Mapping

from fairtune.names import shortened
from fairtune.space import Value
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.key import JobKey

_LONGEST_NAME = 120
_LONGEST_VALUE = 5000


def run_name(key: JobKey, spec: TrialSpec, search: SearchSpec) -> str:
    """A training by what it is, its method and its setting: ``trial 6: mfd, weight 0.2132``.

    Args:
        key: names it within the search.
        spec: what is trained.
        search: says which values are searched.
    """
    if key.kind in ("baseline", "teacher"):
        return key.kind
    if key.kind == "fold":
        return f"baseline of fold {key.fold}"
    if key.kind == "repeat":
        return f"trial {key.number}, again {key.again}: {', '.join([spec.method, *_setting(spec, search)])}"[:_LONGEST_NAME]
    who = f"trial {key.number}" if key.kind == "trial" else f"{str(key.role).replace('_', ' ')}, seed {key.seed}"
    return f"{who}: {', '.join([spec.method, *_setting(spec, search)])}"[:_LONGEST_NAME]


def _setting(spec: TrialSpec, search: SearchSpec) -> Iterator[str]:
    space = search.spaces.get(spec.method)
    values = {} if space is None else {name: value for name, value in _values(spec).items() if name in space.search}
    for name, short in shortened(list(values)).items():
        value = values[name]
        yield f"{short} {value:.4g}" if isinstance(value, float) else f"{short} {value}"


def _values(spec: TrialSpec) -> dict[str, Value]:
    """All that a trial may search, by full name."""
    return spec.values | {f"optimizer.{name}": value for name, value in spec.optimizer.model_dump().items()}


def trial_params(spec: TrialSpec) -> dict[str, str]:
    """A training's parameters: hyperparameters by their own names, such as ``mfd.weight``, the rest each by its path.

    Of its teacher the id: all else is with the run of the teacher, and would be half the rows of a comparison.
    """
    rest = spec.model_dump(mode="json", exclude={"values", "teacher"})
    teacher = {} if spec.teacher is None else {"teacher": spec.teacher.id}
    return {name: str(value)[:_LONGEST_VALUE] for name, value in spec.values.items()} | nested_params(rest) | teacher


def nested_params(data: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    """Nested data as parameters, each name a path; what is too long for one is cut."""
    params: dict[str, str] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            params |= nested_params(value, f"{prefix}{name}/")
        elif value is not None:
            params[f"{prefix}{name}".replace("+", "_and_")] = str(value)[:_LONGEST_VALUE]
    return params


def origin_tags() -> dict[str, str]:
    """Who made a run, and with what, as MLflow's pages show it."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = "unknown"
    return {"mlflow.user": user, "mlflow.source.name": "fairtune", "mlflow.source.type": "LOCAL"}
