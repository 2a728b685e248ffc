import io

import pytest
from rich.console import Console

from fairtune.report import progress as module
from fairtune.report.progress import format_left, format_rate, is_live, progress
from tests.consoles import text_on


@pytest.mark.parametrize(
    ("per_s", "text"), [(2.54, "2.5 trials/s"), (1234, "1,234 trials/s"), (0.125, "7.5 trials/min"), (1 / 900, "4.0 trials/h")]
)
def test_a_rate_is_told_in_the_unit_that_fits(per_s, text):
    assert format_rate(per_s, "trials") == text


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s left"), (119, "119 s left"), (180, "3 min left"), (9000, "2 h left")])
def test_what_is_left_is_told_in_the_unit_that_fits(seconds, text):
    assert format_left(seconds) == text


def test_a_bar_has_a_rate_and_the_time_left():
    now = [0.0]
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    bars = progress(console, "samples")
    bars.get_time = lambda: now[0]
    task = bars.add_task("decoding train", total=100)
    for done in (10, 20, 30):
        now[0] += 1
        bars.update(task, completed=done)
    console.print(bars.make_tasks_table(bars.tasks))
    text = text_on(console)
    assert "decoding train" in text
    assert "30/100" in text
    assert "10.0 samples/s, 7 s left" in text


def test_a_notebook_shows_bars_if_it_can(monkeypatch):
    notebook = Console(file=io.StringIO(), force_jupyter=True)
    for there in (True, False):
        monkeypatch.setattr(module, "find_spec", lambda name, there=there: object() if there else None)
        assert is_live(notebook) is there
    assert is_live(Console(file=io.StringIO(), force_terminal=True))
    assert not is_live(Console(file=io.StringIO()))
