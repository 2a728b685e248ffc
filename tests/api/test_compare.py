"""Runs compared by their folders."""

import io

import pytest
from rich.console import Console

from fairtune.api.compare import compare_runs
from fairtune.errors import InvalidInput
from tests.search_helpers import run_small, trained_once


@pytest.fixture(scope="module")
def namesakes(tmp_path_factory):
    """One method on two data sets, each in a folder of its own under the same name."""
    folders = []
    with trained_once():
        for dataset, setting in (("digits", []), ("synthetic", ["samples=400", "size=8"])):
            runs = tmp_path_factory.mktemp("runs")
            folders.append(run_small(runs, name="same", method="reweight", trials=1, dataset=dataset, set=setting).folder.path)
    return folders


def test_runs_of_several_data_sets_may_have_one_name(namesakes):
    found = compare_runs(namesakes, Console(file=io.StringIO()))
    assert [(block.dataset, block.searches[0].name) for block in found.blocks] == [("digits", "same"), ("synthetic", "same")]


def test_a_run_is_given_once(namesakes):
    with pytest.raises(InvalidInput, match="give two runs or more, each once: same, same"):
        compare_runs([*namesakes, namesakes[0]], Console(file=io.StringIO()))
