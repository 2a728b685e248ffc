"""The plan with real trainings, run one after the other in this process."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from fairtune.datasets import open_part
from fairtune.datasets._store import cache_folder
from fairtune.errors import FairtuneError, InvalidInput
from fairtune.plugins import names
from fairtune.records import Purpose
from fairtune.request.options import extended
from fairtune.rules import front, objectives_of
from fairtune.search import run, trainable
from fairtune.search.budget import Budget
from fairtune.search.searcher import PlanSearcher, ProgressCallback
from fairtune.search.shared import Shared
from fairtune.spec import Stop
from fairtune.study.baseline import Baseline
from fairtune.study.choice import Choice
from fairtune.study.folders import RunFolder
from fairtune.study.jobs import Job, final_seeds
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from fairtune.study.teacher import trained_teacher
from fairtune.testing.trainings import without_seconds as epochs_without_seconds
from fairtune.training.data import make_dataset
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import failed
from tests.search_helpers import Session, Watcher, crash, run_small, small_search, train


def kinds(session):
    return [job.kind for job in session.trained]


def points(tmp_path, *points, **parts):
    """Options for a search that tries these points right at the start, and no others."""
    file = tmp_path / "points.yaml"
    search = {"weight": {"low": 0.1, "high": 1e40}} | parts.pop("search", {})
    file.write_text(repr({"points": list(points), "search": search, **parts}))
    return {"space": str(file), "trials": len(points)}


def trial_states(session):
    return [record.state for record in session.trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search from beginning to end."""
    return run_small(tmp_path_factory.mktemp("whole"), trials=4, final_seeds=2, accuracy_floor="teacher-0.05")


def test_the_order_is_baseline_then_trials_then_finals(whole):
    first_final = 1 + whole.spec.trials
    assert kinds(whole)[:first_final] == ["baseline", *["trial"] * 4]
    assert set(kinds(whole)[first_final:]) == {"final"}
    assert whole.plan.complete
    assert whole.study.complete is True


@pytest.mark.usefixtures("trained_once")
def test_a_job_says_what_it_is_for(whole, tmp_path):
    purposes = {job.kind: job.purpose for job in whole.trained}
    assert purposes == {"baseline": Purpose.PROBED, "trial": Purpose.SEARCH, "final": Purpose.FINAL}
    probing = run_small(tmp_path / "probing", trials=1, select="mutual_information")
    assert {job.kind: job.purpose for job in probing.trained} == purposes | {"trial": Purpose.PROBED}


@pytest.mark.parametrize(("given", "adjusted"), [("baseline", {"baseline"}), ("every", {"baseline", "chosen"}), ("none", set())])
def test_thresholds_are_moved_of_the_nets_asked_for(tmp_path, given, adjusted):
    session = Session(*small_search(tmp_path, trials=1, post_process=given)).run(2)
    finals = []
    while isinstance(job := session.plan.next(), Job):
        finals.append(job)
    assert {job.key.role for job in finals} == {"baseline", "chosen"}
    assert {job.key.role for job in finals if job.purpose is Purpose.ADJUSTED} == adjusted


def test_a_complete_search_has_nothing_more_to_do(whole):
    assert whole.plan.next() == "done"
    assert Session(whole.spec, whole.place).run().keys == []


def test_only_finals_are_scored_on_the_test_split(whole):
    assert whole.study.baseline.result.test is None
    assert all(whole.study.result(record.number).test is None for record in whole.trials)
    assert all({"accuracy", "deo_m", "deo_a"} <= set(result.test) for result in whole.study.finals.values())


def test_finals_keep_what_they_answered_to_each_sample(whole):
    assert all(whole.study.result(record.number).answers is None for record in whole.trials)
    for result in SearchStudy(whole.folder.study, whole.spec).finals.values():
        counts = result.counts("test")
        assert result.answers is not None
        of_cell = np.split(result.answers, counts.cells.ravel().cumsum()[:-1])
        hard = [np.bincount(answers, minlength=10) for answers in of_cell]
        np.testing.assert_array_equal(np.reshape(hard, counts.hard.shape), counts.hard)


def test_finals_retrain_the_baseline_and_each_role_on_seeds_of_their_own(whole):
    roles, finals = whole.study.choice.roles, whole.study.finals
    settings = {"baseline": whole.spec.baseline()} | {role: whole.study.result(number).spec for role, number in roles.items()}
    assert final_seeds(whole.spec) == [1, 2]
    for key, result in finals.items():
        assert result.spec == settings[key.role].model_copy(update={"seed": key.seed})
    trained = {result.spec.id for result in finals.values()}
    assert trained == {spec.model_copy(update={"seed": seed}).id for spec in settings.values() for seed in (1, 2)}
    assert len(finals) == len(trained), "roles that fell on one trial share its retraining"


def test_the_test_split_is_opened_once_and_the_study_says_when(whole):
    (opened,) = whole.study.openings
    assert opened.roles[0] == "baseline"
    assert opened.jobs == tuple(job.key for job in whole.trained[5:])


def test_the_floor_is_relative_to_the_baseline(whole):
    floor = whole.study.baseline.result.val["accuracy"] - 0.05
    assert whole.study.baseline.floor == pytest.approx(floor)
    assert [record.feasible for record in whole.trials] == [record.result.val["accuracy"] >= floor for record in whole.trials]


def test_published_settings_come_first(whole):
    assert whole.trials[0].params == {"mfd.weight": 3.0}
    assert len({record.params["mfd.weight"] for record in whole.trials}) == 4


def test_every_student_learns_from_the_baseline(whole):
    assert [whole.study.result(record.number).spec.teacher for record in whole.trials] == [whole.spec.baseline()] * 4


def test_weights_are_kept_for_the_front_only(whole):
    on_front = {view.number for view in front(whole.study.views(), ("accuracy", "deo_m"))}
    kept = {number for number in range(4) if whole.folder.trial(number).weights.is_file()}
    assert kept == on_front
    assert all(whole.folder.trial(number).result.is_file() for number in range(4))


def test_a_choice_that_stands_keeps_its_net_whatever_searches_rank_by_now(whole, tmp_path):
    """An earlier version may have chosen what is not on the front any more."""
    shutil.copytree(whole.place.runs, tmp_path / "runs")
    place = whole.place.model_copy(update={"runs": str(tmp_path / "runs")})
    study = SearchStudy(RunFolder.of(place).study, whole.spec)
    number = study.choice.number
    assert number is not None
    study._records[number] = study._records[number]._replace(feasible=False)
    assert number not in {view.number for view in front(study.views(), ("accuracy", "deo_m"))}
    assert Session(whole.spec, place, study=study).run().keys == []
    assert RunFolder.of(place).trial(number).has_weights()


def test_nothing_else_is_left_on_disk(whole):
    assert not any(whole.folder.path.rglob("checkpoint.pt"))
    settings = {result.spec.model_copy(update={"seed": 0}).id for result in whole.study.finals.values()}
    kept = [folder.name for folder in (whole.folder.path / "finals").iterdir()]
    assert all(name.endswith("-1") for name in kept), "of each setting the net of the first seed is left"
    assert len(kept) == len(settings)


@pytest.mark.usefixtures("trained_once")
def test_observers_are_told_everything(tmp_path):
    watcher = Watcher()
    session = Session(*small_search(tmp_path, trials=2), observers=[watcher]).run()
    assert [event[1] for event in watcher.events("started")] == session.keys
    assert [event[1] for event in watcher.events("finished")] == session.keys
    assert [event[2] for event in watcher.events("finished")] == [None, 0, 1, *[None] * (len(session.keys) - 3)]
    assert [event[0] for event in watcher.seen if event[0] not in ("started", "progressed")][:2] == ["baseline", "finished"]
    assert watcher.events("baseline")[0][3] is False
    assert watcher.events("confirming") == [("confirming", session.study.choice.roles, len(session.keys) - 3)]


def test_trials_never_open_the_test_split(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    session = Session(*small_search(tmp_path / "runs"))
    open_part(make_dataset(session.spec.dataset), tmp_path, "train")
    for file in cache_folder().rglob("test-*.npy"):
        file.unlink()
    session.run(4)
    assert trial_states(session) == ["complete"] * 3
    assert not list(cache_folder().rglob("test-*.npy"))
    assert {result.state for result in session.run().study.finals.values()} == {"complete"}
    assert list(cache_folder().rglob("test-x.npy"))


@pytest.mark.usefixtures("trained_once")
def test_a_second_search_finds_the_teacher_by_content(tmp_path):
    first = run_small(tmp_path, trials=1)
    watcher = Watcher()
    home = baseline_folder(tmp_path, first.spec.baseline())
    written = home.weights.stat().st_mtime_ns
    second = Session(*small_search(tmp_path, method="hkd", name="second", trials=1), observers=[watcher]).run()
    assert "baseline" not in kinds(second)
    assert watcher.events("baseline")[0][1] == first.study.baseline.result
    assert watcher.events("baseline")[0][3] is True
    assert second.study.result(0).spec.teacher == first.spec.baseline()
    assert home.weights.stat().st_mtime_ns == written


@pytest.mark.usefixtures("trained_once")
def test_another_training_is_another_teacher(tmp_path):
    run_small(tmp_path, trials=1)
    assert "baseline" in kinds(Session(*small_search(tmp_path, name="second", epochs=1)).run(1))


@pytest.mark.usefixtures("trained_once")
def test_a_teacher_without_its_weights_is_trained_again(tmp_path):
    first = run_small(tmp_path, trials=1)
    baseline_folder(tmp_path, first.spec.baseline()).weights.unlink()
    assert run_small(tmp_path, trials=1, name="second").keys[0] == "baseline"


@pytest.mark.usefixtures("trained_once")
def test_a_method_without_hyperparameters_is_tried_once(tmp_path):
    session = run_small(tmp_path, method="ss", trials=20)
    assert [(record.number, record.params) for record in session.trials] == [(0, {})]


@pytest.mark.usefixtures("trained_once")
def test_the_plain_model_can_be_searched_too(tmp_path):
    session = run_small(tmp_path, method="scratch")
    assert session.study.choice.number == 0
    assert [key for key in session.keys if key.startswith("final")] == ["final-baseline-1"]


@pytest.mark.usefixtures("trained_once")
def test_every_trial_of_the_budget_is_another_training(tmp_path):
    session = run_small(tmp_path, trials=20, epochs=1, sampler="random", set=["weight=1,2,3,4,5,6"])
    assert sorted(record.params["mfd.weight"] for record in session.trials) == [1, 2, 3, 4, 5, 6]
    assert kinds(session).count("trial") == 6
    assert summarise(session.spec, session.place, session.study).cost.epochs == 6


@pytest.mark.usefixtures("trained_once")
def test_jobs_under_way_at_once_differ(tmp_path):
    session = Session(*small_search(tmp_path, trials=4, epochs=1, set=["weight=1,2,3"])).run(1)
    jobs = [session.next_job() for _ in range(3)]
    assert session.plan.next() == "wait"
    assert len({job.spec.id for job in jobs}) == 3


@pytest.mark.usefixtures("trained_once")
def test_a_trial_that_is_the_baseline_is_not_trained_again(tmp_path):
    session = Session(*small_search(tmp_path, method="scratch,reweight", trials=2, epochs=1)).run()
    (twin,) = (record for record in session.trials if record.method == "scratch")
    assert twin.result.taken_from == f"{RunFolder.of(session.place).path.name}/baseline"
    assert twin.val == session.study.baseline.result.val
    assert f"trial-{twin.number}" not in session.keys
    assert [record.method for record in session.trials].count("reweight") == 2, "and uses up none of the budget"


@pytest.mark.usefixtures("trained_once")
def test_roles_of_equal_settings_share_a_retraining_and_both_stand(tmp_path):
    """Runs of older versions, and trials that equal the baseline, have roles of several numbers for one setting."""
    session = Session(*small_search(tmp_path, method="scratch,ss", trials=2, epochs=1)).run(2)
    twin = next(record for record in session.trials if record.method == "scratch").number
    session.study.keep_choice(Choice({"chosen": 1 - twin, "most_accurate": twin, "fairest": twin}, session.spec.limits))
    again = Session(session.spec, session.place, study=session.study).run()
    assert again.keys == ["final-baseline-1", "final-chosen-1"]
    confirmed = summarise(again.spec, again.place, again.study).confirmed
    assert {role: part.number for role, part in confirmed.items()} == {
        "baseline": None,
        "chosen": 1 - twin,
        "most_accurate": twin,
        "fairest": twin,
    }
    assert confirmed["most_accurate"].test == confirmed["baseline"].test


@pytest.mark.usefixtures("trained_once")
def test_every_method_of_a_list_is_tried(tmp_path):
    session = run_small(tmp_path, method="mfd,ss", trials=2)
    assert [(record.method, record.params) for record in session.trials] == [("mfd", {"mfd.weight": 3.0}), ("ss", {})]


@pytest.mark.usefixtures("trained_once")
class TestFailures:
    def test_a_diverging_trial_is_recorded_and_the_search_goes_on(self, tmp_path):
        session = run_small(tmp_path, **points(tmp_path, {"weight": 1}, {"weight": 1e39}, {"weight": 2}))
        assert trial_states(session) == ["complete", "failed", "complete"]
        reason = session.trials[1].result.error
        assert reason.startswith("train.")
        assert reason.endswith(" in epoch 1")
        assert session.plan.complete

    def test_a_diverging_learning_rate(self, tmp_path):
        fixed = {"optimizer.name": "sgd", "optimizer.weight_decay": 1}
        options = points(tmp_path, {"lr": 10.0, "weight": 1}, {"lr": 1e-3, "weight": 1}, search={"lr": [1e-3, 10.0]}, fixed=fixed)
        assert trial_states(run_small(tmp_path, **options)) == ["failed", "complete"]

    def test_a_crash_is_a_failed_trial_with_its_traceback(self, tmp_path):
        session = Session(*small_search(tmp_path))
        crash(session.folder.trial(1))
        session.run()
        assert trial_states(session) == ["complete", "failed", "complete"]
        assert session.trials[1].result.error.startswith("Traceback")
        assert "IsADirectoryError" in session.trials[1].result.error

    def test_nothing_is_chosen_if_every_trial_fails(self, tmp_path):
        session = run_small(tmp_path, **points(tmp_path, {"weight": 1e39}, {"weight": 2e39}))
        assert session.keys == ["baseline", "trial-0", "trial-1"]
        assert str(session.plan.error).startswith("none of 2 trials completed; the first failed with: train.")
        assert session.study.openings == ()

    def test_a_search_none_of_whose_trials_completed_has_not_ended(self, tmp_path):
        options = points(tmp_path, {"weight": 1e39}, {"weight": 2e39}, {"weight": 1})
        session = run_small(tmp_path, **options | {"trials": 2})
        assert not session.plan.complete
        assert not session.study.complete
        again = Session(extended(session.spec, {"trials": 3}), session.place).run()
        assert again.keys[:1] == ["trial-2"]
        assert again.plan.complete
        assert again.study.choice is not None

    def test_a_baseline_that_diverges_ends_the_search(self, tmp_path):
        session = run_small(tmp_path, set=["lr=10", "weight_decay=1", "optimizer.name=sgd"])
        assert session.keys == ["baseline"]
        assert str(session.plan.error).startswith("the baseline could not be trained: train.loss became ")
        assert session.trials == []

    def test_a_failing_final_seed_is_recorded(self, tmp_path):
        session = Session(*small_search(tmp_path, trials=1, final_seeds=2))
        crash(session.folder.final("baseline", 1))
        session.run()
        states = {str(key): result.state for key, result in session.study.finals.items()}
        assert states.pop("final-baseline-1") == "failed"
        assert set(states.values()) == {"complete"}
        assert session.plan.complete


@pytest.mark.usefixtures("trained_once")
def test_no_feasible_trial_means_no_choice_and_a_sealed_test_split(tmp_path):
    session = run_small(tmp_path, accuracy_floor="1")
    assert session.study.choice.roles == {}
    assert [record.feasible for record in session.trials] == [False] * 3
    assert session.keys == ["baseline", "trial-0", "trial-1", "trial-2"]
    assert session.plan.complete
    assert session.study.openings == ()


@pytest.mark.usefixtures("trained_once")
class TestFloorAboveEveryAccuracy:
    def test_it_is_refused_when_the_baseline_is_known(self, tmp_path):
        session = run_small(tmp_path, accuracy_floor="teacher+0.9")
        accuracy = session.trained[0].folder.read_trained().val["accuracy"]
        assert session.keys == ["baseline"]
        assert isinstance(session.plan.error, InvalidInput)
        assert str(session.plan.error).startswith(
            f"--accuracy-floor teacher+0.9 asks for accuracy {accuracy + 0.9:.4f}, and none is above 1: the baseline has "
        )
        assert (session.trials, session.study.openings) == ([], ())

    def test_nothing_is_trained_where_the_baseline_is_known_already(self, tmp_path):
        run_small(tmp_path, trials=1)
        session = run_small(tmp_path, accuracy_floor="teacher+0.9", name="second")
        assert (session.keys, session.trials) == ([], [])
        assert "none is above 1" in str(session.plan.error)

    def test_a_search_of_an_earlier_version_goes_no_further(self, tmp_path):
        session = Session(*small_search(tmp_path)).run(2)
        session.study.keep_baseline(Baseline(session.study.baseline.result, 1.27))
        again = Session(session.spec, session.place).run()
        assert (again.keys, again.study.choice, again.study.openings) == ([], None, ())
        assert "asks for accuracy 1.2700" in str(again.plan.error)

    def test_a_search_that_was_over_is_not_opened_again_for_it(self, tmp_path):
        session = run_small(tmp_path, trials=1)
        session.study.keep_baseline(Baseline(session.study.baseline.result, 1.27))
        watcher = Watcher()
        again = Session(session.spec.model_copy(update={"trials": 2}), session.place, observers=[watcher]).run()
        assert "asks for accuracy 1.2700" in str(again.plan.error)
        assert again.keys == []
        assert watcher.events("reopened") == []
        assert (again.study.choice, again.study.complete) == (session.study.choice, True)

    def test_the_highest_accuracy_is_no_fault(self, tmp_path):
        session = Session(*small_search(tmp_path)).run(1)
        session.study.keep_baseline(Baseline(session.study.baseline.result, 0.7 + 0.1 + 0.2 + 1e-12))
        assert Session(session.spec, session.place).plan.error is None


def test_each_objective_has_its_end_of_the_front(by_three):
    views = {view.number: view for view in by_three.study.views()}
    on_front = {view.number for view in front(list(views.values()), ("accuracy", "deo_m", "worst_group_accuracy"))}
    roles = by_three.study.choice.roles
    assert set(roles) == {"chosen", "most_accurate", "fairest", "highest_worst_group_accuracy"}
    for role, name in [
        ("most_accurate", "accuracy"),
        ("fairest", "deo_m"),
        ("highest_worst_group_accuracy", "worst_group_accuracy"),
    ]:
        assert roles[role] in on_front
        assert views[roles[role]].costs(name) == min(view.costs(name) for view in views.values())
    assert {number for number in views if by_three.folder.trial(number).weights.is_file()} == on_front
    confirmed = summarise(by_three.spec, by_three.place, by_three.study).confirmed
    assert set(confirmed) == {"baseline", *roles}
    assert all("worst_group_accuracy" in part.test for part in confirmed.values())


@pytest.mark.usefixtures("trained_once")
class TestTimeBudget:
    def test_no_trial_starts_after_it(self, tmp_path):
        session = run_small(tmp_path, time_budget="0.000001s", final_seeds=3)
        assert session.keys[:2] == ["baseline", "trial-0"], "one, so that there is an outcome"
        assert {job.spec.seed for job in session.trained[2:]} == {1}, "and each setting is confirmed on one seed"
        assert session.plan.complete

    def test_time_of_earlier_sessions_counts(self, tmp_path):
        session = Session(*small_search(tmp_path, time_budget="1h", trials=5)).run(3)
        spent(session)
        late = Session(session.spec, session.place)
        assert late.run().plan.complete
        assert trial_states(late) == ["complete", "complete"]

    def test_a_trial_under_way_is_stopped_and_keeps_its_scores(self, tmp_path, monkeypatch):
        monkeypatch.setattr(trainable, "REPORT_EVERY_S", 0.0)
        session = Session(*small_search(tmp_path, time_budget="1h", trials=5, epochs=3)).run(2)
        session.plan.next()
        spent(session)
        late = Session(session.spec, session.place)
        assert late.run().plan.complete
        assert trial_states(late) == ["complete", "pruned"]
        stopped = late.study.result(1)
        assert stopped.epochs == 1
        assert stopped.stopped == Stop(by="time_budget", epoch=1)
        assert stopped.val["accuracy"] == stopped.history[-1].val["accuracy"]
        assert all(result.epochs == 3 for result in late.study.finals.values()), "finals are not stopped"

    def test_sessions_too_short_for_a_trial_spend_it_all_the_same(self, tmp_path):
        clock = Clock()
        spec, place = small_search(tmp_path, time_budget="60s", trials=5)
        timed(spec, place, clock).run(1)
        for _ in range(3):
            cut = timed(spec, place, clock)
            assert cut.next_job().key == JobKey.trial(0)
            clock.now += 20
            assert cut.next_job().key == JobKey.trial(1), "the driver asks whenever it can; then it is killed"
        late = timed(spec, place, clock)
        assert late.study.noted_s == 60
        assert [late.next_job().key for _ in range(2)] == [JobKey.trial(0), JobKey.trial(1)]
        assert late.plan.next() == "wait", "what was begun is handed out again, but nothing new"


def spent(session):
    """Let an hour pass."""
    ticks = iter([0.0, 3600.0])
    SearchStudy(session.folder.study, session.spec, lambda: next(ticks)).note_time()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def timed(spec, place, clock):
    """A session that goes by a clock of ours."""
    RunFolder.of(place).path.mkdir(parents=True, exist_ok=True)
    return Session(spec, place, study=SearchStudy(RunFolder.of(place).study, spec, clock))


@pytest.mark.usefixtures("trained_once")
class TestWallTime:
    """However a session stops, the time it took is in the study and in the summary."""

    def noted(self, session):
        again = SearchStudy(session.folder.study, session.spec)
        return again.noted_s, summarise(session.spec, session.place, again).cost.wall_s

    @pytest.mark.parametrize("stop", [KeyboardInterrupt, FairtuneError, SystemExit, RuntimeError])
    def test_a_session_that_is_stopped(self, tmp_path, stop):
        clock = Clock()
        session = timed(*small_search(tmp_path), clock).run(1)

        def stopped():
            with session.plan:
                session.plan.next()
                clock.now = 42
                raise stop

        with pytest.raises(stop):
            stopped()
        assert self.noted(session) == (42, 42)

    def test_a_session_that_ends(self, tmp_path):
        clock = Clock()
        session = timed(*small_search(tmp_path, trials=1), clock).run(3)
        clock.now = 7
        with session.plan:
            session.run()
            clock.now = 9
        assert session.plan.complete
        assert self.noted(session) == (7, 7), "what comes after the end does not count"

    def test_a_search_that_cannot_go_on(self, tmp_path):
        clock = Clock()
        session = timed(*small_search(tmp_path, **points(tmp_path, {"weight": 1e39})), clock)
        clock.now = 5
        with session.plan:
            session.run()
        assert session.plan.error is not None
        assert self.noted(session) == (5, 5)

    @pytest.mark.parametrize("turn", ["next", "verdict", "tune's loop"])
    def test_a_process_killed_in_a_long_trial_loses_less_than_a_minute(self, tmp_path, turn):
        clock = Clock()
        session = timed(*small_search(tmp_path), clock).run(1)
        job = session.next_job()
        standing = failed(job.spec, "").model_copy(update={"state": "running"})
        callback = ProgressCallback(PlanSearcher(session.plan, Shared(), lambda: None))
        turns = {
            "next": session.plan.next,
            "verdict": lambda: session.plan.verdict(job, standing),
            "tune's loop": lambda: callback.on_step_begin(0, []),
        }
        writes = 0
        for clock.now in range(1, 601):
            before = session.study.noted_s
            turns[turn]()
            writes += session.study.noted_s != before
            assert clock.now - session.study.noted_s < 60
        assert writes <= 60, "cheap"
        assert 540 < self.noted(session)[0] <= 600

    def test_the_driver_keeps_it_whatever_goes_wrong(self, tmp_path, monkeypatch):
        clock = Clock()
        session = timed(*small_search(tmp_path), clock).run(1)

        def broken(place):
            clock.now = 30
            raise InvalidInput("no Ray cluster answers")

        monkeypatch.setattr(run, "cluster", broken)
        with pytest.raises(InvalidInput):
            run.run_search(session.spec, session.place, session.study)
        assert self.noted(session) == (30, 30)


@pytest.mark.usefixtures("trained_once")
class TestKilled:
    """Sessions end as a killed process does: what is in the study and on disk stays, nothing else."""

    @pytest.mark.parametrize("ended", [False, True], ids=["under way", "ended, not told"])
    @pytest.mark.parametrize("after", range(5))
    def test_nothing_is_lost_or_repeated_whenever_it_is_killed(self, tmp_path, after, ended):
        spec, place = small_search(tmp_path, trials=2)
        first = Session(spec, place).run(after)
        cut, asked = first.next_job(), first.trials
        if ended:
            train(cut, first.plan)
        second = Session(spec, place).run()
        assert second.plan.complete
        assert [(record.number, record.state) for record in second.trials] == [(0, "complete"), (1, "complete")]
        assert [record.params for record in second.trials[: len(asked)]] == [record.params for record in asked]
        trained = [*first.keys, *([str(cut.key)] if ended else []), *second.keys]
        assert trained == ["baseline", "trial-0", "trial-1", *map(str, second.study.finals)]

    def test_a_trial_goes_on_from_its_checkpoint(self, tmp_path):
        whole = run_small(tmp_path / "whole", epochs=3)
        spec, place = small_search(tmp_path / "cut", epochs=3)
        first = Session(spec, place).run(1)
        job = first.next_job()
        stop_after_an_epoch(job, first.plan)
        assert job.folder.checkpoint.is_file()
        watcher = Watcher()
        second = Session(spec, place, observers=[watcher]).run(1)
        assert without_seconds(second.study.result(0)) == without_seconds(whole.study.result(0))
        assert not job.folder.checkpoint.exists()

    def test_two_left_over_trials_both_end(self, tmp_path):
        spec, place = small_search(tmp_path)
        first = Session(spec, place).run(1)
        keys = [first.next_job().key for _ in range(2)]
        assert keys == [JobKey.trial(0), JobKey.trial(1)]
        second = Session(spec, place).run()
        assert second.keys[:3] == ["trial-0", "trial-1", "trial-2"]

    def test_a_baseline_is_announced_again(self, tmp_path):
        spec, place = small_search(tmp_path)
        Session(spec, place).run(2)
        watcher = Watcher()
        Session(spec, place, observers=[watcher])
        assert watcher.events("baseline")[0][2:] == (0.0, True)

    def test_opening_the_test_split_again_is_noted(self, tmp_path):
        spec, place = small_search(tmp_path, final_seeds=2)
        first = Session(spec, place).run(5)
        second = Session(spec, place).run()
        before, after = ([job.key for job in trained] for trained in (first.trained[4:], second.trained))
        assert [opened.jobs for opened in second.study.openings] == [(*before, *after), tuple(after)]

    def test_a_folder_moved_between_sessions(self, tmp_path):
        spec, place = small_search(tmp_path / "old")
        first = Session(spec, place).run(3)
        shutil.move(tmp_path / "old", tmp_path / "new")
        second = Session(*type(first.folder)(tmp_path / "new" / "run").load()).run()
        assert second.plan.complete
        assert [record.state for record in second.trials] == ["complete"] * 3


def stop_after_an_epoch(job, plan):
    """What an actor that is told to end leaves behind."""
    worker = trainable.TrialTrainable.__new__(trainable.TrialTrainable)
    worker.setup(trainable.job_config(job, plan.place))
    worker._trial.run_epoch()
    worker.cleanup()


def without_seconds(result):
    return result.val, epochs_without_seconds(result.history), result.counts("val")


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """A search whose teacher saw data without skew."""
    return run_small(tmp_path_factory.mktemp("taught"), method="hkd", trials=2, final_seeds=1, teacher_set=["skew=0.5"])


def test_a_teacher_of_its_own_is_trained_once_after_the_baseline(taught):
    assert kinds(taught)[:4] == ["baseline", "teacher", "trial", "trial"]
    assert kinds(taught).count("teacher") == 1
    assert all(taught.study.result(record.number).spec.teacher == taught.spec.teacher() for record in taught.trials)
    assert baseline_folder(Path(taught.place.runs), taught.spec.teacher()).weights.is_file()
    assert taught.spec.teacher().dataset.options["skew"] == 0.5 != taught.spec.dataset.options["skew"]


def test_another_search_finds_the_teacher(taught):
    options = {"method": "hkd", "name": "again", "trials": 1, "final_seeds": 1, "teacher_set": ["skew=0.5"]}
    again = Session(*small_search(Path(taught.place.runs), **options))
    assert "teacher" not in kinds(again.run())


def test_what_a_teacher_of_its_own_took_counts(taught, tmp_path):
    teacher = trained_teacher(taught.spec, taught.place)
    cost = summarise(taught.spec, taught.place, taught.study).cost
    assert (cost.teacher_s, cost.teacher_epochs) == (teacher.seconds, 2)
    alone = run_small(tmp_path, method="hkd", trials=1)
    assert summarise(alone.spec, alone.place, alone.study).cost.teacher_s == 0


def test_a_resumed_search_counts_the_teacher_into_its_budget(taught):
    counted = Budget(taught.spec.model_copy(update={"epoch_budget": 100}), taught.place, taught.study)
    assert counted._epochs == 2 + 2 + sum(record.result.epochs for record in taught.trials) + sum(
        final.epochs for final in taught.study.finals.values()
    )


def test_a_baseline_that_is_the_teacher_is_trained_once_and_sets_the_floor(tmp_path):
    options = {"compare_with": "teacher", "teacher_epochs": 1, "teacher_set": ["skew=0.5"]}
    session = run_small(tmp_path, method="hkd", trials=1, **options)
    assert kinds(session)[:2] == ["baseline", "trial"]
    assert session.study.baseline.result.spec == session.spec.teacher()
    assert session.study.result(0).spec.teacher == session.spec.teacher()
    assert (session.study.result(0).spec.epochs, session.study.baseline.result.epochs) == (2, 1)
    confirmed = [final.spec for key, final in session.study.finals.items() if key.role == "baseline"]
    assert confirmed == [session.spec.teacher(1)]


def test_a_student_learns_from_a_teacher_of_another_architecture(tmp_path):
    session = run_small(tmp_path, method="hkd", trials=1, teacher_model="mlp3", teacher_epochs=1)
    assert kinds(session)[:3] == ["baseline", "teacher", "trial"]
    assert session.trials[0].state == "complete", session.trials[0].result.error
    assert session.study.baseline.result.spec.model.name == session.study.result(0).spec.model.name == "mlp"


FITTING: dict[str, dict[str, object]] = {"cmaes": {"select": "deo_m_alone"}, "grid": {"set": ["weight=0.1,0.3,1,3,5,10,20,30"]}}
"""What makes a search one that a sampler can do."""


class TestPromise:
    """A fixed seed gives the same trace, interrupted or not."""

    @pytest.mark.parametrize(
        "sampler", [name if name == "auto" else pytest.param(name, marks=pytest.mark.slow) for name in names("sampler")]
    )
    def test_interrupted_or_not_a_search_tries_and_finds_the_same(self, tmp_path, sampler):
        options: dict[str, object] = {"sampler": sampler, "trials": 7, **FITTING.get(sampler, {})}
        undisturbed = Session(*small_search(tmp_path / "undisturbed", **options)).run()
        spec, place = small_search(tmp_path / "interrupted", **options)
        for trials in (1, 5, 2):
            killed = Session(spec, place).run(trials)
            worker_dies_after_an_epoch(killed)
        resumed = Session(spec, place).run()
        assert trace(resumed) == trace(undisturbed)
        assert (resumed.study.choice, finals(resumed)) == (undisturbed.study.choice, finals(undisturbed))


def worker_dies_after_an_epoch(session):
    """The next training is under way when the process is killed; it has a checkpoint."""
    job = session.next_job()
    worker = trainable.TrialTrainable.__new__(trainable.TrialTrainable)
    worker.setup(trainable.job_config(job, session.place))
    worker._trial.run_epoch()
    worker.cleanup()


def trace(session):
    """Setting, state and scores of every trial, and whether it is on the front."""
    objectives = objectives_of(session.spec.select)
    best = {view.number for view in front(session.study.views(), objectives)}
    return [(r.method, r.params, r.state, r.result.val, r.number in best) for r in session.trials]


def finals(session):
    return {str(key): result.test for key, result in session.study.finals.items()}
