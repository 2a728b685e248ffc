"""The command line."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from fairtune.errors import FairtuneError, Interrupted, InvalidInput, unknown_name

app = typer.Typer(
    name="fairtune",
    help="Search the hyperparameters of fair training methods on Ray, by accuracy and fairness.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
data_app = typer.Typer(help="Prepare and look at datasets.", no_args_is_help=True)
app.add_typer(data_app, name="data")
_WIDTH = None if sys.stdout.isatty() else 120
console = Console(highlight=False, markup=False, width=_WIDTH)
errors = Console(stderr=True, highlight=False, markup=False)

DatasetName = Annotated[str, typer.Argument(metavar="DATASET", help="Name: see fairtune list datasets.")]
Dataset = Annotated[str, typer.Option(help="Dataset: see fairtune list datasets.")]
Data = Annotated[
    str | None, typer.Option(help="Folder of the original data files.  [default: $FAIRTUNE_DATA or data]", show_default=False)
]
Model = Annotated[
    str | None, typer.Option(help="Architecture: see fairtune list models.  [default: the dataset's]", show_default=False)
]
Epochs = Annotated[int | None, typer.Option(help="Length of each training.  [default: the dataset's]", show_default=False)]
BatchSize = Annotated[int | None, typer.Option(help="Samples per batch.  [default: the dataset's]", show_default=False)]
Precision = Annotated[str, typer.Option(help="auto, bf16, fp32 or float64.")]
Protocol = Annotated[str, typer.Option(help="fixed, or official: as the authors' code behaves, faults included.")]
Settings = Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, KEY=LOW..HIGH or KEY=A,B,C; repeat for more.")]
TeacherSettings = Annotated[
    list[str] | None, typer.Option("--teacher-set", help="KEY=VALUE of the dataset that only the teacher is trained on.")
]
Fraction = Annotated[float, typer.Option(help="Share of the training split used.")]
Runs = Annotated[str, typer.Option(help="Folder of all runs.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch the data first, where there is a network.")]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, such as runs/NAME.")]


@app.command()
def search(
    dataset: Dataset = "digits",
    method: Annotated[
        str, typer.Option(help="Method, methods joined by + or a list with commas: see fairtune list methods.")
    ] = "mfd",
    data: Data = None,
    model: Model = None,
    trials: Annotated[int, typer.Option(help="Settings to try.")] = 20,
    time_budget: Annotated[str | None, typer.Option(help="Stop the trials after this long: 90s, 15m, 2h.")] = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    accuracy_floor: Annotated[
        str, typer.Option(help="Accuracy a trial must reach: a number, or teacher with an offset.")
    ] = "teacher-0.01",
    select: Annotated[str, typer.Option(help="Rule that chooses: see fairtune list rules.")] = "deo_m",
    sampler: Annotated[str, typer.Option(help="tpe, gp, nsga2 or random.")] = "tpe",
    seed: Annotated[int, typer.Option(help="Seed of the search, its data splits and its trials.")] = 0,
    final_seeds: Annotated[int, typer.Option(help="Seeds that confirm the choice on the test split.")] = 4,
    name: Annotated[
        str | None, typer.Option(help="Name of the run.  [default: dataset, method and time]", show_default=False)
    ] = None,
    runs: Runs = "runs",
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow server or database.  [default: a database in --runs]", show_default=False)
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Ray cluster: auto or HOST:PORT.  [default: this machine]", show_default=False)
    ] = None,
    cpus_per_trial: Annotated[float, typer.Option(help="CPU cores of each trial.")] = 1,
    gpus_per_trial: Annotated[
        float | None,
        typer.Option(help="GPUs of each trial, may be a fraction.  [default: 1 if there is one, else 0]", show_default=False),
    ] = None,
    max_concurrent: Annotated[
        int | None, typer.Option(help="Trials at a time.  [default: as many as fit]", show_default=False)
    ] = None,
    precision: Precision = "auto",
    protocol: Protocol = "fixed",
    space: Annotated[str | None, typer.Option(help="YAML file that narrows, fixes or widens the search space.")] = None,
    settings: Settings = None,
    teacher_settings: TeacherSettings = None,
    train_fraction: Fraction = 1.0,
    download: Download = False,
) -> None:
    """Search one method's hyperparameters, or several methods', and confirm the choice.

    [bold]Examples[/]

      fairtune search

      fairtune search --dataset cifar10s --data data --method mfd --trials 30

      fairtune search --method mfd,ss+hkd --accuracy-floor 0.93 --set weight=0.1..10
    """
    from fairtune.api.search import run
    from fairtune.report.decoding import progress_bars
    from fairtune.request.resolve import Request, resolve

    options = {key: value for key, value in locals().items() if key in Request.model_fields}
    with _told():
        if download:
            _download(dataset, data)
        with progress_bars(console) as report:
            spec, place = resolve(Request(**options, set=settings or [], teacher_set=teacher_settings or []), report)
        run(spec, place, console)


@app.command()
def resume(folder: Run) -> None:
    """Go on with a search that was stopped or killed; nothing finished is lost or repeated.

    [bold]Example[/]

      fairtune resume runs/digits-mfd-20260101-120000
    """
    from fairtune.api.search import run
    from fairtune.request import checks
    from fairtune.study.folders import RunFolder

    with _told():
        spec, place = RunFolder(folder).load()
        faults = checks.resources(place) + checks.tracking(place.tracking_uri)
        if faults:
            raise InvalidInput(faults)
        run(spec, place, console)


@app.command()
def report(folder: Run) -> None:
    """Write a run's report anew from its study and print the outcome.

    [bold]Example[/]

      fairtune report runs/digits-mfd-20260101-120000
    """
    from fairtune.report import write_report
    from fairtune.report.terminal import print_outcome
    from fairtune.study.folders import RunFolder
    from fairtune.study.study import SearchStudy

    with _told():
        spec, place = RunFolder(folder).load()
        print_outcome(console, write_report(spec, place, SearchStudy(RunFolder.of(place).study, spec)))


@app.command()
def train(
    dataset: Dataset = "digits",
    method: Annotated[str, typer.Option(help="Method, or methods joined by +.")] = "mfd",
    data: Data = None,
    model: Model = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    seed: Annotated[int, typer.Option(help="Seed of the data splits and of the training.")] = 0,
    runs: Runs = "runs",
    precision: Precision = "auto",
    protocol: Protocol = "fixed",
    settings: Settings = None,
    teacher_settings: TeacherSettings = None,
    train_fraction: Fraction = 1.0,
    download: Download = False,
) -> None:
    """Train one configuration in this process, where a debugger works; hyperparameters not set keep their default.

    [bold]Example[/]

      fairtune train --method mfd --set weight=3 --epochs 10
    """
    from fairtune.api.train import train_one
    from fairtune.request.resolve import Request

    options = {key: value for key, value in locals().items() if key in Request.model_fields}
    with _told():
        if download:
            _download(dataset, data)
        train_one(Request(**options, set=settings or [], teacher_set=teacher_settings or []), console)


@app.command("run")
def run_pipeline(
    file: Annotated[Path, typer.Argument(metavar="PIPELINE", help="YAML file, or the name of one that comes with fairtune.")],
    data: Data = None,
    runs: Runs = "runs",
) -> None:
    """Run the searches of a pipeline and print them beside the published figures.

    [bold]Example[/]

      fairtune run pipelines/digits.yaml
    """
    from fairtune.pipeline import run

    with _told():
        run(file, data, runs, console)


@app.command("list")
def list_(what: Annotated[str, typer.Argument(help="methods, datasets, models or rules.")]) -> None:
    """List what there is.

    [bold]Example[/]

      fairtune list methods
    """
    from importlib import import_module

    from fairtune import plugins
    from fairtune.space import declared

    with _told():
        kinds: dict[str, Any] = {"methods": "method", "datasets": "dataset", "models": "model", "rules": "rule"}
        if what not in kinds:
            raise InvalidInput(unknown_name("list", what, kinds))
        table = Table(box=None, pad_edge=False, header_style="bold")
        for title in ("name", "what", "options"):
            table.add_column(title)
        found = {name: plugins.load(kinds[what], name) for name in plugins.names(kinds[what])}
        if what == "models":
            found["torchvision:NAME"] = import_module("fairtune.models._torchvision").Classifier
        for name, plugin in found.items():
            options = "\n".join(
                f"{key} = {option.default}  ({option.help}; {option.legal})" for key, option in declared(plugin).items()
            )
            needs = f"\nneeds {', '.join(plugin().needs)}" if what == "methods" and plugin().needs else ""
            table.add_row(name, plugins.summary(plugin) + needs, options)
        console.print(table)


@app.command()
def ui(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or of all runs.")] = Path("runs"),
    port: Annotated[int, typer.Option(help="Port on this machine; 0 for one that is free.")] = 5000,
) -> None:
    """Open a run in MLflow's web interface, on this machine only.

    [bold]Example[/]

      fairtune ui runs/digits-mfd-20260101-120000
    """
    from fairtune.tracking.browse import browse

    with _told():
        browse(folder, port, console)


@data_app.command("prepare")
def prepare_data(
    dataset: DatasetName,
    data: Data = None,
    settings: Settings = None,
    on_bad_image: Annotated[str, typer.Option(help="error, or skip: leave images out that cannot be read.")] = "error",
    download: Download = False,
) -> None:
    """Check a dataset's files and decode them into the cache, once per machine; a search would do it too.

    [bold]Example[/]

      fairtune data prepare cifar10s --data data
    """
    from fairtune.api.data import prepare_data
    from fairtune.request.resolve import Request

    with _told():
        if download:
            _download(dataset, data)
        prepare_data(Request(dataset=dataset, data=data, set=settings or []), on_bad_image, console)


@data_app.command("inspect")
def inspect_data(
    dataset: DatasetName,
    data: Data = None,
    settings: Settings = None,
    seed: Annotated[int, typer.Option(help="Seed of the data splits.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the pictures.  [default: DATASET-inspection]", show_default=False)
    ] = None,
) -> None:
    """Count the samples of each group and class, measure the skew, and draw some of each.

    [bold]Example[/]

      fairtune data inspect digits --set skew=0.9
    """
    from fairtune.api.data import inspect_data
    from fairtune.request.resolve import Request

    with _told():
        request = Request(dataset=dataset, data=data, set=settings or [], seed=seed)
        inspect_data(request, out or Path(f"{dataset.replace(':', '.')}-inspection"), console)


def _download(dataset: str, data: str | None) -> None:
    from importlib import import_module

    from fairtune import plugins
    from fairtune.request.resolve import data_root

    module = import_module(plugins.load("dataset", dataset).__module__)
    if not hasattr(module, "download"):
        raise InvalidInput(f"--download: the dataset {dataset} cannot be fetched; {plugins.load('dataset', dataset).obtain}")  # type: ignore[attr-defined]
    module.download(data_root(data))


class _told:  # noqa: N801
    """Turns errors meant for the user into a message and an exit code."""

    def __enter__(self) -> None:
        logging.basicConfig(level=logging.WARNING, format="%(message)s")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, InvalidInput) and len(error.faults) > 1:
            errors.print(f"{len(error.faults)} faults", style="bold red")
            for fault in error.faults:
                errors.print(f"  - {fault}", soft_wrap=True)
        elif isinstance(error, FairtuneError):
            errors.print(f"fairtune: {error}", soft_wrap=True)
        elif isinstance(error, KeyboardInterrupt):
            errors.print("fairtune: stopped")
            raise typer.Exit(Interrupted.exit_code) from error
        if isinstance(error, FairtuneError):
            raise typer.Exit(error.exit_code) from error


def main() -> None:
    """The ``fairtune`` command."""
    sys.exit(app())
