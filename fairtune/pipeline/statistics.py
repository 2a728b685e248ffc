"""Whether methods can be told apart, on each data and over all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fairtune.errors import InvalidInput
from fairtune.pipeline.rows import Outcome
from fairtune.report.attainment import search_charts
from fairtune.report.benchmark import told
from fairtune.report.chart import Chart
from fairtune.report.ranks import benchmark_charts
from fairtune.report.text_table import TextTable
from fairtune.study.benchmark import compare_methods
from fairtune.study.comparison import Search
from fairtune.study.folders import database_of
from fairtune.study.study import SearchStudy


class Statistics(NamedTuple):
    """What statistics say of some searches."""

    tables: Sequence[TextTable] = ()
    charts: Sequence[Chart] = ()


def compare(outcomes: Sequence[Outcome]) -> Statistics:
    """What ``fairtune compare`` says of methods, each searched once on each data: its sentences, tables and figures."""
    searches = []
    for outcome in outcomes:
        spec, place = outcome.planned.spec, outcome.planned.place
        searches.append(Search(spec, place, SearchStudy(database_of(place), spec), outcome.summary))
    try:
        found = compare_methods(searches)
    except InvalidInput as error:
        return Statistics([TextTable("statistics", ["finding"], [[str(error)]])])
    said = told(found)
    findings = TextTable("statistics", ["finding"], [[sentence] for sentence in said.sentences])
    return Statistics([findings, *said.tables], [*benchmark_charts(found), *search_charts(found)])
