"""Whether searches on the same data can be told apart."""

from __future__ import annotations

from collections.abc import Sequence

from fairtune.errors import InvalidInput
from fairtune.pipeline.rows import Outcome
from fairtune.report.comparison import told
from fairtune.report.text_table import TextTable
from fairtune.study.comparison import Search, compare_searches
from fairtune.study.folders import database_of
from fairtune.study.study import SearchStudy


def compare(outcomes: Sequence[Outcome]) -> list[TextTable]:
    """What ``fairtune compare`` says, of the searches on each data: its sentences and its tables."""
    blocks: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        blocks.setdefault(outcome.planned.named.data, []).append(outcome)
    return [table for data, own in blocks.items() if len(own) > 1 for table in _compared(data, own)]


def _compared(data: str, outcomes: Sequence[Outcome]) -> list[TextTable]:
    places = [(outcome.planned.spec, outcome.planned.place) for outcome in outcomes]
    title = f"Statistics{f', {data}' if data else ''}"
    try:
        found = compare_searches([Search(spec, place, SearchStudy(database_of(place), spec)) for spec, place in places])
    except InvalidInput as error:
        return [TextTable(title, ["finding"], [[str(error)]])]
    said = told(found)
    return [TextTable(title, ["finding"], [[sentence] for sentence in said.sentences]), *said.tables]
