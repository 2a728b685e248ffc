"""``docs/summary.md`` says what the schema says, no less and no more."""

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from fairtune.metrics import SCORES, CellScore, Difference, Interval
from fairtune.space import Integer, Options, OptionsOrFile, Real, Space
from fairtune.spec import Authors, Optimizer, Place, PlugIn, SearchSpec, Stop
from fairtune.study.band import Band, Rectangle
from fairtune.study.chances import Chance
from fairtune.study.handed import Handed
from fairtune.study.opening import Opening
from fairtune.study.summary import Baseline, Chosen, Confirmed, Cost, Summary, Trial
from fairtune.study.untrained import Point, Untrained

DOCS = (Path(__file__).parents[2] / "docs" / "summary.md").read_text()
SECTIONS: dict[str, list[type[BaseModel]]] = {
    "`summary`": [Summary],
    "`baseline`": [Baseline],
    "`trials[]`": [Trial],
    "`trials[].stopped`": [Stop],
    "`chosen`": [Chosen],
    "`confirmed.ROLE`": [Confirmed],
    "`confirmed.ROLE.test.SCORE`": [Interval],
    "`against_baseline.SCORE`": [Difference],
    "`untrained[]`": [Untrained],
    "`untrained[].front[]`": [Point],
    "`handed`": [Handed],
    "`handed.cells[]`": [CellScore],
    "`chances[]`": [Chance],
    "`band`": [Band],
    "`band.rectangles[]`": [Rectangle],
    "`cost`": [Cost],
    "`test_opened[]`": [Opening],
    "`spec`": [SearchSpec],
    "`spec.dataset`, `spec.model`, `spec.teacher_dataset`, `spec.teacher_model`": [PlugIn],
    "`spec.spaces.METHOD`": [Space],
    "`spec.spaces.METHOD.search.NAME`": [Real, Integer, Options, OptionsOrFile],
    "`spec.authors.METHOD`": [Authors],
    "`spec.optimizer`, `spec.teacher_optimizer`": [Optimizer],
    "`place`": [Place],
}


def tables():
    """Rows of cells of the first table under each heading, its two lines of head left out."""
    parts = dict(part.split("\n", 1) for part in DOCS.split("\n## ")[1:])
    return {
        title: [row.strip("| ").split(" | ") for row in re.findall(r"^\|.*\|$", text, re.M)][2:] for title, text in parts.items()
    }


def fields(model):
    return [field.alias or name for name, field in model.model_fields.items()]


def test_every_part_of_the_schema_has_its_table_and_there_is_no_other():
    schema = Summary.model_json_schema()
    assert {model.__name__ for models in SECTIONS.values() for model in models} == {"Summary", *schema["$defs"]}
    assert [title for title, rows in tables().items() if rows] == [*SECTIONS, "Scores"]


@pytest.mark.parametrize("title", SECTIONS)
def test_every_field_stands_in_its_table_and_no_other(title):
    documented = [row[0].strip("`") for row in tables()[title]]
    assert sorted(documented) == sorted({name for model in SECTIONS[title] for name in fields(model)})


def test_every_score_stands_in_its_table_as_it_says_of_itself():
    documented = {row[0].strip("`"): row[1:] for row in tables()["Scores"]}
    said = {name: [score.better, score.range, score.interval, score.summary] for name, score in SCORES.items()}
    assert documented == {name: said[name] for name in SCORES if name in documented}
    assert set(documented) > {"accuracy", "deo_m", "deo_a", "auc", "loss", "mutual_information"}
