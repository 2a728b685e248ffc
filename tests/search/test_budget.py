"""What a search may spend, and how it goes on with more; real trainings, run one after the other in this process."""

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.records import Purpose
from fairtune.request.options import Request, extended
from fairtune.search import trainable
from fairtune.search.budget import Budget, most_confirmed
from fairtune.spec import Epoch, Stop, TrialResult
from fairtune.study.baseline import Baseline
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job, final_seeds
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import _cost, summarise
from fairtune.training.trial import failed
from tests.search.test_plan import Clock, timed
from tests.search_helpers import Session, Watcher, run_small, small_search, train

pytestmark = pytest.mark.usefixtures("trained_once")


def epochs_of(session):
    cost = summarise(session.spec, session.place, session.study).cost
    return cost.baseline_epochs + cost.epochs + cost.confirmation_epochs


def told(tmp_path, *points, clock=lambda: 0.0, gpus=None, baseline_s=10, **options):
    """A search whose trials have these accuracies and gaps, and nothing else; 20 s of each trial."""
    spec, place = small_search(tmp_path, trials=20, **options)
    folder = RunFolder.of(place)
    folder.path.mkdir(parents=True, exist_ok=True)
    study = SearchStudy(folder.study, spec, clock)
    val = {"accuracy": 0.9, "deo_m": 0.3}
    study.keep_baseline(Baseline(TrialResult(spec=spec.baseline(), state="complete", val=val, seconds=baseline_s, gpus=gpus), 0.85))
    study.note_trials_begin()
    tell(spec, study, *points, gpus=gpus)
    return spec, place, study


def tell(spec, study, *points, taken_from=None, gpus=None):
    for accuracy, deo_m in points:
        asked = study.ask()
        assert asked is not None
        number, method, values = asked
        trial = spec.trial(method, values, needs_baseline=True)
        val = {"accuracy": accuracy, "deo_m": deo_m}
        study.tell(number, TrialResult(spec=trial, state="complete", val=val, seconds=20, taken_from=taken_from, gpus=gpus))


def trial_job(place, spec, number):
    return Job(JobKey.trial(number), spec, RunFolder.of(place).trial(number), Purpose.SEARCH)


class TestEpochs:
    def test_the_whole_search_stays_within(self, tmp_path):
        session = run_small(tmp_path, epochs=2, trials=20, epoch_budget=20)
        assert session.plan.complete
        assert len(session.trials) == 5, "2 of the baseline, 8 kept for four retrainings: 5 times 2 are left"
        summary = summarise(session.spec, session.place, session.study)
        assert summary.ended_by == "epoch_budget"
        assert summary.remarks[0].startswith("--epoch-budget ended the trials: 5 of 20 were tried; fairtune resume")
        assert epochs_of(session) <= 20
        assert all(record.state == "complete" for record in session.trials), "none begins that could not be ended"

    def test_a_baseline_that_was_found_counts_in_whichever_session(self, tmp_path):
        options = {"epochs": 2, "trials": 20, "epoch_budget": 20}
        first = run_small(tmp_path, **options)
        found = run_small(tmp_path, name="found", **options)
        assert "baseline" not in found.keys
        assert len(found.trials) == len(first.trials) == 5
        assert epochs_of(found) == epochs_of(first) <= 20

    def test_what_runs_beside_counts(self, tmp_path):
        session = Session(*small_search(tmp_path, epochs=2, trials=20, epoch_budget=20)).run(1)
        jobs = [session.plan.next() for _ in range(6)]
        assert [str(getattr(job, "key", job)) for job in jobs] == [*(f"trial-{number}" for number in range(5)), "wait"]

    def test_what_fails_does_not_use_it_up(self, tmp_path):
        spec, place, study = told(tmp_path, epochs=2, epoch_budget=40, final_seeds=4)
        for ended in range(1, 21):
            number, method, values = study.ask()
            epochs = tuple(Epoch(number=epoch, seconds=1.0) for epoch in (1, 2))
            trial = spec.trial(method, values, needs_baseline=True)
            study.tell(number, TrialResult(spec=trial, state="failed", history=epochs, error="diverged"))
            assert Budget(spec, place, study).lets_begin == (ended < 20), "the 20th has taken the last of 40 epochs"

    def test_as_long_as_nothing_is_feasible_one_seed_of_each_is_kept(self, tmp_path):
        spec, place, study = told(tmp_path, (0.5, 0.2), epochs=2, epoch_budget=100, final_seeds=4)
        of_each = 2 * most_confirmed(("accuracy", "deo_m"))
        assert [limit.kept for limit in Budget(spec, place, study)._limits()] == [of_each]
        tell(spec, study, (0.9, 0.2))
        assert [limit.kept for limit in Budget(spec, place, study)._limits()] == [4 * of_each]

    def test_a_resumed_search_tries_more_for_more(self, tmp_path):
        options = {"method": "reweight", "epochs": 2, "trials": 40, "final_seeds": 2}
        spec, place = small_search(tmp_path, epoch_budget=20, **options)
        first = Session(spec, place).run()
        assert first.study.finals
        session = Session(spec.model_copy(update={"epoch_budget": 60}), place).run()
        assert len(session.trials) >= len(first.trials) + 5
        assert epochs_of(session) <= 60
        kept = Budget(session.study.spec.model_copy(update={"epoch_budget": 200}), place, session.study)
        (limit,) = kept._limits()
        assert limit.kept == 2 * (2 * 4 - 2), "for another choice, and no baseline again"

    def test_a_longer_retraining_begins_only_where_there_is_room_for_it(self, tmp_path):
        spec, place, study = told(tmp_path, (0.9, 0.2), epochs=2, epoch_budget=10, final_seeds=2)
        first, second = final_seeds(spec)
        longer = {seed: spec.baseline(seed).model_copy(update={"epochs": 11}) for seed in (first, second)}
        budget = Budget(spec, place, study)
        assert budget.lets_confirm(trial_job(place, spec.baseline(second), 0))
        assert budget.lets_confirm(trial_job(place, longer[first], 0)), "one seed of each, whatever it takes"
        assert not budget.lets_confirm(trial_job(place, longer[second], 0))

    def test_a_further_seed_needs_room_for_the_baseline_of_its_fold(self, tmp_path):
        options = {"epochs": 2, "final_seeds": 1, "seeds_per_trial": 2, "validation_folds": 2}
        session = run_small(tmp_path, trials=20, epoch_budget=12, **options)
        assert epochs_of(session) + sum(row.brief.epochs for row in session.study.repeats.values() if row is not None) <= 12
        spec, place, study = told(tmp_path / "told", (0.9, 0.2), **options)
        assert Budget(spec.model_copy(update={"epoch_budget": 8}), place, study).lets_repeat, "half of it is kept"
        assert not Budget(spec.model_copy(update={"epoch_budget": 7}), place, study).lets_repeat
        longer = spec.model_copy(update={"compare_with": "teacher", "teacher_epochs": 6, "epoch_budget": 8})
        assert not Budget(longer, place, study).lets_repeat, "8 are needed, and half of them is kept"
        assert Budget(longer.model_copy(update={"epoch_budget": 16}), place, study).lets_repeat
        study.keep_fold(JobKey.of_fold(1), study.baseline.result)
        assert Budget(spec.model_copy(update={"epoch_budget": 7}), place, study).lets_repeat

    def test_too_little_for_an_outcome_is_refused(self, tmp_path):
        with pytest.raises(InvalidInput, match=r"--epoch-budget 7: the baseline, one trial .* take 4 x 2 = 8 epochs"):
            small_search(tmp_path, epochs=2, epoch_budget=7)
        assert run_small(tmp_path, epochs=2, epoch_budget=8).plan.complete

    def test_trials_under_way_end_when_it_is_spent(self, tmp_path, monkeypatch):
        monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
        spec, place = small_search(tmp_path, epochs=3, trials=20, epoch_budget=30)
        Session(spec, place).run(2)
        session = Session(spec.model_copy(update={"epoch_budget": 12}), place)
        begun = session.study.ask()
        assert begun is not None
        session.plan._trials._left_over = [begun]
        session.run()
        assert session.trials[1].state == "pruned"
        assert session.study.result(1).stopped == Stop(by="epoch_budget", epoch=2)
        assert str(session.study.result(1).stopped) == "by the epoch budget at epoch 2"


class TestGpus:
    def test_they_are_what_is_counted(self, tmp_path):
        spec, place, study = told(tmp_path, *[(0.9, 0.2)] * 4, final_seeds=1)
        place = place.model_copy(update={"gpus_per_trial": 0.5})

        def lets_begin(budget_s):
            return Budget(spec.model_copy(update={"gpu_budget_s": budget_s}), place, study).lets_begin

        spent, one = (10 + 4 * 20) / 2, 20 / 2
        kept = one * most_confirmed(("accuracy", "deo_m"))
        assert lets_begin(spent + one + kept + 0.1)
        assert not lets_begin(spent + one + kept - 0.1)
        assert Budget(spec.model_copy(update={"gpu_budget_s": spent}), place, study).spent == "gpu_budget"

    def test_what_has_ended_keeps_the_share_that_it_had(self, tmp_path):
        spec, place, study = told(tmp_path, (0.9, 0.2), gpus=1.0)
        tell(spec, study, (0.9, 0.2), gpus=0.25)
        place = place.model_copy(update={"gpus_per_trial": 1.0})
        budget = Budget(spec.model_copy(update={"gpu_budget_s": 35.0}), place, study)
        place = place.model_copy(update={"gpus_per_trial": 0.25})
        budget.move(place)
        assert budget.spent == "gpu_budget", "10 of the baseline, 20 of the first trial, 5 of the second"
        assert Budget(spec.model_copy(update={"gpu_budget_s": 80.0}), place, study).spent is None
        assert _cost(place, study, study.baseline.result, study.records()).gpu_s == 10 + 20 + 20 / 4

    def test_a_result_says_how_many_it_had(self, tmp_path):
        spec, place = small_search(tmp_path)
        session = Session(spec, place.model_copy(update={"gpus_per_trial": 0.0})).run(2)
        assert session.study.baseline.result.gpus == session.trials[0].result.gpus == 0.0

    def test_there_must_be_some(self, tmp_path):
        with pytest.raises(InvalidInput, match="--gpu-budget: the trials have no GPU"):
            small_search(tmp_path, gpu_budget="1h")


class TestPatience:
    def lets_begin(self, tmp_path, *points, patience=2):
        spec, place, study = told(tmp_path, *points, patience=patience)
        return Budget(spec, place, study).lets_begin

    def test_a_front_that_moves_is_waited_for(self, tmp_path):
        assert self.lets_begin(tmp_path, (0.9, 0.3), (0.9, 0.2), (0.86, 0.1))

    def test_one_that_stands_still_is_not(self, tmp_path):
        assert not self.lets_begin(tmp_path, (0.9, 0.1), (0.9, 0.2), (0.86, 0.15))

    def test_infeasible_trials_do_not_move_it(self, tmp_path):
        assert not self.lets_begin(tmp_path, (0.9, 0.1), (0.5, 0.0), (0.6, 0.0))

    def test_where_nothing_is_feasible_it_waits_for_what_comes_nearer_to_the_floor(self, tmp_path):
        assert self.lets_begin(tmp_path, (0.5, 0.1), (0.4, 0.0), (0.6, 0.3), (0.5, 0.0))
        assert not self.lets_begin(tmp_path / "same", (0.5, 0.1), (0.5, 0.0), (0.4, 0.0))

    def test_without_a_complete_trial_it_ends_nothing(self, tmp_path):
        spec, place, study = told(tmp_path, patience=1)
        for _ in range(3):
            number, method, values = study.ask()
            study.tell(number, failed(spec.trial(method, values, needs_baseline=True), "it crashed"))
        assert Budget(spec, place, study).lets_begin

    def test_what_was_taken_over_uses_none_up(self, tmp_path):
        spec, place, study = told(tmp_path, (0.9, 0.1), patience=2)
        tell(spec, study, (0.9, 0.2), (0.9, 0.2), (0.9, 0.2), taken_from="earlier/trial-0")
        tell(spec, study, (0.9, 0.2))
        assert Budget(spec, place, study).lets_begin
        tell(spec, study, (0.9, 0.2))
        assert not Budget(spec, place, study).lets_begin

    def test_trials_count_in_the_order_in_which_they_end(self, tmp_path):
        spec, place, study = told(tmp_path, patience=3)
        asked = [study.ask() for _ in range(5)]

        def end(place, accuracy, deo_m):
            number, method, values = asked[place]
            trial = spec.trial(method, values, needs_baseline=True)
            val = {"accuracy": accuracy, "deo_m": deo_m}
            study.tell(number, TrialResult(spec=trial, state="complete", val=val, seconds=20))

        for number in (1, 2, 3):
            end(number, 0.9, 0.25)
        assert Budget(spec, place, study).ends_by is None, "two have ended since the first, which others only equal"
        end(0, 0.95, 0.05)
        assert Budget(spec, place, study).ends_by is None, "the front has moved just now"
        end(4, 0.9, 0.2)
        tell(spec, study, (0.9, 0.2), (0.95, 0.05))
        for known in (study, SearchStudy(RunFolder.of(place).study, spec)):
            assert Budget(spec, place, known).ends_by == "patience"

    def test_a_search_ends_by_it(self, tmp_path):
        session = run_small(tmp_path, method="scratch,ss,reweight", trials=3, patience=1)
        views = session.study.views()
        costs = [view.costs("accuracy", "deo_m") for view in views]
        moved = [not any(np.less_equal(other, cost).all() for other in costs[:count]) for count, cost in enumerate(costs)]
        assert all(moved[:-1]), "it goes on for as long as the front moves"
        assert len(views) == 3 or not moved[-1]


class TestTime:
    def test_a_part_is_kept_for_the_confirmation(self, tmp_path):
        passed = [0.0]
        spec, place, study = told(tmp_path, (0.9, 0.2), (0.9, 0.1), final_seeds=2, clock=lambda: passed[0])
        one = 20

        def lets_begin(budget_s):
            return Budget(spec.model_copy(update={"time_budget_s": budget_s}), place, study).lets_begin

        passed[0] = 300.0
        assert lets_begin(300 + 9 * one + 1)
        assert not lets_begin(300 + 9 * one - 1)
        passed[0] = 0.0
        assert lets_begin(2 * one + 1), "but half is for the trials"
        assert not lets_begin(2 * one - 1)

    @pytest.mark.parametrize("baseline_s", [10, 1000])
    def test_a_baseline_that_was_found_takes_no_time_of_it(self, tmp_path, baseline_s):
        passed = [0.0]
        spec, place, study = told(tmp_path, (0.9, 0.2), clock=lambda: passed[0], baseline_s=baseline_s, final_seeds=1)
        passed[0] = 300.0
        room = 300 + 20 + most_confirmed(("accuracy", "deo_m")) * 20
        assert Budget(spec.model_copy(update={"time_budget_s": room + 1.0}), place, study).lets_begin
        assert not Budget(spec.model_copy(update={"time_budget_s": room - 1.0}), place, study).lets_begin

    def test_a_resumed_search_keeps_for_as_many_at_a_time_as_ran_before(self, tmp_path):
        passed = [0.0]
        spec, place, study = told(tmp_path, *[(0.9, 0.2)] * 16, final_seeds=2, clock=lambda: passed[0])
        one = 20

        def budget(whole_s):
            return Budget(spec.model_copy(update={"time_budget_s": whole_s}), place, study)

        passed[0] = 16 * 20 / 8
        assert budget(40 + 2 * one + 1).lets_begin, "eight retrainings, eight at a time"
        assert not budget(40 + 2 * one - 1).lets_begin

        on_one = budget(40 + 2 * one + 1)
        job = trial_job(place, spec.baseline(), 16)
        on_one.begin(job)
        assert on_one.lets_begin, "as long as none has ended it may be that eight will run again"
        on_one.drop(job)
        assert not on_one.lets_begin

    def test_what_ran_alone_before_the_trials_does_not_make_them_fewer_at_a_time(self, tmp_path):
        passed = [0.0]
        spec, place = small_search(tmp_path, trials=20, final_seeds=2, time_budget="200s")
        RunFolder.of(place).path.mkdir(parents=True, exist_ok=True)
        study = SearchStudy(RunFolder.of(place).study, spec, lambda: passed[0])
        baseline = TrialResult(spec=spec.baseline(), state="complete", val={"accuracy": 0.9, "deo_m": 0.3}, seconds=100)
        study.keep_baseline(Baseline(baseline, 0.85))
        passed[0] = 100.0
        study.note_trials_begin()
        tell(spec, study, *[(0.9, 0.2)] * 16)
        passed[0] += 16 * 20 / 8
        study.note_time()
        again = SearchStudy(RunFolder.of(place).study, spec, lambda: 0.0)
        assert (again.alone_s, again.wall_s) == (100, 140)
        assert Budget(spec, place, again).lets_begin, "one more and eight retrainings, eight at a time, end at 180 s"
        assert not Budget(spec.model_copy(update={"time_budget_s": 179.0}), place, again).lets_begin
        assert [limit.before for limit in Budget(spec, place, again)._limits()] == [100], (
            "a half of what that leaves is for the trials"
        )

    def test_a_search_of_an_earlier_version_has_no_time_before_its_trials(self, tmp_path):
        passed = [0.0]
        spec, place, study = told(tmp_path, clock=lambda: passed[0])
        study._write(alone_s=None)
        tell(spec, study, *[(0.9, 0.2)] * 4)
        passed[0] = 300.0
        study.note_time()
        again = SearchStudy(RunFolder.of(place).study, spec, lambda: 0.0)
        again.note_trials_begin()
        assert (again.alone_wall_s, again.wall_s) == (0, 300)

    def test_seeds_of_one_setting_are_trained_as_many_at_a_time(self, tmp_path):
        passed = [0.0]
        spec, place, study = told(tmp_path, final_seeds=1, seeds_per_trial=3, clock=lambda: passed[0])
        under_way = [study.ask()[0] for _ in range(4)]

        def budget(whole_s):
            found = Budget(spec.model_copy(update={"time_budget_s": whole_s}), place, study)
            for number in under_way:
                found.begin(trial_job(place, spec.baseline(), number))
            return found

        passed[0] = 100.0
        enough = 100 + 10 * (1 + 3 + 1)
        assert budget(enough + 1).lets_begin, "another trial, ten further seeds of the five, and four retrainings: four at a time"
        assert not budget(enough - 1).lets_begin
        under_way = under_way[:1]
        assert not budget(enough + 1).lets_begin, "one trial at a time, four further seeds of the two, four retrainings"


class TestMore:
    @pytest.fixture
    def over(self, tmp_path):
        return run_small(tmp_path, trials=2, final_seeds=1)

    def test_a_search_that_was_over_goes_on(self, over):
        watcher = Watcher()
        more = Session(over.spec.model_copy(update={"trials": 5}), over.place, observers=[watcher])
        assert more.study.choice is None
        assert watcher.events("reopened") == [("reopened", over.study.openings)]
        more.run()
        assert more.keys[:3] == ["trial-2", "trial-3", "trial-4"]
        assert "final-baseline-1" not in more.keys
        assert more.plan.complete
        self.check(more)

    def check(self, session):
        """Every role's scores are those of its setting, and nothing was retrained twice."""
        summary = summarise(session.spec, session.place, session.study)
        finals = session.study.finals.values()
        assert len({result.spec.id for result in finals}) == len(finals)
        assert set(summary.confirmed) == {"baseline", *session.study.choice.roles}
        (seed,) = final_seeds(session.spec)
        for role, number in session.study.choice.roles.items():
            spec = session.study.result(number).spec.model_copy(update={"seed": seed})
            (of_role,) = [result for result in finals if result.spec == spec]
            assert summary.confirmed[role].score("accuracy").mean == pytest.approx(of_role.test["accuracy"])

    def test_a_role_that_changed_its_setting_keeps_both_retrainings(self, over):
        study = over.study
        (before,) = [key for key in study.finals if key.role == "chosen"]
        more = Session(over.spec.model_copy(update={"trials": 3}), over.place).run(1)
        perfect = {**more.study.result(2).val, "accuracy": 1.0, "deo_m": 0.0, "deo_m_shrunken": 0.0}
        better = more.study.result(2).model_copy(update={"val": perfect})
        changed = Session(more.spec, more.place)
        changed.study._records[2] = changed.study._records[2]._replace(result=better.brief)
        changed.run()
        assert changed.study.choice.number == 2
        assert changed.keys == ["final-chosen-2-1"]
        assert {before, JobKey.final("chosen-2", 1)} <= set(changed.study.finals)
        assert JobKey.parse("final-chosen-2-1") == JobKey.final("chosen-2", 1)
        self.check(changed)

    def test_with_the_same_limits_it_stays_over(self, over):
        again = Session(over.spec, over.place)
        assert again.study.choice is not None
        assert again.run().keys == []

    def test_killed_before_it_was_opened_again_it_still_goes_on(self, over):
        over.folder.save(over.spec.model_copy(update={"trials": 3}), over.place)
        spec, place = over.folder.load()
        assert Session(spec, place).run().keys[0] == "trial-2"

    def test_more_seeds_are_confirmed_when_there_is_more(self, tmp_path):
        short = run_small(tmp_path, trials=1, time_budget="0.000001s", final_seeds=2)
        assert {job.spec.seed for job in short.trained if job.kind == "final"} == {1}
        openings = short.study.openings
        assert Session(short.spec, short.place).run().keys == []
        assert SearchStudy(short.folder.study, short.spec).openings == openings, "nothing is opened where nothing is retrained"
        more = Session(short.spec.model_copy(update={"time_budget_s": 3600.0}), short.place).run()
        assert {(job.kind, job.spec.seed) for job in more.trained} == {("final", 2)}
        assert summarise(more.spec, more.place, more.study).confirmed["chosen"].seeds == [1, 2]

    def test_what_a_budget_has_cut_short_goes_on_when_there_is_more_of_it(self, tmp_path, monkeypatch):
        monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
        spec, place = small_search(tmp_path, epochs=3, trials=3, time_budget="1h")
        clock = Clock()
        first = timed(spec, place, clock).run(2)
        job = first.next_job()
        clock.now = 3600
        first.plan.finish(job, train(job, first.plan))
        first.run()
        stopped = first.trials[1]
        assert (stopped.state, stopped.result.stopped) == ("pruned", Stop(by="time_budget", epoch=1))
        assert first.study.complete
        assert first.folder.trial(1).checkpoint.exists()
        assert Session(spec, place).run().keys == [], "with no more time it stays as it is"

        again = Session(spec.model_copy(update={"time_budget_s": 7200.0}), place).run()
        assert [key for key in again.keys if key.startswith("trial")] == ["trial-1", "trial-2"]
        assert [record.state for record in again.trials] == ["complete"] * 3
        assert not list(again.folder.path.rglob("checkpoint*.pt"))

    def test_what_is_typed_is_checked(self, over):
        more = extended(over.spec, {"trials": "7", "time_budget_s": "2h"})
        assert (more.trials, more.time_budget_s) == (7, 7200)
        assert more.model_copy(update={"trials": 2, "time_budget_s": None}) == over.spec
        with pytest.raises(InvalidInput) as refused:
            extended(over.spec, {"trials": "0", "time_budget_s": "soon"})
        assert [fault.split(":")[0] for fault in refused.value.faults] == ["--trials 0", "--time-budget soon"]

    def test_the_request_is_that_of_the_longer_search(self, over):
        file = over.folder.request
        Request.read({"trials": 2, "method": "ss"}).write(file)
        Request.from_file(file, {"trials": "40"}).write(file)
        again = Request.from_file(file, {})
        assert (again.trials, again.method) == (40, "ss")


def test_what_every_point_of_the_front_cost(tmp_path):
    session = run_small(tmp_path, trials=3)
    summary = summarise(session.spec, session.place, session.study)
    assert [trial.search_epochs for trial in summary.trials] == [2, 4, 6]
    assert summary.trials[-1].search_s == pytest.approx(summary.cost.trial_s)
    assert summary.cost.baseline_epochs == 2
    assert summary.cost.confirmation_epochs == 2 * len(session.study.finals)
    assert summary.cost.gpu_s == 0
