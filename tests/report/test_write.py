import shutil

import pandas as pd
import pytest
from safetensors.torch import load_file

from fairtune.files import remove
from fairtune.metrics import SCORES
from fairtune.report import write_report
from fairtune.report.write import report_files
from fairtune.study.choice import CHOSEN, Choice
from fairtune.study.key import JobKey
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


def test_the_net_that_is_kept_is_the_one_that_was_tested(mixed):
    handed = write(mixed).handed
    assert str(handed.job) in {"final-chosen-1", "final-fairest-1", "final-most_accurate-1", "final-baseline-1"}
    final = mixed.study.finals[handed.job]
    assert mixed.folder.chosen.read_result() == final
    assert handed.test["deo_m"].values == (final.test["deo_m"],)
    assert handed.test["accuracy"].mean in write(mixed).confirmed["chosen"].test["accuracy"].values
    cells = {(cell.y, cell.a): cell for cell in handed.cells}
    hard = final.test_counts.hard
    assert {key: (cell.samples, cell.accuracy) for key, cell in cells.items()} == {
        (y, a): (hard[a, y].sum(), hard[a, y, y] / hard[a, y].sum()) for a in (0, 1) for y in range(10)
    }
    assert all(cell.low <= cell.accuracy <= cell.high for cell in handed.cells)
    kept, trained = load_file(mixed.folder.chosen.weights), load_file(mixed.folder.job(handed.job, final.spec).weights)
    assert all(kept[name].equal(trained[name]) for name in trained)


@pytest.fixture
def copied(mixed, tmp_path):
    shutil.copytree(mixed.place.runs, tmp_path / "runs")
    return Session(mixed.spec, mixed.place.model_copy(update={"runs": str(tmp_path / "runs")}))


def test_another_choice_never_has_the_net_of_the_one_before(copied):
    shutil.rmtree(copied.folder.path / "finals")
    remove(copied.folder.chosen.weights)
    before = write(copied).chosen.number
    assert copied.folder.chosen.read_result() == copied.folder.trial(before).read_result()
    (other,) = {0, 3} - {before}
    copied.study.keep_choice(Choice({CHOSEN: other}, copied.spec.limits))
    remove(copied.folder.trial(other).weights)
    assert write(copied).handed is None
    assert not copied.folder.chosen.weights.exists()
    copied.study.keep_choice(Choice({CHOSEN: before}, copied.spec.limits))
    for _ in range(2):
        write(copied)
        assert copied.folder.chosen.has_weights()
        remove(copied.folder.trial(before).weights)


def test_a_run_that_kept_no_net_of_a_retraining_hands_over_the_trial_and_says_so(copied):
    shutil.rmtree(copied.folder.path / "finals")
    remove(copied.folder.chosen.weights)
    summary = write(copied)
    assert (summary.handed.job, summary.handed.test, summary.handed.cells) == (JobKey.trial(summary.chosen.number), {}, ())
    assert summary.handed.why.startswith("the trial itself")


def test_what_was_handed_over_stays_where_retrainings_are_cleared_away(copied):
    before = write(copied).handed.model_dump_json()
    shutil.rmtree(copied.folder.path / "finals")
    assert write(copied).handed.model_dump_json() == before
    assert copied.folder.chosen.has_weights()


def test_no_model_is_kept_where_none_is_chosen(infeasible):
    write(infeasible)
    assert not infeasible.folder.chosen.path.exists()
