"""From what the user typed to a complete specification, every fault reported at once."""

from __future__ import annotations

import copy
import datetime as dt
import itertools
import math
import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch
from pydantic import BaseModel, ConfigDict, ValidationError

from fairtune.datasets import Dataset, Info, Report, check_apart, check_test_part, digest_of, prepare, silent
from fairtune.errors import FairtuneError, InvalidInput, unknown_name
from fairtune.methods import components, compose
from fairtune.models import Net
from fairtune.plugins import load
from fairtune.request import checks
from fairtune.request.spaces import OPTIMIZER, Setting, build_space, hyperparameters, matching, read_settings
from fairtune.rules import fairness_score
from fairtune.space import Hyperparameter, Options, Real, Space, Value, declared, parse_domain
from fairtune.spec import Optimizer, Place, PlugIn, SearchSpec, TrialSpec
from fairtune.training.device import PRECISIONS, parameter_dtype, pick_device, resolve_precision
from fairtune.training.trial import Data, build_net, check_data, make_dataset, open_data, start_method

T = TypeVar("T")

SAMPLERS = ("tpe", "gp", "nsga2", "random")
PROTOCOLS = ("fixed", "official")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


class Request(BaseModel):
    """The options of ``fairtune search``, as typed; None means the default of the dataset, the method or the machine."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = "digits"
    data: str | None = None
    method: str = "mfd"
    model: str | None = None
    trials: int = 20
    time_budget: str | None = None
    epochs: int | None = None
    batch_size: int | None = None
    accuracy_floor: str = "teacher-0.01"
    select: str = "deo_m"
    sampler: str = "tpe"
    seed: int = 0
    final_seeds: int = 4
    name: str | None = None
    runs: str = "runs"
    tracking_uri: str | None = None
    address: str | None = None
    cpus_per_trial: float = 1
    gpus_per_trial: float | None = None
    max_concurrent: int | None = None
    precision: str = "auto"
    protocol: str = "fixed"
    space: str | None = None
    set: list[str] = []
    teacher_set: list[str] = []
    train_fraction: float = 1.0


class Faults:
    """Collects faults, so that all are reported together."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def attempt(self, action: Callable[[], T]) -> T | None:
        """Run an action; keep its faults and return None if it has any."""
        try:
            return action()
        except FairtuneError as error:
            self.found += error.faults if isinstance(error, InvalidInput) else [str(error)]
        except ValidationError as error:
            self.found += [
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}, got {fault['input']!r}" for fault in error.errors()
            ]
        except ValueError as error:
            self.found.append(str(error))
        return None

    def raise_if_any(self) -> None:
        """Raise all faults as one error."""
        if self.found:
            raise InvalidInput(list(dict.fromkeys(self.found)))


def resolve(request: Request, report: Report = silent) -> tuple[SearchSpec, Place]:
    """Fill in every default, decode the data if they are not decoded yet, and check everything that would fail in every trial.

    Args:
        request: what the user typed.
        report: told how far the decoding is.

    Raises:
        InvalidInput: every fault of the request.
    """
    faults = Faults()
    place = faults.attempt(lambda: _place(request))
    spec = _spec(request, faults)
    if place is not None:
        faults.found += checks.resources(place) + checks.tracking(place.tracking_uri)
    faults.raise_if_any()
    assert spec is not None
    assert place is not None
    _check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_digests(spec, Path(place.data))
    faults.found += checks.run_folder(spec, place)
    faults.raise_if_any()
    return spec, place


def resolve_one(request: Request, report: Report = silent) -> tuple[TrialSpec, Place]:
    """The trial that a request describes, what is not set at its default, and where it runs.

    Args:
        request: what the user typed.
        report: told how far the decoding of the data is.

    Raises:
        InvalidInput: every fault, a range or a list of methods among them.
    """
    faults = Faults()
    place = faults.attempt(lambda: _place(request))
    if "," in request.method:
        faults.found.append(f"--method {request.method}: train takes one method; search takes a list")
    spec = _spec(request, faults)
    faults.raise_if_any()
    assert spec is not None
    assert place is not None
    _check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_digests(spec, Path(place.data))
    faults.found += checks.writable(Path(place.runs), "--runs")
    faults.raise_if_any()
    ((method, space),) = spec.spaces.items()
    known = hyperparameters(method) | OPTIMIZER
    settings = read_settings(request.set)[0]
    given = {name for setting in settings for name in matching(setting.key, known)}
    without_file = build_space(method, request.dataset, settings)
    ranges = [f"--set {name}={space.search[name]}" for name in space.search if name in given]
    ranges += [f"{request.space}, search: {name}" for name in space.search if space.search[name] != without_file.search.get(name)]
    if ranges:
        raise InvalidInput([f"{which}: train takes one value; search takes a range" for which in ranges])
    values = {**{name: known[name].default for name in space.search}, **space.fixed}
    return spec.trial(method, values, needs_baseline=compose(method, values).needs_baseline), place


def resolve_dataset(request: Request) -> tuple[Dataset, Path]:
    """The dataset of a request under its settings, and the folder of its files.

    Raises:
        InvalidInput: every fault of the dataset's name and its settings.
    """
    faults = Faults()
    dataset = faults.attempt(lambda: load("dataset", request.dataset))
    settings, unread = read_settings(request.set)
    faults.found += unread
    faults.raise_if_any()
    assert dataset is not None
    options = _dataset_options(request, dataset, settings, faults)
    _check_keys(_options_of("dataset", dataset), settings, faults)
    faults.raise_if_any()
    return make_dataset(PlugIn(name=request.dataset, options=options)), data_root(request.data)


def data_root(given: str | None) -> Path:
    """The folder of original data files: as given, else ``$FAIRTUNE_DATA``, else ``data``."""
    return Path(given or os.environ.get("FAIRTUNE_DATA") or "data").expanduser().resolve()


def _spec(request: Request, faults: Faults) -> SearchSpec | None:
    for option, given, known in (
        ("sampler", request.sampler, SAMPLERS),
        ("precision", request.precision, PRECISIONS),
        ("protocol", request.protocol, PROTOCOLS),
    ):
        if given not in known:
            faults.found.append(unknown_name(option, given, known))
    faults.attempt(lambda: checks.read_floor(request.accuracy_floor))
    faults.attempt(lambda: fairness_score(request.select))
    budget = faults.attempt(lambda: read_duration(request.time_budget))
    dataset = faults.attempt(lambda: load("dataset", request.dataset))
    if request.model is not None:
        faults.attempt(partial(_net, request.model))
    settings, unread = read_settings(request.set)
    faults.found += unread
    methods = [name for name in (faults.attempt(partial(_known_method, part)) for part in request.method.split(",")) if name]
    faults.found += _named_twice(methods)
    if dataset is None or faults.found:
        return None
    options = _dataset_options(request, dataset, settings, faults)
    info = faults.attempt(lambda: make_dataset(PlugIn(name=request.dataset, options=options)).describe(data_root(request.data)))
    if info is None:
        return None
    model = request.model or info.model
    net = _net(model)
    model_options = faults.attempt(partial(net.complete, _options("model", net, settings, faults)))
    settable = OPTIMIZER | _options_of("dataset", dataset) | _options_of("model", net)
    for method in methods:
        settable |= hyperparameters(method)
    _check_keys(settable, settings, faults)
    teacher_options = _teacher_options(request, dataset, settings, faults)
    spaces = {method: faults.attempt(partial(_space, method, request, settings)) for method in methods}
    if faults.found:
        return None
    gpus = _gpus(request)
    precision = request.precision
    if precision == "auto" and gpus > 0 and not torch.cuda.is_available():
        precision = "bf16"
    return faults.attempt(
        lambda: SearchSpec(
            dataset=PlugIn(name=request.dataset, options=options),
            model=PlugIn(name=model, options=model_options or {}),
            spaces={method: space for method, space in spaces.items() if space is not None},
            teacher_dataset=None if teacher_options is None else PlugIn(name=request.dataset, options=teacher_options),
            epochs=info.epochs if request.epochs is None else request.epochs,
            batch_size=info.batch_size if request.batch_size is None else request.batch_size,
            optimizer=_optimizer(spaces),
            precision=resolve_precision(precision, pick_device(gpus)),
            protocol=request.protocol,  # type: ignore[arg-type]
            train_fraction=request.train_fraction,
            trials=request.trials,
            time_budget_s=budget,
            accuracy_floor=request.accuracy_floor,
            select=request.select,
            sampler=request.sampler,  # type: ignore[arg-type]
            seed=request.seed,
            final_seeds=request.final_seeds,
        )
    )


def _optimizer(spaces: dict[str, Space | None]) -> Optimizer:
    """The optimiser of every training of the search, the baseline's too: what the user fixed, else the papers'."""
    fixed = {name: value for space in spaces.values() if space for name, value in space.fixed.items()}
    return Optimizer(**{name.removeprefix("optimizer."): fixed[name] for name in OPTIMIZER if name in fixed})  # type: ignore[arg-type]


def _place(request: Request) -> Place:
    stamp = dt.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Place(
        data=str(data_root(request.data)),
        runs=str(Path(request.runs).expanduser().resolve()),
        name=request.name or f"{request.dataset}-{request.method}-{stamp}".replace(":", ".").replace(" ", ""),
        tracking_uri=request.tracking_uri,
        address=request.address,
        cpus_per_trial=request.cpus_per_trial,
        gpus_per_trial=_gpus(request),
        max_concurrent=request.max_concurrent,
    )


def _gpus(request: Request) -> float:
    return request.gpus_per_trial if request.gpus_per_trial is not None else float(torch.cuda.is_available())


def _known_method(method: str) -> str:
    compose(method.strip(), {})
    return method.strip()


def _named_twice(methods: list[str]) -> list[str]:
    """Methods of equal components are one method, in whatever order they are joined."""
    pairs = itertools.combinations(methods, 2)
    same = [(one, other) for one, other in pairs if components(one).keys() == components(other).keys()]
    return [f"--method {one},{other}: this is the same method twice: name it once" for one, other in same]


def _space(method: str, request: Request, settings: list[Setting]) -> Space:
    return build_space(method, request.dataset, settings, None if request.space is None else Path(request.space))


def _dataset_options(request: Request, dataset: type, settings: list[Setting], faults: Faults) -> dict[str, Value]:
    """Every option of the dataset; --protocol is also that of a dataset which knows it."""
    given = _options("dataset", dataset, settings, faults) | {"seed": request.seed}
    protocol = declared(dataset).get("protocol")
    if protocol is not None and protocol.legal.contains(request.protocol):
        given.setdefault("protocol", request.protocol)
    return dataset.complete(given, data_root(request.data))  # type: ignore[attr-defined,no-any-return]


def _net(name: str) -> type[Net]:
    found = load("model", name)
    if not issubclass(found, Net):
        raise InvalidInput(f"the model {name!r} must derive from fairtune.models.Net")
    return found


def _options(kind: str, plugin: type, settings: list[Setting], faults: Faults) -> dict[str, Value]:
    """What the settings say of a dataset or a model."""
    known = _options_of(kind, plugin)
    given: dict[str, Value] = {}
    for key, text in settings:
        for name in matching(key, known):
            value = faults.attempt(partial(_option, kind, Setting(key, text), known[name]))
            if value is not None:
                given[name.removeprefix(f"{kind}.")] = value
    return given


def _teacher_options(request: Request, dataset: type, settings: list[Setting], faults: Faults) -> dict[str, Value] | None:
    """The student's options with what is set for the teacher alone."""
    if not request.teacher_set:
        return None
    own, unread = read_settings(request.teacher_set)
    faults.found += unread
    _check_keys(_options_of("dataset", dataset), own, faults, flag="--teacher-set", kind="option of the dataset")
    return _dataset_options(request, dataset, [*settings, *own], faults)


def _option(kind: str, setting: Setting, option: Hyperparameter) -> Value:
    try:
        value = parse_domain(setting.text, option.legal)
    except ValueError as error:
        raise InvalidInput(f"--set {setting.key}={setting.text}: {error}") from error
    if isinstance(value, Real | Options):
        raise InvalidInput(f"--set {setting.key}={setting.text}: an option of the {kind} takes one value; it cannot be searched")
    return value


def _options_of(kind: str, plugin: type) -> dict[str, Hyperparameter]:
    return {f"{kind}.{name}": option for name, option in declared(plugin).items()}


def _check_keys(
    known: Mapping[str, Hyperparameter], settings: list[Setting], faults: Faults, *, flag: str = "--set", kind: str = "setting"
) -> None:
    names = {*known, *(name.rpartition(".")[2] for name in known)}
    faults.found += [f"{flag} {s.key}={s.text}: {unknown_name(kind, s.key, names)}" for s in settings if s.key not in names]


def _check_runnable(spec: SearchSpec, place: Place, faults: Faults, report: Report) -> None:
    """Decode and open the data, and build the net once: what fails here would fail in every trial."""
    baseline = spec.baseline()
    data = Path(place.data)
    dataset = make_dataset(spec.dataset)
    faults.attempt(lambda: dataset.check(data))
    if not faults.found:
        faults.attempt(lambda: prepare(dataset, data, report=report))
    opened = None if faults.found else faults.attempt(lambda: open_data(baseline, data))
    if opened is None:
        return
    faults.attempt(lambda: check_test_part(dataset, data))
    if spec.teacher_dataset is not None:
        faults.attempt(partial(_check_teacher, spec, opened.info, data))
    net = faults.attempt(lambda: build_net(baseline, opened.info, torch.device("cpu")))
    if net is None:
        return
    for method, space in spec.spaces.items():
        faults.attempt(partial(_check_method, method, space, baseline, opened, net))


def _with_digests(spec: SearchSpec, data: Path) -> SearchSpec:
    """The search on the data as they are now: other content is another search with another baseline."""

    def pinned(plugin: PlugIn) -> PlugIn:
        return plugin.model_copy(update={"digest": digest_of(make_dataset(plugin), data)})

    teacher = spec.teacher_dataset
    return spec.model_copy(
        update={"dataset": pinned(spec.dataset), "teacher_dataset": None if teacher is None else pinned(teacher)}
    )


def _check_teacher(spec: SearchSpec, student: Info, data: Path) -> None:
    """Check that a teacher's own data can train it, that it sees and says what its student does, and no more."""
    dataset = make_dataset(spec.teacher().dataset)
    info = dataset.describe(data)
    if (info.classes, info.shape) != (student.classes, student.shape):
        raise InvalidInput("--teacher-set: the teacher's data have other classes or another shape than the student's")
    dataset.check(data)
    check_apart(make_dataset(spec.dataset), dataset, data)


def _check_method(method: str, space: Space, baseline: TrialSpec, data: Data, net: Net) -> None:
    """Set a method up as its trials will, on a copy of the net; what is searched is left at its default."""
    composite = compose(method, space.fixed)
    check_data(data, baseline, composite)
    train = data.on(torch.device("cpu"), parameter_dtype(baseline.precision), data.train)
    start_method(composite, copy.deepcopy(net), train, baseline, data.cells)


def read_duration(text: str | None) -> float | None:
    """Seconds of a duration such as ``90``, ``90s``, ``15m`` or ``1.5h``.

    Raises:
        ValueError: it cannot be read.
    """
    if text is None:
        return None
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else math.nan
    if not seconds > 0:
        raise ValueError(f"cannot read the time budget {text!r}: write seconds, or a number with s, m, h or d, such as 90s or 1.5h")
    return seconds
