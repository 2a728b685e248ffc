"""A baseline that one search has retrained and tested is known to the others beside it."""

import io

import pytest
from rich.console import Console

from fairtune.files import remove
from fairtune.report import write_report
from fairtune.report.terminal import SearchDisplay
from fairtune.training.folder import baseline_folder
from tests.search_helpers import Session, Watcher, run_small, small_search


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    run_small(folder, name="first", method="ss", trials=1, final_seeds=2)
    return folder


def finals_of(session):
    return {str(key): result for key, result in session.study.finals.items()}


def test_its_retrainings_are_taken_with_their_nets_and_cost_what_they_did(runs):
    shown, watcher = io.StringIO(), Watcher()
    spec, place = small_search(runs, name="second", method="reweight", trials=1, final_seeds=2)
    display = SearchDisplay(Console(file=shown, width=200, markup=False), spec, [])
    second = Session(spec, place, observers=[watcher, display]).run()
    first = Session(*small_search(runs, name="first", method="ss", trials=1, final_seeds=2))
    assert second.keys == ["trial-0", "final-chosen-1", "final-chosen-2"]
    for key in ("final-baseline-1", "final-baseline-2"):
        found, trained = finals_of(second)[key], finals_of(first)[key]
        assert found.taken_from == f"first/{key}"
        assert found.model_copy(update={"taken_from": None}) == trained
        assert f"{key}  accuracy" in shown.getvalue()
    assert shown.getvalue().count("known from first/final-baseline-") == 2
    assert second.folder.final("baseline", 1).has_weights()
    assert not second.folder.final("baseline", 2).has_weights(), "of several nets the first is kept, as ever"
    cost = write_report(spec, place, second.study).cost
    assert (cost.confirmations, cost.confirmation_epochs) == (4, 8)


@pytest.mark.parametrize(
    "options", [{"final_seeds": 3, "seed": 2}, {"epochs": 3, "final_seeds": 1}, {"post_process": "baseline", "final_seeds": 1}]
)
def test_of_other_seeds_or_trainings_or_questions_nothing_is_taken(runs, options):
    session = Session(*small_search(runs, name="-".join(options), method="ss", trials=1, **options)).run()
    assert {result.taken_from for result in session.study.finals.values()} == {None}


def test_once_its_decisions_were_moved_they_are_taken_too(tmp_path):
    options = {"method": "ss", "trials": 1, "final_seeds": 1, "post_process": "baseline"}
    first, second = (run_small(tmp_path, name=name, **options) for name in ("first", "second"))
    assert finals_of(first)["final-baseline-1"].moved
    assert finals_of(second)["final-baseline-1"].moved == finals_of(first)["final-baseline-1"].moved


def test_a_search_that_moves_no_decisions_says_the_same_whatever_lies_beside_it(tmp_path):
    options = {"method": "ss", "trials": 1, "final_seeds": 1}
    moves = run_small(tmp_path, name="moves", **options, post_process="baseline")
    assert finals_of(moves)["final-baseline-1"].moved
    beside, alone = run_small(tmp_path, **options), run_small(tmp_path / "alone", **options)
    assert finals_of(beside)["final-baseline-1"].taken_from == "moves/final-baseline-1"
    told = [write_report(session.spec, session.place, session.study).untrained for session in (beside, alone)]
    assert told == [[], []]
    assert finals_of(run_small(tmp_path, name="moves-too", **options, post_process="baseline"))["final-baseline-1"].moved


def test_of_two_that_were_trained_side_by_side_the_first_stays(tmp_path, monkeypatch):
    options = {"method": "ss", "trials": 1, "final_seeds": 1}
    first = run_small(tmp_path, name="first", **options)
    shared = baseline_folder(tmp_path, first.spec.baseline(1))
    with monkeypatch.context() as before_either_had_ended:
        before_either_had_ended.setattr("fairtune.search.plan.take_tested", lambda *_: None)
        second = run_small(tmp_path, name="second", **options)
    assert "final-baseline-1" in second.keys
    assert shared.read_tested().taken_from == "first/final-baseline-1"
    run_small(tmp_path, name="third", **options, post_process="baseline")
    assert shared.read_tested().taken_from == "third/final-baseline-1", "the first has not what others may ask for"


@pytest.mark.parametrize("file", ["tested", "tested_weights"])
def test_what_is_torn_is_trained_again(tmp_path, file):
    options = {"method": "ss", "trials": 1, "final_seeds": 1}
    first = run_small(tmp_path, name="first", **options)
    shared = baseline_folder(tmp_path, first.spec.baseline(1))
    path = getattr(shared, file)
    path.write_bytes(path.read_bytes()[:-1])
    assert "final-baseline-1" in run_small(tmp_path, name="second", **options).keys
    remove(path)
    assert shared.read_tested() is None
