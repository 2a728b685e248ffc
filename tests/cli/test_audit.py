"""``fairtune audit`` and ``fairtune compare`` as they are typed."""

import json

import pandas as pd
import pytest
from typer.testing import CliRunner

from fairtune.cli.main import app
from fairtune.study.audit import choices_of
from fairtune.study.study import SearchStudy
from fairtune.study.summary import summarise
from tests.search_helpers import run_small, trained_once


def call(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, " ".join((result.stdout + result.stderr).split())


def test_a_file_is_audited_by_the_columns_that_are_named(tmp_path):
    file = tmp_path / "given.csv"
    rows = [("a", "a", "x", "1"), ("a", "b", "y", "1"), ("b", "b", "x", "2"), ("b", "b", "y", "2")] * 30
    pd.DataFrame(rows, columns=["truth", "answer", "sex", "age"]).to_csv(file, index=False)
    options = ["--label", "truth", "--prediction", "answer", "--group", "sex", "--group", "age", "--out", tmp_path / "out"]
    code, said = call("audit", file, *options)
    assert code == 0, said
    assert "120 samples of 2 classes" in said
    kept = json.loads((tmp_path / "out" / "audit.json").read_text())
    assert kept["by"]["sex"]["scores"]["deo_m"]["value"] == 1
    assert list(kept["by"]) == ["sex", "age", "sex x age"]


def test_what_is_neither_a_run_nor_a_file_is_refused(tmp_path):
    assert call("audit", tmp_path / "none.csv")[0] == 2
    code, said = call("audit", tmp_path, "--label", "truth")
    assert (code, "--label: columns are those of a file" in said) == (2, True)
    code, said = call("audit", tmp_path)
    assert (code, "holds no search" in said) == (2, True)


def test_one_run_is_not_compared(searched):
    code, said = call("compare", searched.folder.path)
    assert (code, "give two runs or more, each once: searched" in said) == (2, True)


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    with trained_once():
        return run_small(tmp_path_factory.mktemp("audited"), name="searched", trials=4, final_seeds=1)


@pytest.mark.ray
def test_a_run_is_audited_on_ray_and_the_second_time_at_once(searched):
    code, said = call("audit", searched.folder.path)
    assert code == 0, said
    study = SearchStudy(searched.folder.study, searched.spec)
    finals = dict(study.finals)
    chosen = {choice.trial for choice in choices_of(study, summarise(searched.spec, searched.place, study))} - {None}
    kept = json.loads((searched.folder.path / "audit.json").read_text())
    assert {setting["trial"] for setting in kept["settings"]} == chosen | {None}
    assert call("audit", searched.folder.path)[0] == 0
    assert dict(SearchStudy(searched.folder.study, searched.spec).finals) == finals
