"""What is told of a search on two validation folds, of which one is easier; nothing is trained."""

import io
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from fairtune.metrics import scores
from fairtune.names import Names
from fairtune.report.card import render_card
from fairtune.report.chart import Level
from fairtune.report.curves import curve_charts
from fairtune.report.front import _floor
from fairtune.report.material import gather
from fairtune.report.page import render_page
from fairtune.report.terminal import SearchDisplay
from fairtune.report.volume import volume_chart
from fairtune.spec import Epoch, TrialResult
from fairtune.study.audit import audit
from fairtune.study.baseline import Baseline
from fairtune.study.choice import Choice
from fairtune.study.comparison import Search, side_by_side
from fairtune.study.handed import Handed, HandedNet
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import Summary, summarise
from fairtune.study.verdict import outcome
from fairtune.training.folder import TrialFolder
from tests.builders import counts_of_recalls
from tests.search_helpers import small_search

EASY = (0.9, 0.02)
HARD = (0.8, 0.1)
"""Accuracy and the gap between the groups, of the plain model on each fold."""


def result_of(spec, accuracy, gap):
    right = np.full((2, 10), round(accuracy * 1000))
    right += np.array([[1], [-1]]) * round(gap * 500)
    counts = counts_of_recalls(right, np.full((2, 10), 1000))
    return TrialResult(spec=spec, state="complete", val=scores(counts), val_counts=counts, seconds=1)


class Folded:
    """A search of trials with these scores on each fold."""

    def __init__(self, runs, trials, *, seeds=2, first=HARD, second=EASY, **options):
        given = {"seeds_per_trial": seeds, "validation_folds": 2, "accuracy_floor": "teacher-0.01"} | options
        self.spec, self.place = small_search(runs, trials=len(trials), **given)
        self.study = SearchStudy(runs / f"{self.place.name}.db", self.spec)
        self.study.keep_baseline(Baseline(result_of(self.spec.baseline(), *first), first[0] - 0.01))
        self.study.keep_fold(JobKey.of_fold(1), result_of(self.spec.on_fold(1).baseline(), *second))
        for trial in trials:
            self._tell(trial)

    def _tell(self, on_folds):
        asked = self.study.ask()
        assert asked is not None
        number, method, values = asked
        own = self.spec.trial(method, values, needs_baseline=True)
        self.study.tell(number, result_of(own, *on_folds[0]))
        for again, scored in enumerate(on_folds[1:], 1):
            key = JobKey.repeat(number, again)
            self.study.begin_repeat(key)
            self.study.keep_repeat(key, result_of(self.spec.repeat(own, again), *scored))

    @property
    def summary(self):
        return summarise(self.spec, self.place, self.study)


@pytest.mark.parametrize("seeds", [2, 3])
def test_a_trial_that_is_the_baseline_on_every_fold_covers_nothing(tmp_path, seeds):
    found = Folded(tmp_path, [(HARD, EASY, HARD)[:seeds]], seeds=seeds).summary
    (trial,) = found.trials
    assert trial.feasible
    assert found.hypervolume == pytest.approx(0.0, abs=1e-9)
    assert found.baseline.val["deo_m"] == pytest.approx(trial.val["deo_m"])
    assert found.baseline.floor == trial.floor == pytest.approx(trial.val["accuracy"] - 0.01)
    assert found.floor == pytest.approx(HARD[0] - 0.01)


def test_what_is_missing_is_to_the_floor_of_a_trial_s_own_folds(tmp_path):
    """The second trial is the less accurate one, on the harder fold alone, and misses less."""
    found = Folded(tmp_path, [((0.78, 0), (0.86, 0)), ((0.78, 0),)]).summary
    assert [trial.feasible for trial in found.trials] == [False, False]
    found = found.model_copy(update={"complete": True})
    said = "trial 1 misses 0.7900, that of its folds, by 0.0100, trial 0 misses it by 0.0200"
    assert outcome(found).endswith(f"; closest to accuracy 0.8400 (teacher-0.01): {said}")
    assert [trial.floor for trial in found.trials] == pytest.approx([0.84, 0.79])


def test_the_choice_and_the_baseline_are_told_of_the_same_folds(tmp_path):
    searched = Folded(tmp_path, [((0.8, 0.04), (0.9, 0.04))])
    searched.study.keep_choice(Choice({"chosen": 0}))
    assert "trial 0 has DEO_M 0.0400 on validation, the baseline 0.0600" in searched.summary.outcome
    audited = audit(searched.spec, searched.place, searched.study)
    assert audited.floor == pytest.approx(0.84)


def test_searches_on_the_same_folds_are_measured_from_the_baseline_of_these(tmp_path):
    searched = [Folded(tmp_path, [(HARD, EASY)], name=name) for name in ("one", "other")]
    found = side_by_side([Search(one.spec, one.place, one.study) for one in searched])
    assert found.corner == pytest.approx(searched[0].summary.hypervolume_from)
    assert [one.hypervolume for one in found.compared] == pytest.approx([0.0, 0.0], abs=1e-9)


def test_the_front_is_drawn_with_the_floor_that_its_trials_had_to_reach(tmp_path):
    summary = Folded(tmp_path, [(HARD, EASY)]).summary
    (level,) = _floor(summary, ("accuracy", "deo_m"))
    assert level.value == pytest.approx(0.84)


def test_a_summary_of_an_earlier_version_is_of_its_first_fold(tmp_path):
    written = Folded(tmp_path, [(HARD, EASY)]).summary.model_dump(mode="json", by_alias=True)
    del written["baseline"]["floor"], written["trials"][0]["floor"]
    found = Summary.model_validate(written)
    assert found.mean_floor == found.floor == pytest.approx(0.79)


def test_whoever_reads_of_a_floor_reads_which_it_is(tmp_path):
    """Trials are held to 0.84, the mean over the folds, and single nets to 0.79, which the first fold says."""
    searched = Folded(tmp_path, [(HARD, EASY)])
    searched.study.keep_choice(Choice({"chosen": 0}))
    material = gather(searched.spec, searched.place, searched.study, searched.summary)
    assert "above accuracy 0.8400 on average over the validation folds (<code>teacher-0.01</code>)" in render_page(material)
    history = (Epoch(number=1, val={"accuracy": 0.8}),)
    curve, *_ = curve_charts(replace(material, baseline=material.baseline.model_copy(update={"history": history})))
    assert [mark.label for mark in curve.marks if isinstance(mark, Level)] == ["floor of the first fold 0.790"]
    result = searched.study.result(0)
    assert result is not None
    trial = HandedNet(JobKey.trial(0), result, TrialFolder(tmp_path))
    summary = searched.summary.model_copy(update={"handed": Handed(job=trial.key, seed=0, test={}, cells=())})
    card = render_card(summary, [trial], Names(("0", "1"), ("0", "1")), (1, 8, 8), None, differs=0.0, with_onnx=False)
    assert "| DEO_M | 0." in card, "of a net that was never tested the scores of validation, by their usual names"
    assert "| accuracy floor | 0.8400 on validation, on average over its folds, given as teacher-0.01 |" in card
    said = io.StringIO()
    baseline = searched.study.baseline
    SearchDisplay(Console(file=said, width=200), searched.spec, []).baseline_ready(baseline.result, baseline.floor, found=True)
    assert "floor: accuracy 0.7900 on the first validation fold" in said.getvalue()


def test_what_the_front_covers_is_told_after_the_epochs_of_all_seeds(tmp_path):
    summary = Folded(tmp_path, [((0.9, 0), (0.95, 0))]).summary
    summary.trials[0].search_epochs = 36  # of both
    chart = volume_chart(summary)
    assert chart is not None
    assert chart.alt.endswith(f"{summary.hypervolume:.4f} after 36 epochs of all trials together.")
    assert chart.table["epochs"].iloc[-1] == 36
