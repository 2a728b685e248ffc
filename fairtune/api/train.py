"""One configuration trained in this process, its teacher first if it has none yet."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console

from fairtune.api.model import Model, load_model
from fairtune.datasets import Info
from fairtune.errors import FairtuneError
from fairtune.locks import Lock
from fairtune.records import Purpose
from fairtune.report.decoding import progress_bars
from fairtune.report.official import print_official
from fairtune.report.progress import progress
from fairtune.request.options import TrainRequest
from fairtune.request.resolve import resolve_one
from fairtune.spec import Place, TrialResult, TrialSpec
from fairtune.training.data import make_dataset
from fairtune.training.device import pick_device
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.steps import NowAndThen, Step
from fairtune.training.trial import Trial, run_trial

_LINE_EVERY_S, _BAR_EVERY_S = 30.0, 0.25


@dataclass(frozen=True)
class Trained:
    """A configuration that has been trained.

    Attributes:
        result: what came of it.
        folder: where its weights and its result are.
        info: of its dataset.
        data: folder of the original data files.
    """

    result: TrialResult
    folder: TrialFolder
    info: Info
    data: Path

    @property
    def scores(self) -> dict[str, float]:
        """Scores on the validation split after the last epoch, by name."""
        return self.result.val

    @property
    def history(self) -> pd.DataFrame:
        """A row for each epoch: seconds, losses and validation scores."""
        return pd.DataFrame([epoch.metrics for epoch in self.result.history]).set_index("epoch")

    def model(self) -> Model:
        """The trained model."""
        return load_model(self.result.spec, self.info.names, self.info.shape, self.folder, self.data)

    def __repr__(self) -> str:
        return f"<fairtune training of {self.result.spec.method} on {self.result.spec.dataset.name}, in {self.folder.path}>"


def train_one(request: TrainRequest, console: Console) -> Trained:
    """Train what a request describes and print each epoch.

    Args:
        request: hyperparameters it does not set keep their default.
        console: where to print.

    Raises:
        InvalidInput: every fault of the request.
        FairtuneError: the training failed.
    """
    with progress_bars(console) as report:
        spec, place, search = resolve_one(request, report)
    print_official(console, search)
    if spec.method == "scratch":
        trained = _shared(spec, place, console, "baseline")
        console.print(f"weights and scores are in {trained.folder.path}", soft_wrap=True)
        return trained
    if spec.teacher is not None:
        _shared(spec.teacher, place, console, "teacher")
    folder = TrialFolder(Path(place.runs) / "single" / spec.id)
    console.print(f"{spec.method} {spec.id}")
    with Lock(folder.lock, f"the training {spec.id}").or_refuse("wait until it has ended, or stop it there"):
        trained = _train(spec, folder, place, console)
    console.print(f"weights and scores are in {folder.path}", soft_wrap=True)
    return trained


def _shared(spec: TrialSpec, place: Place, console: Console, what: str) -> Trained:
    """A baseline, where all trainings and searches beside it look for theirs; trained unless one of them has done it."""
    home = baseline_folder(Path(place.runs), spec)
    with Lock(home.lock, f"the {what} {spec.id}").or_wait():
        result = home.read_trained()
        if result is None:
            console.print(f"{what} {spec.id}")
            return _train(spec, home, place, console)
    data = Path(place.data)
    return Trained(result, home, make_dataset(spec.dataset).describe(data), data)


def _train(spec: TrialSpec, folder: TrialFolder, place: Place, console: Console) -> Trained:
    device, data = pick_device(place.gpus_per_trial), Path(place.data)
    bars = progress(console, "epochs")

    def stepped(step: Step) -> None:
        if bars.disable:
            console.print(f"epoch {step.epoch}/{spec.epochs}, step {step.number} of {step.of}", soft_wrap=True)
        else:
            bars.update(bar, completed=step.epoch - 1 + step.share)

    trial = Trial(
        spec,
        folder,
        data_root=data,
        runs=Path(place.runs),
        device=device,
        purpose=Purpose.PROBED,
        how=place.compile,
        gpus=place.gpus_per_trial,
        on_step=NowAndThen(stepped, _LINE_EVERY_S if bars.disable else _BAR_EVERY_S),
    )
    for remark in trial.data.remarks:
        console.print(remark, style="yellow", soft_wrap=True)
    with bars:
        bar = bars.add_task(spec.method, total=spec.epochs, completed=len(trial.history))

        def report(standing: TrialResult) -> None:
            bars.update(bar, completed=standing.epochs)
            _print_epoch(standing, console)

        result = run_trial(trial, report)
    if result.state != "complete":
        raise FairtuneError(f"the training failed: {result.error}")
    return Trained(result, folder, trial.data.info, data)


def _print_epoch(result: TrialResult, console: Console) -> None:
    last = result.history[-1]
    terms = "  ".join(f"{name} {value:.4f}" for name, value in (last.losses | last.reported).items())
    scores = f"accuracy {last.val['accuracy']:.4f}  DEO_M {last.val['deo_m']:.4f}"
    console.print(f"epoch {last.number}/{result.spec.epochs}  {terms}  {scores}  {last.seconds:.2f} s", soft_wrap=True)
