"""A search as an object: its trials, its front, its choice and the chosen model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from fairtune.api.ensemble import Ensemble, check_single, confirmed_together
from fairtune.api.export import export
from fairtune.api.model import Model, load_model
from fairtune.api.moved import with_thresholds
from fairtune.errors import InvalidInput
from fairtune.report.figure import draw_front
from fairtune.report.rendering import rendered
from fairtune.report.write import trials_table
from fairtune.spec import TrialSpec
from fairtune.study.fitted import check_same_answer
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.handed import HandedNet, handed_net
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Chosen, Summary, summarise
from fairtune.study.verdict import advice, none_complete, none_in_brief, rule_of
from fairtune.training.data import make_dataset
from fairtune.training.folder import TrialFolder


class Run:
    """A search that has ended, or that another process still runs.

    Args:
        path: its folder.

    Raises:
        InvalidInput: the folder holds no search.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spec, self.place = RunFolder(path).load()

    @property
    def summary(self) -> Summary:
        """The outcome so far, read anew from the study; ``docs/summary.md`` says what is in it.

        Raises:
            InvalidInput: there is none, because the baseline has not been trained.
        """
        return summarise(self.spec, self.place, SearchStudy(database_of(self.place), self.spec))

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial: its method, settings, validation scores, and whether it is feasible and on the front."""
        return trials_table(self.summary).set_index("number")

    @property
    def front(self) -> pd.DataFrame:
        """The non-dominated trials, from the fairest to the most accurate."""
        summary = self.summary
        return trials_table(summary).set_index("number").loc[summary.front]

    @property
    def chosen(self) -> Chosen | None:
        """The trial that the rule chose; None if no trial reached the floor, or none is chosen yet."""
        return self.summary.chosen

    @property
    def confirmed(self) -> pd.DataFrame:
        """Test scores of what was retrained on the final seeds: a row for each role and score, with mean, std,
        the estimate without a maximum's bias, and interval."""
        rows = [
            {"role": role, "score": score, **found.model_dump(exclude={"values"}), "seeds": len(confirmed.seeds)}
            for role, confirmed in self.summary.confirmed.items()
            for score, found in confirmed.test.items()
        ]
        columns = ["role", "score", "mean", "std", "estimate", "low", "high", "seeds"]
        return pd.DataFrame(rows, columns=columns).set_index(["role", "score"])

    def plot(self) -> Figure:
        """The front on the validation split and what was confirmed on the test split."""
        figure = draw_front(self.summary)
        # A notebook shows figures of pyplot by itself, and any object by its picture.
        vars(figure)["_repr_png_"] = lambda: rendered(figure)
        return figure

    def model(self, thresholds: str | None = None, *, ensemble: bool = False) -> Model:
        """The chosen model: the very net whose test scores ``summary.handed`` tells; its data need not be there.

        Args:
            ensemble: the mean of the probabilities of all retrainings that confirm the choice, in place of one of them. It takes a
                search that kept their nets (``keep_finals``).
            thresholds: a way to move its thresholds, ``shared_thresholds`` or ``group_thresholds``, which is fitted on the
                validation split (``docs/thresholds.md``): the data have to be there then. None leaves its decisions alone.

        Raises:
            InvalidInput: nothing was chosen, or its weights are not there; or there is no such way, it draws lots, or no point of
                it reaches the floor; or both are asked for.
            DataError: the thresholds cannot be fitted.
        """
        return self._model(self._asked(ensemble, thresholds), thresholds)

    def baseline_model(self) -> Model:
        """The plain model that set the floor, and that the choice may have learnt from.

        Raises:
            InvalidInput: its weights are not there.
        """
        spec = self.spec.baseline()
        return self._load(spec, RunFolder.of(self.place).job(JobKey("baseline"), spec))

    def export(
        self,
        to: str | Path | None = None,
        settings: Sequence[str] = (),
        thresholds: str | None = None,
        *,
        ensemble: bool = False,
    ) -> Path:
        """Write the chosen model as files that need no fairtune: weights, a program of torch, ONNX, a card, a script.

        Args:
            to: folder to write into; ``export`` in the run's own if None.
            settings: as :meth:`Model.reading_by` takes them.
            thresholds, ensemble: as :meth:`model` takes them.

        Returns:
            The folder.

        Raises:
            InvalidInput: as for :meth:`model`, or the net cannot be exported.
        """
        folder = self.path / "export" if to is None else Path(to)
        nets = self._asked(ensemble, thresholds)
        export(nets, self._model(nets, thresholds).reading_by(settings), self.summary, folder)
        return folder

    def _asked(self, ensemble: bool, thresholds: str | None) -> list[HandedNet]:
        """The net that is handed over, or all that confirm the choice."""
        if not ensemble:
            return [self._handed()]
        if thresholds is not None:
            check_single(thresholds, ensemble=ensemble)
        self._handed()
        return confirmed_together(self.spec, self.place)

    def _model(self, nets: Sequence[HandedNet], thresholds: str | None) -> Model:
        if thresholds is not None:
            check_same_answer(thresholds)
        models = [self._load(net.result.spec, net.folder) for net in nets]
        model = models[0]
        if len(models) > 1:
            members = tuple(one.spec for one in models)
            model = replace(model, net=Ensemble([one.net for one in models]).eval(), members=members)
        return model if thresholds is None else with_thresholds(model, thresholds, self.spec, self.summary.floor)

    def _handed(self) -> HandedNet:
        study = SearchStudy(database_of(self.place), self.spec)
        net = handed_net(self.spec, study, RunFolder.of(self.place))
        if net is None:
            raise InvalidInput(f"the run {self.place.name} has no chosen model: {self._why_none(study)}")
        return net

    def _why_none(self, study: SearchStudy) -> str:
        if study.choice is None and (study.baseline is None or none_complete(self.summary) is None):
            return f"its trials have not ended, go on with fairtune resume {self.path}"
        if study.choice is None or study.choice.number is None:
            return f"{none_in_brief(rule_of(self.summary), self.summary)}; {advice(self.summary)}"
        weights = RunFolder.of(self.place).chosen.weights
        return f"its weights are gone, no whole {weights}; put the file back, or search again"

    def _load(self, training: TrialSpec, folder: TrialFolder) -> Model:
        spec, data = self.spec, Path(self.place.data)
        if spec.classes:
            return load_model(training, spec.names, spec.shape, folder, data)
        info = make_dataset(spec.dataset).describe(data)
        return load_model(training, info.names, info.shape, folder, data)

    def __repr__(self) -> str:
        return f"<fairtune run {self.place.name}: {self.spec.methods} on {self.spec.dataset.name}, in {self.path}>"


def open_run(path: str | Path) -> Run:
    """A search by its folder, such as ``runs/NAME``.

    Raises:
        InvalidInput: the folder holds no search.
    """
    return Run(Path(path))
