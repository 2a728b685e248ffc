"""What a search under blows has finished so far, and whether all of it is there in the end, once."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from fairtune.spec import TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.training.folder import TrialFolder
from tests.search_helpers import Session, small_search


class Ledger:
    """The finished trainings of one search. Each is known by the seconds that it took, which no other training of it would take.

    Args:
        runs: the folder of runs; the search is called ``run``.
    """

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.folder = RunFolder(runs / "run")
        self.between = 0
        self._seen: dict[str, float] = {}
        self.lost: list[str] = []
        self.repeated: list[str] = []

    def look(self) -> None:
        """Compare what is finished now with what was before; called when no process of the search is left."""
        told = dict(_told(self.study())) if self.folder.holds_search else {}
        kept = dict(self._kept())
        self.between += len(kept.keys() - told.keys() - {"baseline"})
        now = kept | told
        for key, seconds in self._seen.items():
            if key not in now:
                self.lost.append(key)
            elif now[key] != seconds:
                self.repeated.append(key)
        self._seen |= now

    def study(self) -> SearchStudy:
        """The record as it is now."""
        return SearchStudy(self.folder.study, self.folder.load()[0])

    def zombies(self) -> list[str]:
        """What is said to run though nothing does, in the study and in MLflow."""
        trials = [f"trial-{record.number}" for record in self.study().records() if record.state == "running"]
        return trials + [f"MLflow's {run.info.run_name}" for run in self._mlflow() if run.info.status == "RUNNING"]

    def doubled(self) -> list[str]:
        """Trainings, and epochs of them, that MLflow has more than once."""
        runs = self._mlflow()
        names = [name for name, count in Counter(run.info.run_name for run in runs).items() if count > 1]
        return names + [f"epochs of {run.info.run_name}" for run in runs if self._epochs_doubled(run.info.run_id)]

    def _epochs_doubled(self, run_id: str) -> bool:
        steps = [metric.step for metric in self._client().get_metric_history(run_id, "loss")]
        return len(steps) != len(set(steps))

    def _kept(self) -> Iterator[tuple[str, float]]:
        """The results that workers have kept."""
        for kind in ("trials", "finals"):
            for folder in (self.folder.path / kind).glob("*"):
                if (result := TrialFolder(folder).read_result()) is not None:
                    yield f"trial-{int(folder.name)}" if kind == "trials" else f"final-{folder.name}", result.seconds
        for folder in (self.runs / "baselines").glob("*"):
            if (result := TrialFolder(folder).read_trained()) is not None:
                yield "baseline", result.seconds

    def _client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.runs}/mlflow.db")

    def _mlflow(self) -> list[Run]:
        client = self._client()
        return list(client.search_runs([experiment.experiment_id for experiment in client.search_experiments()]))


def _told(study: SearchStudy) -> Iterator[tuple[str, float]]:
    """The results that the study has."""
    if study.baseline is not None:
        yield "baseline", study.baseline.result.seconds
    yield from ((f"trial-{record.number}", record.result.seconds) for record in study.records() if record.result is not None)
    yield from ((str(key), result.seconds) for key, result in study.finals.items())


def outcome(study: SearchStudy) -> dict[str, object]:
    """All that a search finds, without what time it took."""
    trials = [(record.state, record.params, _found(record.result)) for record in study.records()]
    finals = {str(key): (result.state, _found(result), result.test) for key, result in study.finals.items()}
    return {"trials": trials, "choice": study.choice, "finals": finals}


def undisturbed(runs: Path, options: dict[str, object]) -> dict[str, object]:
    """What the same search finds where nothing disturbs it."""
    return outcome(Session(*small_search(runs, **options)).run().study)


def _found(result: TrialResult | None) -> object:
    return None if result is None else (result.epochs, result.error, result.val)
