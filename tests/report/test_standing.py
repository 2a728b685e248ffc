"""A log file hears of a long training before that has ended."""

import io

from rich.console import Console

from fairtune.report.standing import SILENCE_S
from fairtune.report.terminal import SearchDisplay
from fairtune.training.steps import Step
from tests.consoles import text_on
from tests.search_helpers import Session, small_search, train


def shown(tmp_path, **options):
    """A display into a log file, its clock, and a search of which one trial runs and its neighbour too."""
    now, console = [0.0], Console(file=io.StringIO(), width=400)
    spec, place = small_search(tmp_path, trials=4, epochs=3, **options)
    display = SearchDisplay(console, spec, [], clock=lambda: now[0])
    session = Session(spec, place, observers=[display]).run(1)
    console.file.truncate(0)
    console.file.seek(0)
    return display, now, console, session


def test_after_a_silence_it_is_told_where_all_trainings_are(tmp_path):
    display, now, console, session = shown(tmp_path)
    first, second = session.next_job(), session.next_job()
    display.job_stepped(first, Step(1, 120, 390))
    assert text_on(console) == ""
    now[0] += SILENCE_S
    display.job_stepped(first, Step(1, 240, 390))
    assert text_on(console) == "running  trial-0 epoch 1 of 3, step 240 of 390; trial-1 0 of 3 epochs\n"
    display.job_stepped(second, Step(1, 9, 390))
    now[0] += SILENCE_S - 1
    display.job_stepped(second, Step(1, 99, 390))
    assert text_on(console).count("running") == 1
    now[0] += 1
    display.job_stepped(second, Step(1, 100, 390))
    assert (
        text_on(console).splitlines()[1] == "running  trial-0 epoch 1 of 3, step 240 of 390; trial-1 epoch 1 of 3, step 100 of 390"
    )


def test_where_no_step_is_known_epochs_are_told(tmp_path):
    display, now, console, session = shown(tmp_path)
    first, _ = session.next_job(), session.next_job()
    now[0] += SILENCE_S
    display.job_progressed(first, session.study.baseline.result)
    assert text_on(console) == "running  trial-0 3 of 3 epochs; trial-1 0 of 3 epochs\n"


def test_what_ends_breaks_the_silence(tmp_path):
    display, now, console, session = shown(tmp_path)
    first, second = session.next_job(), session.next_job()
    now[0] += SILENCE_S - 1
    session.plan.finish(first, train(first, session.plan))
    now[0] += 2
    display.job_stepped(second, Step(1, 5, 9))
    assert "running" not in text_on(console)


def test_the_bar_moves_within_an_epoch_and_forgets_a_step_of_an_epoch_that_has_ended(tmp_path):
    display, _, console, session = shown(tmp_path)
    job = session.next_job()
    display.job_stepped(job, Step(1, 5, 9))
    console.print(display._table())
    assert "0/3, step 5/9" in text_on(console)
    one = session.study.baseline.result.model_copy(update={"history": session.study.baseline.result.history[:1]})
    display.job_progressed(job, one)
    console.print(display._table())
    assert text_on(console).count("step 5/9") == 1
