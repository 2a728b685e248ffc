"""Searches that begin with what earlier runs of the same space found."""

import io
import logging
import shutil
from collections.abc import Sequence

import pytest
from rich.console import Console

from fairtune.api.search import resume
from fairtune.errors import InvalidInput, NoRoom
from fairtune.files import remove
from fairtune.report import write_report
from fairtune.report.terminal import SearchDisplay
from fairtune.request.options import extended
from fairtune.schedulers import Scheduler, Standing, Verdict
from fairtune.study.earlier import EarlierRun
from fairtune.study.folders import RunFolder
from fairtune.study.summary import summarise
from tests.search_helpers import Session, Watcher, crash, run_small, small_search

pytestmark = pytest.mark.usefixtures("trained_once")


def params(session):
    return [record.params["mfd.weight"] for record in session.trials]


def taken(session):
    return [record.result.taken_from for record in session.trials]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    from tests.search_helpers import trained_once

    folder = tmp_path_factory.mktemp("runs")
    with trained_once():
        first = Session(*small_search(folder, name="first", trials=4, set=["weight=0.1..1e40"], space=diverging(folder)))
        crash(first.folder.trial(2))
        first.run()
    assert [record.state for record in first.trials] == ["complete", "failed", "failed", "complete"]
    return folder


def diverging(folder):
    file = folder / "points.yaml"
    file.write_text("{points: [{weight: 1}, {weight: 1e39}, {weight: 2}, {weight: 4}], search: {weight: {low: 0.1, high: 1e40}}}")
    return str(file)


def warm(runs, name, *earlier, **options):
    folders = [str(runs / run) for run in earlier or ["first"]]
    return small_search(runs, **{"name": name, "set": ["weight=0.1..1e40"], "trials": 2, "warm_start": folders} | options)


def test_the_same_trainings_come_first_are_not_repeated_and_fill_no_budget(runs):
    watcher = Watcher()
    spec, place = warm(runs, "second")
    session = Session(spec, place, observers=[watcher]).run()
    assert params(session)[:3] == [1, 1e39, 4], "all but what crashed"
    assert taken(session) == ["first/trial-0", "first/trial-1", "first/trial-3", None, None]
    assert [key for key in session.keys if key.startswith("trial")] == ["trial-3", "trial-4"]
    assert len(set(params(session))) == 5
    first = Session(*RunFolder(runs / "first").load())
    assert session.trials[2].result.val == first.trials[3].result.val
    assert session.study.result(2).history == first.study.result(3).history
    assert [event[1] for event in watcher.events("finished")][:5] == [f"trial-{number}" for number in range(5)]


def test_what_was_taken_over_can_be_chosen_with_its_net(runs):
    session = Session(*warm(runs, "chosen", trials=1)).run()
    on_front = [number for number in summarise(session.spec, session.place, session.study).front if taken(session)[number]]
    assert on_front
    for number in on_front:
        assert session.folder.trial(number).has_weights()
        source = runs / "first" / "trials" / f"{int(taken(session)[number].split('-')[-1]):04d}" / "weights.safetensors"
        assert session.folder.trial(number).weights.read_bytes() == source.read_bytes()


def test_the_cost_is_of_what_was_trained_here(runs):
    session = Session(*warm(runs, "cost", trials=1)).run()
    summary = write_report(session.spec, session.place, session.study)
    assert summary.cost.epochs == session.trials[-1].result.epochs == 2
    assert summary.cost.trial_s == session.trials[-1].result.seconds
    assert summary.trials[2].search_epochs == 0
    assert [trial.taken_from for trial in summary.trials] == taken(session)
    assert "complete, from first/trial-0" in session.folder.page.read_text()


def test_the_terminal_counts_what_is_trained_and_names_what_is_known(runs):
    spec, place = warm(runs, "shown")
    shown = io.StringIO()
    Session(spec, place, observers=[SearchDisplay(Console(file=shown, width=200, markup=False), spec, [])]).run()
    lines = [line for line in shown.getvalue().splitlines() if "#" in line]
    counted = ["known from first/trial-0", "known from first/trial-1", "known from first/trial-3", "trial 1/2", "trial 2/2"]
    assert [line.split("  ")[0] for line in lines] == counted


@pytest.mark.parametrize("after", [None, 3])
def test_of_several_methods_one_that_an_earlier_run_has_trained_has_its_share(runs, after):
    spec, place = warm(runs, f"shared-{after}", method="mfd,hkd", set=["mfd.weight=0.1..1e40"], trials=6)
    session = Session(spec, place).run(after)
    session = session if after is None else Session(spec, place).run()
    own = [record.method for record in session.trials if record.result.taken_from is None]
    assert {method: own.count(method) for method in spec.spaces} == {"mfd": 3, "hkd": 3}


def test_a_scheduler_compares_with_what_was_taken_over_in_whichever_session(runs):
    spec, place = warm(runs, "judged", scheduler="tests.search.test_earlier:AfterTheFirst")
    session = Session(spec, place).run(1)
    judged = session.plan._trials._ladder._standings[1]
    assert set(judged) == {0, 2, 3} == {number for number, name in enumerate(taken(session)) if number != 1}
    again = Session(spec, place)
    assert again.plan._trials._ladder._standings[1].keys() == judged.keys()


class AfterTheFirst(Scheduler):
    """Looks at every trial after its first epoch, and lets it go on."""

    def rungs(self, epochs: int) -> Sequence[int]:
        return [1]

    def verdict(self, trial: Standing, others: Sequence[Standing]) -> Verdict:
        return "go_on"


class Killed(Exception):
    """The end of a process."""


@pytest.mark.parametrize("after", range(3))
def test_a_search_that_is_killed_takes_over_what_is_left(runs, after, monkeypatch):
    """Its files are there, and it is not told yet."""
    undisturbed = Session(*warm(runs, f"undisturbed-{after}")).run()
    first = Session(*warm(runs, f"killed-{after}"))
    finish = first.plan.finish

    def killed(job, result):
        if job.number == after:
            raise Killed
        finish(job, result)

    monkeypatch.setattr(first.plan, "finish", killed)
    with pytest.raises(Killed):
        first.run()
    again = Session(first.spec, first.place).run()
    assert (params(again), taken(again)) == (params(undisturbed), taken(undisturbed))


def test_a_run_that_is_gone_is_warned_of_and_its_settings_are_trained(runs, caplog):
    shutil.copytree(runs / "first", runs / "gone")
    spec, place = warm(runs, "left", "gone", trials=3)
    shutil.rmtree(runs / "gone")
    with caplog.at_level(logging.WARNING):
        session = Session(spec, place)
    assert f"the run {runs / 'gone'} that the search began with cannot be read" in caplog.text
    session.run()
    assert params(session)[:3] == [1, 1e39, 4]
    assert taken(session) == [None] * 3


def test_what_was_taken_over_is_taken_over_again(runs):
    Session(*warm(runs, "middle")).run()
    session = Session(*warm(runs, "third", "middle", "first", trials=1)).run()
    assert taken(session) == ["first/trial-0", "first/trial-1", "first/trial-3", "middle/trial-3", "middle/trial-4", None]


@pytest.mark.parametrize("changed", [{"epochs": 1}, {"seed": 1}, {"train_fraction": 0.9}])
def test_of_other_trainings_only_the_settings_of_the_front_come_first(runs, changed):
    first = Session(*RunFolder(runs / "first").load())
    best = [first.trials[number].params for number in summarise(first.spec, first.place, first.study).front]
    spec, place = warm(runs, f"other-{next(iter(changed))}", trials=len(best) + 1, **changed)
    assert spec.spaces["mfd"].points[: len(best)] == tuple(best)
    session = Session(spec, place).run(1 + len(best))
    assert [record.params for record in session.trials] == best
    assert taken(session) == [None] * len(best)


def test_trials_without_a_score_that_the_rule_weighs_are_trained_again(runs):
    session = Session(*warm(runs, "probed", select="mutual_information", trials=1)).run()
    assert (params(session)[0], taken(session)[0]) == (1e39, "first/trial-1"), "what diverged diverges whoever asks"
    assert taken(session)[1:] == [None]


def test_settings_outside_of_a_narrower_range_are_left_out(runs):
    spec, _ = warm(runs, "narrow", set=["weight=2..9"])
    assert spec.spaces["mfd"].points[0] == {"mfd.weight": 4.0}
    assert {"mfd.weight": 1.0} not in spec.spaces["mfd"].points


def test_what_is_beaten_without_a_net_is_taken_over_only_with_what_beats_it(runs):
    shutil.copytree(runs / "first", runs / "beaten")
    earlier = EarlierRun(runs / "beaten")
    earlier._study._records[3] = earlier._study._records[3]._replace(feasible=False)
    remove(earlier.folder(3).weights)
    assert [record.number for record in earlier.front] == [0]
    assert [record.number for record in earlier.trained(warm(runs, "all")[0])] == [0, 1, 3]
    narrow, _ = warm(runs, "without-the-best", set=["weight=2..9"])
    assert 3 not in [record.number for record in earlier.trained(narrow)], "trial 0 has another weight than is searched"
    remove(earlier.folder(0).weights)
    assert [record.number for record in earlier.trained(warm(runs, "all")[0])] == [1], "an earlier version kept another front"


def test_a_sampler_knows_what_was_taken_over(runs):
    """Values of another run that were told are not proposed again, however few are left."""
    grid = {"set": ["weight=1,2,4,8"], "space": None}
    run_small(runs, name="some", trials=3, **grid)
    session = Session(*warm(runs, "rest", "some", trials=4, sampler="grid", **grid)).run()
    assert sorted(params(session)) == [1, 2, 4, 8]
    assert [source is None for source in taken(session)].count(True) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warm_start": ["absent"]}, r"--warm-start .*absent: .* holds no search"),
        ({"dataset": "synthetic", "set": []}, "it searched on digits, and this search is on synthetic, where its settings mean"),
        ({"method": "hkd", "set": []}, "it searched mfd, and this search has none of that: leave it out"),
        (
            {"set": ["weight=1..9", "sigma=0.5..2"]},
            "its space is another: of mfd it searched mfd.weight, and this search mfd.weight, mfd.sigma; give both the same, or",
        ),
        ({"set": ["weight=1..9", "kernel=poly"]}, "its space is another: mfd.kernel was rbf and is poly; give both the same"),
        ({"set": ["weight=20..30"], "trials": 1}, "none of its trials is complete, feasible and inside what is searched here"),
        ({"name": "first", "trials": 4}, "this is the run itself: go on with it by fairtune resume, or choose another --name"),
    ],
)
def test_what_cannot_be_begun_with_is_refused(runs, options, said):
    with pytest.raises(InvalidInput, match=said):
        warm(runs, **{"name": "refused"} | options)
    assert not (runs / "refused").exists()


def test_a_disk_that_is_full_stops_a_search_that_takes_over_what_diverged(runs, monkeypatch):
    monkeypatch.setattr("fairtune.search.faults.has_room", lambda folder, size: False)
    session = Session(*warm(runs, "full"))
    assert session.plan.next() == "done"
    assert isinstance(session.plan.error, NoRoom)
    assert session.study.choice is None
    assert session.study.openings == ()


def test_an_ended_search_of_which_more_is_asked_counts_its_own_trials_alone(runs):
    session = Session(*warm(runs, "counted")).run()
    assert (session.study.asked, session.study.own) == (5, 2)
    again = Session(extended(session.spec, {"trials": 3}), session.place).run()
    assert (again.study.asked, again.study.own) == (6, 3)
    with pytest.raises(InvalidInput, match="--trials 1: the search has begun 3 trials already"):
        resume(session.folder.path, Console(file=io.StringIO()), more={"trials": 1})


def test_a_budget_that_leaves_trials_untried_is_told_whatever_was_taken_over(runs):
    session = Session(*warm(runs, "cut", trials=4, epoch_budget=12)).run()
    assert session.study.own < 4 <= session.study.asked
    assert session.study.choice.ended_by == "epoch_budget"


def test_a_trial_whose_counts_are_damaged_is_trained_again(runs, tmp_path):
    shutil.copytree(runs / "first", tmp_path / "first")
    folder = RunFolder(tmp_path / "first")
    folder.details.write_bytes(bytes(folder.details.stat().st_size))
    for number in (0, 3):
        folder.trial(number).result.unlink()
    session = Session(*warm(tmp_path, "again")).run()
    assert session.keys[:3] == ["baseline", "trial-0", "trial-2"]
    assert [one is None for one in taken(session)] == [True, False, True]
