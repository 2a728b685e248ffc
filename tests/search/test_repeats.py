"""Settings that are trained on several seeds; real trainings, run one after the other in this process."""

import io
import statistics

import numpy as np
import pytest
from rich.console import Console

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES
from fairtune.report.material import gather
from fairtune.report.outcome import print_outcome
from fairtune.report.page import render_page, tips
from fairtune.report.write import trials_table
from fairtune.request.options import Request
from fairtune.request.planned import resolve_plan
from fairtune.spec import TrialResult
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import final_seeds
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from tests.search_helpers import Session, Watcher, run_small, small_search, train

pytestmark = pytest.mark.usefixtures("trained_once")


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("three"), trials=2, seeds_per_trial=3)


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    return run_small(
        tmp_path_factory.mktemp("folded"), trials=2, seeds_per_trial=3, validation_folds=2, accuracy_floor="teacher-0.3"
    )


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("raced"), trials=6, seeds_per_trial="auto", sampler="random")


def results(session, number):
    """What came of a setting's seeds, the first one first."""
    keys = [key for key in session.study.repeats if key.number == number]
    return [session.study.result(number), *map(session.study.repeat_result, keys)]


class TestFixed:
    def test_every_setting_is_trained_as_often_before_the_next_begins(self, three):
        assert three.keys[:7] == ["baseline", "trial-0", "repeat-0-1", "repeat-0-2", "trial-1", "repeat-1-1", "repeat-1-2"]
        assert three.plan.complete

    def test_seeds_differ_and_none_confirms_a_choice(self, three):
        seeds = [result.spec.seed for result in results(three, 0)]
        assert len(set(seeds)) == 3
        assert not {*seeds} & {*final_seeds(three.spec)}
        values = [result.spec.values for result in results(three, 0)]
        assert values == [values[0]] * 3

    def test_a_point_is_the_mean_of_its_seeds(self, three):
        for record in three.trials:
            accuracies = [result.val["accuracy"] for result in results(three, record.number)]
            assert len(set(accuracies)) > 1
            assert record.view.val["accuracy"] == pytest.approx(statistics.fmean(accuracies))
        summary = summarise(three.spec, three.place, three.study)
        assert [trial.seeds for trial in summary.trials] == [3, 3]
        for number in summary.front:
            trial = summary.trials[number]
            found = trial.intervals["accuracy"]
            assert found.mean == pytest.approx(trial.score("accuracy"))
            assert found.low < found.mean < found.high
            assert len(found.values) == 3

    def test_the_chances_are_means_over_its_nets(self, three):
        floor, score = three.study.baseline.floor, SCORES["accuracy"]
        for chance in summarise(three.spec, three.place, three.study).chances:
            nets = results(three, chance.trial)
            each = [score.chance_of(net.val_counts, floor, score.weighting_of(net.val_counts, net.val["accuracy"])) for net in nets]
            assert chance.feasible == pytest.approx(statistics.fmean(each))

    def test_page_and_terminal_show_what_the_seeds_leave_open(self, three):
        summary = summarise(three.spec, three.place, three.study)
        text = io.StringIO()
        print_outcome(Console(file=text, width=300), summary)
        page = render_page(gather(three.spec, three.place, three.study, summary))
        said = "of a trial with several seeds the mean ± standard deviation over them"
        assert said in text.getvalue()
        assert said in page
        for number in summary.front:
            found = summary.trials[number].intervals["accuracy"]
            mean, ends = f"{found.mean:.4f} ± {found.std:.4f}", f"[{found.low:.4f}, {found.high:.4f}]"
            assert mean in text.getvalue()
            assert ends in text.getvalue()
            assert f'<td class="n">{mean} {ends}</td>' in page
            assert f"accuracy {mean} {ends}" in tips(summary)[number]

    def test_the_band_is_of_the_mean_over_its_nets_and_counts_them_all(self, three):
        summary = summarise(three.spec, three.place, three.study)
        assert summary.band.nets == 6
        for one in summary.band.rectangles:
            nets = results(three, one.trial)
            limits = [SCORES["accuracy"].within(net.val_counts, 1 - 0.05 / 12, "cells") for net in nets]
            assert one.ends("accuracy") == pytest.approx(tuple(np.mean(limits, axis=0)[[0, 2]]))

    def test_the_sampler_is_told_the_means(self, three):
        learner = three.study._proposals._proposals._learners["mfd"]
        told = [trial.values for trial in learner._study.get_trials()]
        views = three.study.views()
        assert told == [[view.val["accuracy"], view.val["deo_m_shrunken"]] for view in views]

    def test_what_it_took_is_told(self, three):
        cost = summarise(three.spec, three.place, three.study).cost
        assert (cost.epochs, cost.repeats, cost.repeat_epochs) == (2 * 2, 4, 4 * 2)

    def test_nothing_of_it_is_left_on_disk(self, three):
        assert not list((three.folder.path / "repeats").iterdir())

    def test_a_study_that_is_opened_again_knows_it_all(self, three):
        again = SearchStudy(three.folder.study, three.spec)
        assert again.records() == three.trials
        assert again.repeats == three.study.repeats
        assert [again.repeat_result(key) for key in again.repeats] == [
            three.study.repeat_result(key) for key in three.study.repeats
        ]

    @pytest.mark.parametrize("after", [2, 3, 4])
    def test_interrupted_or_not_the_search_is_the_same(self, tmp_path, three, after):
        spec, place = small_search(tmp_path, trials=2, seeds_per_trial=3)
        killed = Session(spec, place).run(after)
        killed.plan.next()
        resumed = Session(spec, place).run()
        assert [*killed.keys, *resumed.keys] == three.keys
        assert [record.val for record in resumed.trials] == [record.val for record in three.trials]

    def test_one_that_had_ended_and_was_not_told_is_not_trained_again(self, tmp_path, three):
        spec, place = small_search(tmp_path, trials=2, seeds_per_trial=3)
        killed = Session(spec, place).run(2)
        train(killed.next_job(), killed.plan)
        resumed = Session(spec, place).run()
        assert resumed.keys == three.keys[3:]
        assert resumed.trials[0].val == three.trials[0].val

    def test_a_seed_that_fails_is_told_and_left_out_of_the_mean(self, tmp_path):
        session = Session(*small_search(tmp_path, trials=1, seeds_per_trial=2)).run(2)
        job = session.next_job()
        session.plan.finish(job, train(job, session.plan).model_copy(update={"state": "failed", "error": "it diverged"}))
        summary = summarise(session.spec, session.place, session.study)
        assert (summary.trials[0].seeds, summary.trials[0].failed_seeds) == (1, 1)
        assert summary.trials[0].val == session.study.result(0).val

    def test_a_budget_counts_every_seed(self, tmp_path):
        session = run_small(tmp_path, trials=20, seeds_per_trial=2, epoch_budget=26)
        summary = summarise(session.spec, session.place, session.study)
        cost = summary.cost
        assert all(trial.seeds == 2 for trial in summary.trials)
        assert cost.baseline_epochs + cost.epochs + cost.repeat_epochs + cost.confirmation_epochs <= 26
        assert len(summary.trials) >= 3

    def test_observers_hear_of_it(self, tmp_path):
        watcher = Watcher()
        Session(*small_search(tmp_path, trials=1, seeds_per_trial=2), observers=[watcher]).run()
        assert ("finished", "repeat-0-1", 0) in watcher.events("finished")


class TestFolds:
    def test_other_samples_validate_and_the_teacher_has_not_seen_them(self, folded):
        first, other, again = (result.spec for result in results(folded, 0))
        assert first.dataset == again.dataset
        assert other.dataset.options["seed"] == first.dataset.options["seed"] + 1
        assert other.teacher.dataset == other.dataset
        assert again.teacher == first.teacher

    def test_the_baseline_of_a_fold_is_trained_once_when_it_is_needed(self, folded):
        assert folded.keys[:6] == ["baseline", "trial-0", "fold-1", "repeat-0-1", "repeat-0-2", "trial-1"]
        assert folded.keys.count("fold-1") == 1

    def test_the_floor_is_the_mean_of_the_folds_floors(self, folded):
        study = folded.study
        own, other = study.baseline.result.val["accuracy"], study.folds[JobKey.of_fold(1)].val["accuracy"]
        assert own != other
        assert study.floor_of(study.record(0)) == pytest.approx(np.mean([own, other, own]) - 0.3)
        assert SearchStudy(folded.folder.study, folded.spec).records() == folded.trials

    def test_a_method_without_a_teacher_needs_the_floor_all_the_same(self, tmp_path):
        session = run_small(tmp_path, method="reweight", trials=1, seeds_per_trial=2, validation_folds=2)
        assert session.keys[:4] == ["baseline", "trial-0", "fold-1", "repeat-0-1"]

    def test_the_baseline_of_a_fold_is_shared_by_searches(self, tmp_path):
        for name in ("first", "second"):
            session = run_small(tmp_path, name=name, trials=1, seeds_per_trial=2, validation_folds=2)
        assert not [key for key in session.keys if key.startswith(("fold", "baseline"))]
        assert session.study.folds


class TestUnevenFolds:
    def test_what_is_scored_on_fewer_folds_than_others_is_told(self, tmp_path):
        options = {"trials": 3, "sampler": "random", "accuracy_floor": "teacher-0.5"}
        session = run_small(tmp_path, seeds_per_trial="auto", validation_folds=2, **options)
        summary = summarise(session.spec, session.place, session.study)
        folds = [trial.folds for trial in summary.trials]
        assert sorted(folds) == [1, 1, 2]
        (said,) = (remark for remark in summary.remarks if "validation folds" in remark)
        assert said.startswith("of 3 complete trials 2 had fewer validation folds than the 2 of others: scores are taken")
        assert said.endswith("--seeds-per-trial 2 scores all on the same")

    def test_where_all_are_scored_on_the_same_nothing_is(self, folded, three):
        for session, number in ((folded, 2), (three, 1)):
            summary = summarise(session.spec, session.place, session.study)
            assert [trial.folds for trial in summary.trials] == [number] * 2
            assert not any("validation folds" in remark for remark in summary.remarks)


class TestRace:
    def test_it_begins_when_the_trials_are_over_and_takes_a_quarter_of_them_at_most(self, raced):
        kinds = [job.kind for job in raced.trained]
        assert kinds[:9] == ["baseline", *["trial"] * 6, *["repeat"] * 2]
        assert kinds.count("repeat") == 2

    def test_the_most_promising_are_trained_again(self, raced):
        first = raced.study.result
        ranked = sorted(range(6), key=lambda number: first(number).val["deo_m_shrunken"])
        assert {key.number for key in raced.study.repeats} <= {*ranked[:3]}

    @pytest.mark.parametrize("after", [7, 8])
    def test_interrupted_or_not_it_is_the_same(self, tmp_path, raced, after):
        spec, place = small_search(tmp_path, trials=6, seeds_per_trial="auto", sampler="random")
        killed = Session(spec, place).run(after)
        killed.plan.next()
        resumed = Session(spec, place).run()
        assert [*killed.keys, *resumed.keys] == raced.keys
        assert resumed.study.choice == raced.study.choice

    def test_a_part_of_a_budget_is_kept_for_it(self, tmp_path):
        session = run_small(tmp_path, trials=20, seeds_per_trial="auto", epoch_budget=40, sampler="random")
        kinds = [job.kind for job in session.trained]
        assert kinds.count("repeat") >= 2
        assert summarise(session.spec, session.place, session.study).cost.epochs < 40 - 2 - 8

    def test_a_setting_whose_seeds_fail_does_not_take_the_whole_of_it(self, tmp_path):
        session = Session(*small_search(tmp_path, trials=6, seeds_per_trial="auto", sampler="random")).run(7)
        first = session.next_job()
        session.plan.finish(first, TrialResult(spec=first.spec, state="failed", error="it diverged"))
        second = session.next_job()
        assert first.kind == second.kind == "repeat"
        assert first.key.number != second.key.number

    def test_more_trials_race_again(self, raced):
        more = Session(raced.spec.model_copy(update={"trials": 8}), raced.place).run()
        assert more.keys[:2] == ["trial-6", "trial-7"]
        assert all(key.startswith(("repeat", "final")) for key in more.keys[2:])


class TestRequest:
    @pytest.mark.parametrize("given", ["some", "1.5"])
    def test_what_is_no_number_is_refused(self, tmp_path, given):
        with pytest.raises(InvalidInput, match=f"--seeds-per-trial {given}: give a number from 1, or auto"):
            small_search(tmp_path, seeds_per_trial=given)

    def test_none_is_refused(self, tmp_path):
        with pytest.raises(InvalidInput, match="--seeds-per-trial 0"):
            small_search(tmp_path, seeds_per_trial=0)

    def test_folds_take_several_seeds(self, tmp_path):
        with pytest.raises(InvalidInput, match="--validation-folds 2: a setting has a single seed"):
            small_search(tmp_path, validation_folds=2)

    def test_folds_and_a_teacher_that_is_not_the_baseline_exclude_each_other(self, tmp_path):
        with pytest.raises(InvalidInput, match="--validation-folds 2: the teacher is another net than the baseline"):
            small_search(tmp_path, validation_folds=2, seeds_per_trial=2, teacher_epochs=3)

    @pytest.mark.parametrize("compare_with", ["plain", "teacher"])
    @pytest.mark.parametrize("given", ["skew=0.5", "optimizer.lr=0.01 skew=0.8"])
    def test_folds_and_a_teacher_of_data_of_its_own_exclude_each_other(self, tmp_path, compare_with, given):
        options = {"validation_folds": 2, "seeds_per_trial": 2, "compare_with": compare_with, "teacher_set": given.split()}
        with pytest.raises(InvalidInput) as told:
            small_search(tmp_path, **options)
        (fault,) = told.value.faults
        assert fault.startswith("--validation-folds 2: the teacher has data of its own, which no fold changes")
        assert list(tmp_path.iterdir()) == []

    def test_a_plan_of_folds_and_a_teacher_of_data_of_its_own_is_refused_too(self):
        request = {"dataset": "digits", "validation_folds": 2, "seeds_per_trial": 2, "teacher_set": ["skew=0.5"]}
        with pytest.raises(InvalidInput, match="--validation-folds 2: the teacher has data of its own"):
            resolve_plan(Request.read(request | {"gpus_per_trial": 0}))

    def test_folds_take_a_baseline_that_is_trained_otherwise(self, tmp_path):
        options = {"compare_with": "teacher", "teacher_epochs": 3}
        spec, _ = small_search(tmp_path, validation_folds=2, seeds_per_trial=2, **options)
        assert spec.on_fold(1).baseline().dataset != spec.baseline().dataset

    def test_a_run_of_an_earlier_version_has_one_seed(self, tmp_path):
        spec, place = small_search(tmp_path)
        RunFolder.of(place).save(spec, place)
        text = RunFolder.of(place).spec.read_text()
        kept = spec.model_dump(mode="json")
        assert '"seeds_per_trial": 1' in text
        for name in ("seeds_per_trial", "validation_folds"):
            del kept[name]
        assert type(spec).model_validate(kept) == spec


def test_a_baseline_of_a_fold_that_another_search_has_trained_counts_at_once(folded, tmp_path):
    first = run_small(tmp_path, name="first", trials=1, seeds_per_trial=3, validation_folds=2)
    second = Session(*small_search(tmp_path, name="second", method="ss", trials=1, seeds_per_trial=3, validation_folds=2)).run()
    assert [key for key in first.keys if key.startswith("fold")]
    assert not [key for key in second.keys if key.startswith("fold")]
    resumed = Session(second.spec, second.place)
    assert second.plan._budget._epochs == resumed.plan._budget._epochs


class TestWhatTrialsCost:
    def test_seeds_that_each_trial_has_are_trained_before_the_next_trial(self, three):
        summary = summarise(three.spec, three.place, three.study)
        assert [(trial.epochs, trial.repeat_epochs, trial.search_epochs) for trial in summary.trials] == [(2, 4, 6), (2, 4, 12)]

    def test_seeds_of_a_race_are_trained_after_all_trials_and_count_in_none(self, raced):
        summary = summarise(raced.spec, raced.place, raced.study)
        assert [trial.search_epochs for trial in summary.trials] == [2, 4, 6, 8, 10, 12]
        assert summary.trials[-1].search_s == pytest.approx(summary.cost.trial_s)
        assert sum(trial.repeat_epochs for trial in summary.trials) == summary.cost.repeat_epochs > 0
        page = render_page(gather(raced.spec, raced.place, raced.study, summary))
        assert "further seeds, which are trained when all trials are over, are not counted there" in page

    @pytest.mark.parametrize("searched", ["three", "raced"])
    def test_a_row_is_of_all_trainings_of_its_trial(self, searched, request):
        session = request.getfixturevalue(searched)
        summary = summarise(session.spec, session.place, session.study)
        rows = trials_table(summary)
        assert rows["epochs"].sum() == summary.cost.epochs + summary.cost.repeat_epochs
        assert rows["seconds"].sum() == pytest.approx(summary.cost.trial_s + summary.cost.repeat_s, abs=0.01)
