import io

from rich.console import Console

from fairtune.datasets import Progress
from fairtune.report.decoding import progress_bars
from tests.consoles import text_on


def shown(*steps, terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, highlight=False)
    with progress_bars(console) as report:
        for step in steps:
            report(Progress(*step))
    return text_on(console)


def test_a_terminal_shows_how_far_each_part_is():
    text = shown(("train", 0, 20), ("train", 10, 20), ("train", 20, 20), ("test", 5, 10), terminal=True)
    assert "decoding train" in text
    assert "20/20" in text
    assert "5/10" in text
    assert " samples/" in text


def test_a_log_file_is_left_alone():
    assert shown(("train", 0, 20), ("train", 20, 20), terminal=False) == ""
