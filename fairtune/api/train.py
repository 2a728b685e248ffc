"""One configuration trained in this process, its teacher first if it has none yet."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from fairtune.errors import FairtuneError
from fairtune.records import Purpose
from fairtune.report.decoding import progress_bars
from fairtune.request.options import TrainRequest
from fairtune.request.resolve import resolve_one
from fairtune.spec import Place, TrialResult, TrialSpec
from fairtune.training.device import pick_device
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.trial import Trial, run_trial


def train_one(request: TrainRequest, console: Console) -> TrialResult:
    """Train what a request describes and print each epoch.

    Args:
        request: hyperparameters it does not set keep their default.
        console: where to print.

    Raises:
        InvalidInput: every fault of the request.
        FairtuneError: the training failed.
    """
    with progress_bars(console) as report:
        spec, place = resolve_one(request, report)
    if spec.teacher is not None:
        home = baseline_folder(Path(place.runs), spec.teacher)
        if home.read_result() is None:
            console.print(f"teacher {spec.teacher.id}")
            _train(spec.teacher, home, place, console)
    folder = TrialFolder(Path(place.runs) / "single" / spec.id)
    console.print(f"{spec.method} {spec.id}")
    result = _train(spec, folder, place, console)
    console.print(f"weights and scores are in {folder.path}", soft_wrap=True)
    return result


def _train(spec: TrialSpec, folder: TrialFolder, place: Place, console: Console) -> TrialResult:
    device = pick_device(place.gpus_per_trial)
    trial = Trial(spec, folder, data_root=Path(place.data), runs=Path(place.runs), device=device, purpose=Purpose.PROBED)
    for remark in trial.data.remarks:
        console.print(remark, style="yellow", soft_wrap=True)
    result = run_trial(trial, lambda standing: _print_epoch(standing, console))
    if result.state == "failed":
        raise FairtuneError(f"the training failed: {result.error}")
    return result


def _print_epoch(result: TrialResult, console: Console) -> None:
    last = result.history[-1]
    terms = "  ".join(f"{name} {value:.4f}" for name, value in (last.losses | last.reported).items())
    scores = f"accuracy {last.val['accuracy']:.4f}  DEO_M {last.val['deo_m']:.4f}"
    console.print(f"epoch {last.number}/{result.spec.epochs}  {terms}  {scores}  {last.seconds:.2f} s", soft_wrap=True)
