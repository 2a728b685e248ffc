"""From what the user typed to a complete specification, every fault reported at once."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any  # noqa: TID251  fields of every type, by names known at run time

import torch
from pydantic import BaseModel

from fairtune.addresses import STUDY_VARIABLE, VARIABLE, store
from fairtune.datasets import Dataset, Info, Report, digest_of, silent
from fairtune.errors import InvalidInput
from fairtune.files import data_root
from fairtune.methods import compose
from fairtune.metrics import SCORES
from fairtune.models import Net
from fairtune.request import checks
from fairtune.request.faults import Faults
from fairtune.request.official import as_authors, settings_of
from fairtune.request.options import MOVABLE, DataRequest, Request, TrainRequest
from fairtune.request.plugin_options import check_keys, dataset_options, options_given, options_of
from fairtune.request.runnable import check_runnable
from fairtune.request.scheduling import scheduler_named, scheduler_of, scheduler_options
from fairtune.request.settings import Setting
from fairtune.request.spaces import OPTIMIZER, build_space, hyperparameters, matching
from fairtune.request.teacher import own_teacher, sight_of_teacher
from fairtune.rules import Rule, check_classes, objectives_of
from fairtune.space import Space
from fairtune.spec import Authors, Optimizer, Place, PlugIn, Resources, SearchOptions, SearchSpec, TrialSpec
from fairtune.training.data import make_dataset
from fairtune.training.device import pick_device, resolve_precision

_log = logging.getLogger(__name__)


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
    if request.gpus_per_trial == "auto" and not place.packs:
        _log.warning("--gpus-per-trial auto: this machine has no CUDA GPU, so trials run on the CPU and take 0")
    spec = specify(request, faults)
    faults.attempt(partial(_check_sampler, request, {} if spec is None else spec.spaces))
    faults.found += checks.resources(place) + checks.compiling(place) + checks.runs_folder(place)
    faults.found += checks.tracking(place.tracking_uri) + checks.study(place) + checks.storage(place)
    faults.raise_if_any()
    assert spec is not None
    faults.found += checks.budget(spec, place)
    check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_earlier(_with_digests(spec, Path(place.data)), place)
    faults.found += checks.run_folder(spec, place)
    faults.raise_if_any()
    return spec, place


def resolve_one(request: TrainRequest, report: Report = silent) -> tuple[TrialSpec, Place, SearchSpec]:
    """The trial that a request describes, where it runs, and the search of such trials.

    What is not set has its default or, as far as ``--protocol official`` knows it, the value that the authors published.

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
    spec = specify(search, faults)
    faults.raise_if_any()
    assert spec is not None
    check_runnable(spec, place, faults, report)
    faults.raise_if_any()
    spec = _with_digests(spec, Path(place.data))
    faults.found += checks.writable(Path(place.runs), "choose another --runs")
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
    published = space.usable_points()[0] if method in spec.authors and spec.authors[method].paper and space.usable_points() else {}
    values = {**{name: known[name].default for name in space.search}, **published, **space.fixed}
    trial = spec.trial(method, values, needs_baseline=compose(method, values).needs_baseline)
    return trial.model_copy(update={"seed": spec.seed}), place, spec


def resolve_dataset(request: DataRequest) -> tuple[Dataset, Path]:
    """The dataset of a request under its settings, and the folder of its files.

    Raises:
        InvalidInput: every fault of the dataset's name and its settings.
    """
    faults = Faults()
    dataset = Dataset.load(request.dataset)
    options = dataset_options(request, dataset, request.set, faults)
    check_keys(options_of("dataset", dataset), request.set, faults)
    faults.raise_if_any()
    return make_dataset(PlugIn(name=request.dataset, options=options)), data_root(request.data)


def specify(request: Request, faults: Faults, describe: Callable[[PlugIn], Info] | None = None) -> SearchSpec | None:
    """The search of a request, as far as it is known before its data are opened.

    Args:
        request: what the user typed.
        faults: where what is wrong with it is gathered.
        describe: says what a dataset is; None asks it.

    Returns:
        None where there are faults.
    """
    faults.attempt(lambda: objectives_of(request.select))
    dataset = faults.attempt(lambda: Dataset.load(request.dataset))
    for method in request.methods:
        faults.attempt(partial(compose, method, {}))
    authors: dict[str, Authors] = {}
    if request.protocol == "official" and dataset is not None and not faults.found:
        official = faults.attempt(partial(as_authors, request, dataset))
        request, authors = official or (request, authors)
    net = None if request.model is None else faults.attempt(partial(Net.load, request.model))
    if dataset is None or faults.found:
        return None
    settings = request.set
    options = dataset_options(request, dataset, settings, faults)
    ask = describe or (lambda plugin: make_dataset(plugin).describe(data_root(request.data)))
    data = PlugIn(name=request.dataset, options=options)
    info = faults.attempt(lambda: ask(data))
    if info is None:
        return None
    epochs = info.epochs if request.epochs is None else request.epochs
    found = {method: faults.attempt(partial(_space, method, request, settings, authors)) for method in request.methods}
    spaces = {method: space for method, space in found.items() if space is not None}
    stopping = scheduler_named(request, sum(space.size for space in spaces.values()), epochs)
    faults.attempt(lambda: check_classes(request.select, len(info.classes)))
    model = request.model or info.model
    net = net or Net.load(model)
    model_options = faults.attempt(partial(net.complete, options_given("model", net, settings, faults)))
    settable = OPTIMIZER | options_of("dataset", dataset) | options_of("model", net)
    for method in request.methods:
        settable |= hyperparameters(method)
    settable |= faults.attempt(partial(scheduler_options, stopping)) or {}
    settable |= options_of("rule", Rule.load(request.select))
    check_keys(settable, settings, faults)
    optimizer = faults.attempt(lambda: _optimizer(spaces, authors)) or Optimizer()
    plain = PlugIn(name=model, options=model_options or {})
    teacher = own_teacher(request, dataset, plain, optimizer, settings, faults)
    faults.found += sight_of_teacher(request, spaces, info.groups)
    scheduler = faults.attempt(partial(scheduler_of, stopping, request, epochs, faults))
    rule = Rule.load(request.select)
    rule_options = faults.attempt(lambda: rule.complete(options_given("rule", rule, settings, faults)))
    if scheduler is None or faults.found:
        return None
    gpus = _gpus(request)
    precision = request.precision
    if precision == "auto" and gpus > 0 and not torch.cuda.is_available():
        precision = "bf16"
    spec = faults.attempt(
        lambda: SearchSpec(
            dataset=data,
            model=plain,
            spaces=spaces,
            teacher_dataset=teacher.dataset,
            teacher_model=teacher.model,
            teacher_optimizer=teacher.optimizer,
            teacher_epochs=request.teacher_epochs,
            teacher_sees=request.teacher_sees,
            compare_with=request.compare_with or "plain",
            authors=authors,
            classes=info.classes,
            groups=info.groups,
            shape=info.shape,
            students_apart=True,
            epochs=epochs,
            batch_size=_batch_size(info, spaces, data) if request.batch_size is None else request.batch_size,
            micro_batch=request.micro_batch,
            optimizer=optimizer,
            precision=resolve_precision(precision, pick_device(gpus)),
            rule_options=rule_options or {},
            scheduler=scheduler.name,
            scheduler_options=scheduler.options,
            **_same(request, SearchOptions),
        )
    )
    faults.found += [] if spec is None else checks.seeds(spec)
    return spec


def _check_sampler(request: Request, spaces: Mapping[str, Space]) -> None:
    from fairtune.samplers import check  # and with it Optuna, which a single training does without

    check(request.sampler, [SCORES[name].direction for name in objectives_of(request.select)], spaces)


def _with_earlier(spec: SearchSpec, place: Place) -> SearchSpec:
    if not place.warm_start:
        return spec
    from fairtune.request.warm import with_earlier  # and with it Optuna, as above

    return with_earlier(spec, place)


def _batch_size(info: Info, spaces: Mapping[str, Space], dataset: PlugIn) -> int:
    """The dataset's, or what its cells allow if any of the methods fills batches equally from them."""
    balanced = any(compose(method, space.fixed).balances(dataset) for method, space in spaces.items())
    return min(info.batch_size, info.balanced_batch_size or info.batch_size) if balanced else info.batch_size


def _optimizer(spaces: Mapping[str, Space], authors: Mapping[str, Authors]) -> Optimizer:
    """The optimiser of every training of the search, the baseline's too: what the user fixed, else the papers'.

    What is searched has the authors' value in the baseline, where they have one and no other optimiser is fixed.

    Raises:
        InvalidInput: optimisers are searched, and the rate that the authors have for one of them would be nobody's.
    """
    fixed = {name: value for space in spaces.values() for name, value in space.fixed.items()}
    searched = {name for space in spaces.values() for name in space.search}
    overruled = [theirs.overruled for theirs in authors.values()]
    if "optimizer.name" in searched and "optimizer.lr" not in searched | fixed.keys():
        for theirs in overruled:
            if (rate := theirs.get("--set optimizer.lr")) is not None:
                name = theirs.get("--set optimizer.name", Optimizer().name)
                raise InvalidInput(
                    f"--protocol official: optimizer.name is searched, and the authors' learning rate, {rate}, is that of {name}: "
                    f"search optimizer.lr too, or fix it with --set optimizer.lr={rate}"
                )
    kept = {
        name: theirs[f"--set {name}"] for theirs in overruled for name in searched & OPTIMIZER.keys() if f"--set {name}" in theirs
    }
    if "optimizer.name" in fixed and any("--set optimizer.name" in theirs for theirs in overruled):
        kept.pop("optimizer.lr", None)
    values = {**kept, **fixed}
    return Optimizer.model_validate({name.removeprefix("optimizer."): values[name] for name in OPTIMIZER if name in values})


def resolve_place(request: Request) -> Place:
    """Where a search runs and what its trials have."""
    stamp = dt.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Place(
        data=str(data_root(request.data)),
        runs=str(Path(request.runs).expanduser().resolve()),
        name=request.name or f"{request.dataset}-{request.method}-{stamp}".replace(":", ".").replace(" ", ""),
        gpus_per_trial=_gpus(request),
        compile=request.compile,
        packs=request.gpus_per_trial == "auto" and _gpus(request) > 0,
        **_same(request, Resources)
        | {
            "tracking_uri": request.tracking_uri or _store_by_environment(),
            "study": request.study or os.environ.get(STUDY_VARIABLE) or None,
            "warm_start": tuple(str(Path(folder).expanduser().resolve()) for folder in request.warm_start),
        },
    )


def resolve_moved(place: Place, given: Mapping[str, object]) -> Place:
    """Where a search goes on, and with what.

    Args:
        place: where it was until now.
        given: what somebody typed of :data:`MOVABLE`; all else stays.

    Raises:
        InvalidInput: every fault of it.
    """
    typed = {name: given[name] for name in MOVABLE if name in given}
    if not typed:
        return place
    resolved = resolve_place(Request.read({"address": place.address, **typed}))
    changed = [*typed, *(["packs"] if "gpus_per_trial" in typed else [])]
    return place.model_copy(update={name: getattr(resolved, name) for name in changed})


def _store_by_environment() -> str | None:
    given = os.environ.get(VARIABLE)
    return store(given) if given else None


def _same(request: Request, options: type[BaseModel]) -> dict[str, Any]:
    """What a specification takes from a request as it is: fields of every type, known by their names alone."""
    return {name: getattr(request, name) for name in options.model_fields}


def _gpus(request: Request) -> float:
    here = float(torch.cuda.is_available())
    if request.gpus_per_trial != "auto":
        return here if request.gpus_per_trial is None else request.gpus_per_trial
    return 1.0 if request.address is not None else here


def _space(method: str, request: Request, settings: Sequence[Setting], authors: Mapping[str, Authors]) -> Space:
    space = build_space(method, request.dataset, settings, None if request.space is None else Path(request.space))
    theirs = settings_of(authors[method]) if method in authors else []
    points = [{name: value for name, value in point.items() if name not in theirs} for point in space.points]
    return space.model_copy(update={"points": tuple(points)})


def _with_digests(spec: SearchSpec, data: Path) -> SearchSpec:
    """The search on the data as they are now: other content is another search with another baseline."""

    def pinned(plugin: PlugIn) -> PlugIn:
        return plugin.model_copy(update={"digest": digest_of(make_dataset(plugin), data)})

    teacher = spec.teacher_dataset
    return spec.model_copy(
        update={"dataset": pinned(spec.dataset), "teacher_dataset": None if teacher is None else pinned(teacher)}
    )
