"""From what the user typed to a complete specification, every fault reported at once."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel

from fairtune.datasets import Dataset, Info, Report, check_apart, check_test_part, digest_of, prepare, silent
from fairtune.errors import DataError, InvalidInput, unknown_name
from fairtune.files import data_root
from fairtune.methods import compose
from fairtune.metrics import SCORES
from fairtune.models import Net
from fairtune.plugins import Pluggable
from fairtune.request import checks
from fairtune.request.faults import Faults
from fairtune.request.options import DataRequest, Request, TrainRequest
from fairtune.request.settings import Setting
from fairtune.request.spaces import OPTIMIZER, build_space, hyperparameters, matching
from fairtune.rules import check_classes, objectives_of
from fairtune.schedulers import Ladder
from fairtune.space import Hyperparameter, Options, Real, Space, Value, parse_domain
from fairtune.spec import Optimizer, Place, PlugIn, Resources, SearchOptions, SearchSpec, TrialSpec
from fairtune.training.assembly import build_net, start_method
from fairtune.training.data import Data, check_data, make_dataset, open_data
from fairtune.training.device import parameter_dtype, pick_device, resolve_precision


def resolve(request: Request, report: Report = silent) -> tuple[SearchSpec, Place]:
    """Fill in every default, decode the data if they are not decoded yet, and check everything that would fail in every trial.

    Args:
        request: what the user typed.
        report: told how far the decoding is.

    Raises:
        InvalidInput: every fault of the request.
    """
    faults = Faults()
    place = resolve_place(request)
    spec = _spec(request, faults)
    faults.attempt(partial(_check_sampler, request))
    faults.found += checks.resources(place) + checks.tracking(place.tracking_uri)
    faults.raise_if_any()
    assert spec is not None
    _check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_digests(spec, Path(place.data))
    faults.found += checks.run_folder(spec, place)
    faults.raise_if_any()
    return spec, place


def resolve_one(request: TrainRequest, report: Report = silent) -> tuple[TrialSpec, Place]:
    """The trial that a request describes, what is not set at its default, and where it runs.

    Args:
        request: what the user typed.
        report: told how far the decoding of the data is.

    Raises:
        InvalidInput: every fault, a range or a list of methods among them.
    """
    if len(request.methods) > 1:
        raise InvalidInput(f"--method {request.method}: train takes one method; search takes a list")
    faults = Faults()
    search = Request.read(dict(request))
    place = resolve_place(search)
    spec = _spec(search, faults)
    faults.raise_if_any()
    assert spec is not None
    _check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_digests(spec, Path(place.data))
    faults.found += checks.writable(Path(place.runs), "--runs")
    faults.raise_if_any()
    ((method, space),) = spec.spaces.items()
    known = hyperparameters(method) | OPTIMIZER
    given = {name for setting in request.set for name in matching(setting.key, known)}
    unasked = build_space(method, request.dataset).search
    ranges = [f"--set {name}={space.search[name]}" for name in space.search if name in given]
    from_file = [name for name in space.search if name not in given and space.search[name] != unasked.get(name)]
    ranges += [f"{request.space}, search: {name}" for name in from_file]
    if ranges:
        raise InvalidInput([f"{which}: train takes one value; search takes a range" for which in ranges])
    values = {**{name: known[name].default for name in space.search}, **space.fixed}
    return spec.trial(method, values, needs_baseline=compose(method, values).needs_baseline), place


def resolve_dataset(request: DataRequest) -> tuple[Dataset, Path]:
    """The dataset of a request under its settings, and the folder of its files.

    Raises:
        InvalidInput: every fault of the dataset's name and its settings.
    """
    faults = Faults()
    dataset = Dataset.load(request.dataset)
    options = _dataset_options(request, dataset, request.set, faults)
    _check_keys(_options_of("dataset", dataset), request.set, faults)
    faults.raise_if_any()
    return make_dataset(PlugIn(name=request.dataset, options=options)), data_root(request.data)


def _spec(request: Request, faults: Faults) -> SearchSpec | None:
    faults.attempt(lambda: objectives_of(request.select))
    dataset = faults.attempt(lambda: Dataset.load(request.dataset))
    net = None if request.model is None else faults.attempt(partial(Net.load, request.model))
    for method in request.methods:
        faults.attempt(partial(compose, method, {}))
    if dataset is None or faults.found:
        return None
    settings = request.set
    options = _dataset_options(request, dataset, settings, faults)
    info = faults.attempt(lambda: make_dataset(PlugIn(name=request.dataset, options=options)).describe(data_root(request.data)))
    if info is None:
        return None
    epochs = info.epochs if request.epochs is None else request.epochs
    faults.attempt(lambda: Ladder(request.scheduler, objectives_of(request.select), epochs))
    faults.attempt(lambda: check_classes(request.select, len(info.classes)))
    model = request.model or info.model
    net = net or Net.load(model)
    model_options = faults.attempt(partial(net.complete, _options("model", net, settings, faults)))
    settable = OPTIMIZER | _options_of("dataset", dataset) | _options_of("model", net)
    for method in request.methods:
        settable |= hyperparameters(method)
    _check_keys(settable, settings, faults)
    teacher_options = _teacher_options(request, dataset, settings, faults)
    spaces = {method: faults.attempt(partial(_space, method, request, settings)) for method in request.methods}
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
            classes=info.classes,
            groups=info.groups,
            shape=info.shape,
            epochs=epochs,
            batch_size=info.batch_size if request.batch_size is None else request.batch_size,
            optimizer=_optimizer(spaces),
            precision=resolve_precision(precision, pick_device(gpus)),
            **_same(request, SearchOptions),
        )
    )


def _check_sampler(request: Request) -> None:
    from fairtune.samplers import check  # and with it Optuna, which a single training does without

    check(request.sampler, [SCORES[name].direction for name in objectives_of(request.select)])


def _optimizer(spaces: dict[str, Space | None]) -> Optimizer:
    """The optimiser of every training of the search, the baseline's too: what the user fixed, else the papers'."""
    fixed = {name: value for space in spaces.values() if space for name, value in space.fixed.items()}
    return Optimizer(**{name.removeprefix("optimizer."): fixed[name] for name in OPTIMIZER if name in fixed})  # type: ignore[arg-type]


def resolve_place(request: Request) -> Place:
    """Where a search runs and what its trials have."""
    stamp = dt.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Place(
        data=str(data_root(request.data)),
        runs=str(Path(request.runs).expanduser().resolve()),
        name=request.name or f"{request.dataset}-{request.method}-{stamp}".replace(":", ".").replace(" ", ""),
        gpus_per_trial=_gpus(request),
        **_same(request, Resources),
    )


def _same(request: Request, options: type[BaseModel]) -> dict[str, Any]:
    """What a specification takes from a request as it is."""
    return {name: getattr(request, name) for name in options.model_fields}


def _gpus(request: Request) -> float:
    return request.gpus_per_trial if request.gpus_per_trial is not None else float(torch.cuda.is_available())


def _space(method: str, request: Request, settings: Sequence[Setting]) -> Space:
    return build_space(method, request.dataset, settings, None if request.space is None else Path(request.space))


def _dataset_options(
    request: DataRequest, dataset: type[Dataset], settings: Sequence[Setting], faults: Faults, teacher: Sequence[Setting] = ()
) -> dict[str, Value]:
    """Every option of the dataset, or of the teacher's; --protocol is also that of a dataset which knows it."""
    given = _options("dataset", dataset, settings, faults) | _options("dataset", dataset, teacher, faults, flag="--teacher-set")
    given["seed"] = request.seed
    protocol = dataset.declared().get("protocol")
    if protocol is not None and protocol.legal.contains(request.protocol):
        given.setdefault("protocol", request.protocol)
    return dataset.complete(given, data_root(request.data))


def _options(
    kind: str, plugin: type[Pluggable], settings: Sequence[Setting], faults: Faults, *, flag: str = "--set"
) -> dict[str, Value]:
    """What the settings say of a dataset or a model."""
    known = _options_of(kind, plugin)
    given: dict[str, Value] = {}
    for key, text in settings:
        for name in matching(key, known):
            value = faults.attempt(partial(_option, kind, f"{flag} {key}={text}", text, known[name]))
            if value is not None:
                given[name.removeprefix(f"{kind}.")] = value
    return given


def _teacher_options(
    request: TrainRequest, dataset: type[Dataset], settings: Sequence[Setting], faults: Faults
) -> dict[str, Value] | None:
    """The student's options with what is set for the teacher alone."""
    if not request.teacher_set:
        return None
    own = request.teacher_set
    _check_keys(_options_of("dataset", dataset), own, faults, flag="--teacher-set", kind="option of the dataset")
    return _dataset_options(request, dataset, settings, faults, own)


def _option(kind: str, typed: str, text: str, option: Hyperparameter) -> Value:
    try:
        value = parse_domain(text, option.legal)
    except ValueError as error:
        raise InvalidInput(f"{typed}: {error}") from error
    if isinstance(value, Real | Options):
        raise InvalidInput(f"{typed}: an option of the {kind} takes one value; it cannot be searched")
    return value


def _options_of(kind: str, plugin: type[Pluggable]) -> dict[str, Hyperparameter]:
    return {f"{kind}.{name}": option for name, option in plugin.declared().items()}


def _check_keys(
    known: Mapping[str, Hyperparameter], settings: Sequence[Setting], faults: Faults, *, flag: str = "--set", kind: str = "setting"
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
    try:
        dataset.check(data)
        check_apart(make_dataset(spec.dataset), dataset, data)
    except DataError as error:
        raise DataError(f"--teacher-set: {error}") from error


def _check_method(method: str, space: Space, baseline: TrialSpec, data: Data, net: Net) -> None:
    """Set a method up as its trials will, on a copy of the net; what is searched is left at its default."""
    composite = compose(method, space.fixed)
    check_data(data, baseline, composite)
    train = data.on(torch.device("cpu"), parameter_dtype(baseline.precision), data.train)
    start_method(composite, copy.deepcopy(net), train, baseline)
