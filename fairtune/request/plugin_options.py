"""What ``--set`` and ``--teacher-set`` say of the options of a dataset or a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from fairtune.datasets import Dataset
from fairtune.errors import InvalidInput, unknown_name
from fairtune.files import data_root
from fairtune.plugins import Pluggable
from fairtune.request.faults import Faults
from fairtune.request.options import DataRequest
from fairtune.request.settings import Setting
from fairtune.request.spaces import matching
from fairtune.space import Hyperparameter, Options, Real, Value, parse_domain


def dataset_options(
    request: DataRequest, dataset: type[Dataset], settings: Sequence[Setting], faults: Faults, teacher: Sequence[Setting] = ()
) -> dict[str, Value]:
    """Every option of the dataset, or of the teacher's; --protocol is also that of a dataset which knows it."""
    given = options_given("dataset", dataset, settings, faults)
    given |= options_given("dataset", dataset, teacher, faults, flag="--teacher-set")
    given["seed"] = request.seed
    protocol = dataset.declared().get("protocol")
    if protocol is not None and protocol.legal.contains(request.protocol):
        given.setdefault("protocol", request.protocol)
    return dataset.complete(given, data_root(request.data))


def options_given(
    kind: str, plugin: type[Pluggable], settings: Sequence[Setting], faults: Faults, *, flag: str = "--set"
) -> dict[str, Value]:
    """What the settings say of a dataset or a model."""
    given = values_given(options_of(kind, plugin), settings, faults, kind, flag=flag)
    return {name.removeprefix(f"{kind}."): value for name, value in given.items()}


def values_given(
    known: Mapping[str, Hyperparameter], settings: Sequence[Setting], faults: Faults, kind: str, *, flag: str = "--set"
) -> dict[str, Value]:
    """What the settings say of options, by full name; one value each."""
    found = {}
    for key, text in settings:
        for name in matching(key, known):
            value = faults.attempt(partial(_option, kind, f"{flag} {key}={text}", text, known[name]))
            if value is not None:
                found[name] = value
    return found


def _option(kind: str, typed: str, text: str, option: Hyperparameter) -> Value:
    try:
        value = parse_domain(text, option.legal)
    except ValueError as error:
        raise InvalidInput(f"{typed}: {error}") from error
    if isinstance(value, Real | Options):
        raise InvalidInput(f"{typed}: an option of the {kind} takes one value; it cannot be searched")
    return value


def options_of(kind: str, plugin: type[Pluggable]) -> dict[str, Hyperparameter]:
    """What can be set of a dataset or a model, by full name."""
    return {f"{kind}.{name}": option for name, option in plugin.declared().items()}


def check_keys(
    known: Mapping[str, Hyperparameter], settings: Sequence[Setting], faults: Faults, *, flag: str = "--set", kind: str = "setting"
) -> None:
    """Note every setting that sets nothing."""
    names = {*known, *(name.rpartition(".")[2] for name in known)}
    faults.found += [f"{flag} {s.key}={s.text}: {unknown_name(kind, s.key, names)}" for s in settings if s.key not in names]
