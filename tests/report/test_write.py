import shutil

import pandas as pd
import pytest
from safetensors.torch import load_file

from fairtune.files import remove
from fairtune.metrics import SCORES
from fairtune.report import write_report
from fairtune.report.write import report_files
from fairtune.study.choice import CHOSEN, Choice
from tests.search_helpers import Session

pytestmark = pytest.mark.usefixtures("trained_once")


def write(session):
    return write_report(session.spec, session.place, session.study)


def test_every_file_is_there(any_search):
    write(any_search)
    files = report_files(any_search.folder)
    assert [file.name for file in files] == ["summary.json", "report.html", "front.png", "trials.csv"]
    assert all(file.stat().st_size > 0 for file in files)
    assert any_search.folder.figure.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_writing_it_again_changes_nothing(any_search):
    write(any_search)
    kept = ("summary", "table", "page")
    before = {name: getattr(any_search.folder, name).read_bytes() for name in kept}
    write(any_search)
    assert {name: getattr(any_search.folder, name).read_bytes() for name in kept} == before


def test_the_table_has_a_row_for_each_trial(mixed):
    write(mixed)
    table = pd.read_csv(mixed.folder.table)
    assert list(table["number"]) == [0, 1, 2, 3]
    assert list(table["state"]) == ["complete", "failed", "failed", "complete"]
    assert list(table["mfd.weight"]) == [1, 1e39, 2, 4]
    assert list(table["feasible"].isna()) == [False, True, True, False]
    assert list(table.loc[table["front"], "number"]) == sorted(write(mixed).front)


def test_the_table_has_every_score_that_the_data_have(mixed):
    write(mixed)
    table = pd.read_csv(mixed.folder.table)
    val = mixed.trials[3].result.val
    assert [name for name in SCORES if name in table.columns] == [name for name in SCORES if name in val]
    assert table.loc[3, "sigma_iou"] == pytest.approx(val["sigma_iou"])
    assert "equal_opportunity" not in table.columns


def test_the_chosen_model_is_kept_with_its_result(mixed):
    number = write(mixed).chosen.number
    assert mixed.folder.chosen.read_result() == mixed.folder.trial(number).read_result()
    kept, trained = load_file(mixed.folder.chosen.weights), load_file(mixed.folder.trial(number).weights)
    assert all(kept[name].equal(trained[name]) for name in trained)


def test_another_choice_never_has_the_net_of_the_one_before(mixed, tmp_path):
    shutil.copytree(mixed.place.runs, tmp_path / "runs")
    again = Session(mixed.spec, mixed.place.model_copy(update={"runs": str(tmp_path / "runs")}))
    before = write(again).chosen.number
    (other,) = {0, 3} - {before}
    again.study.keep_choice(Choice({CHOSEN: other}, again.spec.limits))
    remove(again.folder.trial(other).weights)
    write(again)
    assert again.folder.chosen.read_result() == again.folder.trial(other).read_result()
    assert not again.folder.chosen.weights.exists()
    again.study.keep_choice(Choice({CHOSEN: before}, again.spec.limits))
    for _ in range(2):
        write(again)
        assert again.folder.chosen.has_weights()
        remove(again.folder.trial(before).weights)


def test_no_model_is_kept_where_none_is_chosen(infeasible):
    write(infeasible)
    assert not infeasible.folder.chosen.path.exists()
