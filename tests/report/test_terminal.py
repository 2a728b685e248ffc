import io
import math
import re

import pytest
from rich.console import Console

from fairtune.records import Purpose
from fairtune.report.formats import format_chance
from fairtune.report.outcome import print_outcome
from fairtune.report.terminal import SearchDisplay, print_header
from fairtune.study.jobs import Job
from fairtune.study.key import JobKey
from fairtune.study.summary import summarise
from fairtune.training.data import open_data
from tests.search_helpers import Session, crash, small_search, train

pytestmark = pytest.mark.usefixtures("trained_once")


def terminal(width=160):
    return Console(record=True, force_terminal=True, width=width, file=io.StringIO(), markup=False, highlight=False)


def log():
    return Console(record=True, force_terminal=False, width=120, file=io.StringIO(), markup=False, highlight=False)


def shown(console):
    return console.export_text(clear=False)


def lines(console, start):
    return [line for line in shown(console).splitlines() if line.startswith(start)]


def outcome(session):
    console = log()
    print_outcome(console, summarise(session.spec, session.place, session.study))
    return shown(console)


def header(session):
    console, data = log(), open_data(session.spec.baseline(), session.folder.path)
    cells = {"train": data.train.cells, "validation": data.validation.cells}
    print_header(console, session.spec, session.place, data.info, cells, data.remarks)
    return shown(console)


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """What a log file shows of a search with a failed and a crashed trial, in a folder named to confuse."""
    runs = tmp_path_factory.mktemp("logged") / "a[" / "b]"
    runs.mkdir(parents=True)
    file = runs / "points.yaml"
    file.write_text("{search: {weight: {low: 0.1, high: 1e40}}, points: [{weight: 1}, {weight: 1e39}, {weight: 2}]}")
    spec, place = small_search(runs, space=str(file))
    console = log()
    with SearchDisplay(console, spec, []) as display:
        session = Session(spec, place, observers=[display])
        crash(session.folder.trial(2))
        session.run()
    return session, console


def test_a_log_has_one_line_for_each_training(logged):
    session, console = logged
    finals = [key for key in session.keys if key.startswith("final")]
    assert len(shown(console).splitlines()) == len(session.keys) + 1
    assert len(lines(console, "baseline ")) == 1
    assert [line[:9] for line in lines(console, "trial ")] == ["trial 1/3", "trial 2/3", "trial 3/3"]
    assert [line.split()[:3] for line in lines(console, "confirm ")] == [
        ["confirm", f"{i}/{len(finals)}", key] for i, key in enumerate(finals, start=1)
    ]


def test_a_line_tells_setting_scores_and_verdict(logged):
    session, console = logged
    first, second, third = lines(console, "trial ")
    val = session.trials[0].result.val
    assert f"#0 mfd weight 1  accuracy {val['accuracy']:.4f}  DEO_M {val['deo_m']:.4f}  feasible" in first
    assert "#1 mfd weight 1e+39  failed: train." in second
    assert "#2 mfd weight 2  failed: IsADirectoryError: " in third
    assert "/a[/b]/" in third


def test_a_log_says_that_the_test_split_is_opened(logged):
    _, console = logged
    (line,) = lines(console, "opening the test split")
    assert line == "opening the test split: 2 retrainings of the baseline, trial 0 (chosen, most accurate, fairest)"


def test_a_terminal_shows_what_runs_and_what_is_best(tmp_path):
    console = terminal()
    spec, place = small_search(tmp_path, trials=4, epochs=3)
    with SearchDisplay(console, spec, []) as display:
        session = Session(spec, place, observers=[display]).run(2)
        first, second = session.next_job(), session.next_job()
        standing = session.study.result(0)
        display.job_progressed(second, standing.model_copy(update={"history": standing.history[:2]}))
        console.print(display._table())
    table = shown(console)
    assert "#0     mfd weight 3" in table
    assert "feasible" in table
    assert f"#{first.number}     mfd weight" in table
    assert "0/3" in table
    assert "2/3" in table
    assert "1 of 4 trials" in table


def test_a_terminal_counts_confirmations(tmp_path):
    console = terminal()
    with SearchDisplay(console, *small_search(tmp_path, trials=1)[:1], []) as display:
        session = Session(*small_search(tmp_path, trials=1), observers=[display]).run(2)
        job = session.next_job()
        session.plan.finish(job, train(job, session.plan))
        console.print(display._table())
    assert "1 of 1 trial, 1 of 2 confirmations" in shown(console)


def test_a_terminal_tells_the_pace_and_what_is_left(tmp_path):
    now = [0.0]
    console = terminal()
    spec, place = small_search(tmp_path, trials=4, epochs=3)
    display = SearchDisplay(console, spec, [], clock=lambda: now[0])
    session = Session(spec, place, observers=[display]).run(1)
    first, second = session.next_job(), session.next_job()
    console.print(display._table())
    assert "left" not in shown(console)
    now[0] += 30
    session.plan.finish(first, train(first, session.plan))
    standing = session.study.result(0)
    history = tuple(epoch.model_copy(update={"seconds": 0.5}) for epoch in standing.history[:1])
    display.job_progressed(second, standing.model_copy(update={"history": history}))
    console.print(display._table())
    assert "1/3, 2.0 epochs/s, 1 s left" in shown(console)
    assert "1 of 4 trials, 30 s, 2.0 trials/min, 90 s left" in shown(console)


def test_the_time_left_is_no_longer_than_the_budget(tmp_path):
    now = [0.0]
    console = log()
    spec, place = small_search(tmp_path, trials=4, epochs=1, time_budget="70s")
    display = SearchDisplay(console, spec, [], clock=lambda: now[0])
    session = Session(spec, place, observers=[display]).run(1)
    job = session.next_job()
    now[0] += 30
    session.plan.finish(job, train(job, session.plan))
    console.print(display._table())
    assert "1 of 4 trials, 30 s, 2.0 trials/min, 40 s left" in shown(console)


def test_a_resumed_search_counts_earlier_trials(unfinished):
    console = log()
    display = SearchDisplay(console, unfinished.spec, unfinished.trials)
    console.print(display._table())
    assert "1 of 3 trials" in shown(console)


def test_a_search_of_few_settings_counts_those(tmp_path):
    spec, _ = small_search(tmp_path, method="ss", trials=20)
    console = log()
    console.print(SearchDisplay(console, spec, [])._table())
    assert "0 of 1 trial" in shown(console)


def test_stopping_is_answered(tmp_path):
    console = log()
    SearchDisplay(console, small_search(tmp_path)[0], []).interrupted()
    assert shown(console) == "stopping: keeping the trainings under way ...\n"


def test_the_header_of_what_was_tested_says_when(mixed):
    console, data = log(), open_data(mixed.spec.baseline(), mixed.folder.path)
    cells = {"train": data.train.cells, "validation": data.validation.cells}
    (opening,) = mixed.study.openings
    print_header(console, mixed.spec, mixed.place, data.info, cells, opened=[opening])
    assert f"test        opened {opening.when}; trials do not see it" in shown(console)
    assert "sealed" not in shown(console)


@pytest.mark.parametrize(
    ("of_each", "said"),
    [
        ({"expected_memory_gib": 1.23}, "memory      1.23 GiB of the machine's for each trial, as estimated"),
        (
            {"expected_memory_gib": 1.23, "memory_per_trial": 4},
            "memory      4 GiB of the machine's for each trial, as --memory",
        ),
        ({"expected_memory_gib": 1.23, "memory_per_trial": 0}, None),
    ],
)
def test_memory_that_is_set_aside_is_said(mixed, of_each, said):
    console, data = log(), open_data(mixed.spec.baseline(), mixed.folder.path)
    cells = {"train": data.train.cells, "validation": data.validation.cells}
    print_header(console, mixed.spec, mixed.place.model_copy(update=of_each), data.info, cells)
    assert (said or "") in shown(console)
    assert ("GiB" in shown(console)) is (said is not None)


def test_only_what_is_retrained_is_named(mixed):
    console = log()
    display = SearchDisplay(console, mixed.spec, [])
    folder, baseline = mixed.folder.trial(4), mixed.spec.baseline()
    jobs = [Job(JobKey.final("chosen-2", seed), baseline, folder, Purpose.FINAL) for seed in (1, 2)]
    display.confirming({"chosen": 4, "most_accurate": 0, "fairest": 4}, jobs)
    assert shown(console) == "opening the test split: 2 retrainings of trial 4 (chosen, fairest)\n"


def test_the_header_says_what_is_to_come(mixed):
    text = header(mixed)
    assert "fairtune mfd on digits with mlp, run run" in text
    assert re.search(r"train +\d+ samples \(red \d+, green \d+\); \d+ to \d+ per \(class, group\) cell", text)
    assert "test        sealed until the choice is made" in text
    assert "mfd.weight 0.1..1e+40 (log)" in text
    assert "4 trials of 2 epochs, batches of 64, fp32" in text
    assert "/a[/b]/run" in text.replace("\n", "").replace(" ", "")


def test_the_header_of_a_method_without_hyperparameters(tmp_path):
    session = Session(*small_search(tmp_path, method="ss", time_budget="90s", trials=20))
    assert "nothing to search: one setting" in header(session)
    assert "1 trial of 2 epochs, batches of 64, fp32, 90 s at most" in header(session)


def test_the_header_says_which_cells_a_fraction_lacks(tmp_path):
    spec, place = small_search(tmp_path, method="hkd", train_fraction=0.02, batch_size=8)
    told = r"\nthe fraction has no training samples in \d+ of 20 cells: class \d, group (red|green)"
    assert re.search(told, header(Session(spec, place)))


def test_the_outcome_names_the_choice_and_the_files(mixed):
    text = outcome(mixed)
    number = mixed.study.choice.number
    first = text.strip().splitlines()[0]
    gained = summarise(mixed.spec, mixed.place, mixed.study).gained
    verdict = (
        f"trial {number} is fairer than the baseline" if gained else "nothing found that is fairer than the baseline at this floor"
    )
    assert first.startswith(f"{verdict}: trial {number} has DEO_M ")
    assert ", p = " in first
    assert f"chosen: trial {number}, mfd weight" in text
    assert "front (validation)" in text
    assert "confirmed (test)" in text
    assert f"browse   fairtune ui {mixed.folder.path}" in text


def test_the_outcome_shows_the_score_that_was_searched_for(by_iou):
    text = outcome(by_iou)
    chosen = by_iou.trials[by_iou.study.choice.number].result
    assert text.count("sigma_IOU") == 6
    handed = summarise(by_iou.spec, by_iou.place, by_iou.study).handed
    assert (
        f"handed over: {handed.job}, the first seed that completed, in an order fixed before the test split was opened; it has"
        in text
    )
    assert f"sigma_IOU {by_iou.study.finals[handed.job].test['sigma_iou']:.4f}" in text
    assert "95 % interval: sigma_IOU from the test samples, and by Student's t over the seeds" in text
    assert f"{chosen.val['sigma_iou']:.4f}" in text
    assert f"{chosen.val['deo_m']:.4f}" in text


def test_the_outcome_shows_how_much_all_feasible_trials_cover(mixed):
    volume = summarise(mixed.spec, mixed.place, mixed.study).hypervolume
    assert f"front (validation); hypervolume {volume:.4f} of all feasible trials as measured" in outcome(mixed)


def test_the_outcome_shows_every_objective_with_its_interval(by_three):
    text = outcome(by_three)
    (head,) = [line.split("  ") for line in text.splitlines() if line.startswith("setting")]
    columns = [column.strip() for column in head if column.strip()]
    assert columns[2:] == ["accuracy", "DEO_M", "corrected", "95 % interval", "worst group accuracy", "95 % interval", "DEO_A"]
    assert "95 % interval: DEO_M, worst group accuracy from the test samples" in text


def test_the_outcome_without_a_choice(infeasible):
    assert "nothing is chosen, and the test split stays sealed: no trial reached the floor; closest to" in outcome(infeasible)


def test_the_outcome_of_an_unfinished_search(unfinished):
    text = outcome(unfinished)
    assert "front (validation)" in text
    assert "confirmed (test)" not in text
    assert "chosen" not in text


def test_a_trial_that_is_taken_up_again_is_not_counted_until_it_ends(tmp_path):
    console = log()
    waits = {"scheduler": "tests.schedulers.outside:WaitsForOthers", "epochs": 3, "trials": 4, "sampler": "random"}
    spec, place = small_search(tmp_path, set=["weight=1,2,3,4"], **waits)
    with SearchDisplay(console, spec, []) as display:
        session = Session(spec, place, observers=[display]).run()
    counted = [re.sub("  .*", "", line) for line in lines(console, "trial ")]
    told = [re.search(r"#\d", line)[0] for line in lines(console, "trial ")]
    assert told == ["#0", "#1", "#2", "#1", "#3", "#1"]
    assert counted == ["trial 1/4", "trial 2/4", "trial 3/4", "trial 3/4", "trial 4/4", "trial 4/4"]
    assert [" pruned by " in line for line in lines(console, "trial ")] == [False, True, True, True, False, False]
    assert "4 trials of 3 epochs, batches of" in header(session)
    assert f"stopped early by {spec.scheduler}" in header(session)


def test_the_front_says_how_sure_it_is(mixed):
    summary = summarise(mixed.spec, mixed.place, mixed.study)
    assert [chance.trial for chance in summary.chances] == summary.front
    assert all(0 <= chance.feasible <= 1 and 0 <= chance.dominates <= 1 for chance in summary.chances)
    text = outcome(mixed)
    assert "reaches floor" in text
    assert "dominates" in text
    assert [format_chance(chance) for chance in (1.0, 0.0, 0.5, math.nan)] == ["> 99 %", "< 1 %", "50 %", "-"]
