"""Whoever searches under ``--protocol official`` sees what that set, and what is not as the authors have it."""

import io
from pathlib import Path

from rich.console import Console

from fairtune.report.making import facts_of
from fairtune.report.material import gather
from fairtune.report.official import official_rows, print_official
from fairtune.report.terminal import print_header
from fairtune.spec import Authors
from fairtune.study.summary import summarise
from fairtune.training.data import open_data
from tests.consoles import text_on
from tests.search_helpers import run_small, small_search

PAPER = "A. Nobody, 2026"
AUTHORS = Authors(
    paper=PAPER, sets={"--epochs": "9", "--set optimizer.lr": "0.1"}, overruled={"--batch-size": "7"}, differs=("no crop",)
)


def log():
    return Console(file=io.StringIO(), width=400)


def searched(runs):
    spec, place = small_search(runs, method="ss,gap", trials=1)
    unknown = Authors(differs=("no crop",))
    return spec.model_copy(update={"authors": {"ss": AUTHORS, "gap": unknown}}), place


def test_the_header_says_what_was_set_and_what_differs(tmp_path):
    spec, place = searched(tmp_path)
    data, console = open_data(spec.plain(), Path(place.data)), log()
    print_header(console, spec, place, data.info, {"train": data.train.cells, "validation": data.validation.cells})
    said = [line.strip().split(maxsplit=1) for line in text_on(console).splitlines()]
    assert ["official", f"ss as {PAPER}: --epochs 9, --set optimizer.lr 0.1"] in said
    assert [rest for title, rest in (pair for pair in said if len(pair) == 2) if title == "but"] == [
        "ss: --batch-size: theirs is 7",
        "ss, gap: no crop",
    ]


def test_under_another_protocol_nothing_is_said(tmp_path):
    spec, _ = small_search(tmp_path)
    assert list(official_rows(spec)) == []


def test_a_single_training_says_it_too(tmp_path):
    console = log()
    print_official(console, searched(tmp_path)[0])
    assert text_on(console).splitlines() == [
        f"official: ss as {PAPER}: --epochs 9, --set optimizer.lr 0.1",
        "but: ss: --batch-size: theirs is 7",
        "but: ss, gap: no crop",
    ]


def test_the_page_has_tables_of_both_and_the_summary_the_record(tmp_path):
    session = run_small(tmp_path, method="ss", trials=1, epochs=1)
    spec = session.spec.model_copy(update={"authors": {"ss": AUTHORS}})
    summary = summarise(spec, session.place, session.study)
    assert summary.spec.authors == {"ss": AUTHORS}
    tables = {facts.title: facts.rows for facts in facts_of(gather(spec, session.place, session.study, summary))}
    assert tables["As the authors trained"] == [("ss", "--epochs", "9", PAPER), ("ss", "--set optimizer.lr", "0.1", PAPER)]
    assert tables["Not as the authors trained"] == [("ss: --batch-size: theirs is 7",), ("ss: no crop",)]
