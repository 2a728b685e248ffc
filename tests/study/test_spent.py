"""What small searches took, the plain baseline told apart."""

import pytest

from fairtune.report import benchmark, comparison
from fairtune.spec import Brief
from fairtune.study.benchmark import compare_methods
from fairtune.study.comparison import Search, compare_searches
from fairtune.study.spent import Spent, _sum, spent
from fairtune.study.summary import summarise
from tests.search_helpers import run_small, trained_once


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    runs = tmp_path_factory.mktemp("spent")
    with trained_once():
        sessions = [
            run_small(runs, name="once", method="reweight", trials=1, final_seeds=2),
            run_small(runs, name="often", method="ss", trials=1, final_seeds=2, seeds_per_trial=3, validation_folds=2),
        ]
    return [Search(one.spec, one.place, one.study) for one in sessions]


def test_every_training_is_the_method_s_or_the_baseline_s(searches):
    for spec, place, study, _ in searches:
        took, cost = spent(spec, place, study), summarise(spec, place, study).cost
        epochs = cost.baseline_epochs + cost.epochs + cost.repeat_epochs + cost.confirmation_epochs
        seconds = cost.baseline_s + cost.trial_s + cost.repeat_s + cost.confirmation_s
        assert took.own.epochs + took.baseline.epochs == epochs
        assert took.own.seconds + took.baseline.seconds == pytest.approx(seconds)
        assert took.own.trainings + took.baseline.trainings == 1 + 1 + cost.repeats + cost.confirmations
        assert took.own.gpu_s == took.baseline.gpu_s == 0


def test_a_comparison_tells_seeds_and_retrainings_and_the_baseline_apart(searches):
    once, often = compare_searches(searches).searches
    assert once.cost.epochs == 2 + 2 * 2, "a trial, and two retrainings"
    assert often.cost.epochs == 3 * 2 + 2 * 2, "two more seeds of it"
    assert (once.baseline.epochs, often.baseline.epochs) == (2 + 2 * 2, 2 + 2 + 2 * 2), "the second fold has one of its own"
    table = comparison.told(compare_searches(searches)).tables[0]
    assert dict(zip(table.columns, table.rows[1], strict=True))["epochs"] == "10"


def test_so_does_one_of_methods(searches):
    found = compare_methods(searches)
    assert any("differ in their validation folds" in said for said in benchmark.told(found).sentences)
    costs = {one.name: one.cost for one in found.blocks[0].entrants if one.kind != "thresholds"}
    assert {name: cost.epochs for name, cost in costs.items()} == {"reweight": 6, "ss": 10, "baseline": 6}
    assert all(cost.seconds > 0 for cost in costs.values())
    assert {one.cost for one in found.blocks[0].entrants if one.kind == "thresholds"} <= {Spent()}
    (table,) = (one for one in benchmark.told(found).tables if one.title.endswith("choices"))
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert [rows[name]["epochs"] for name in ("reweight", "ss", "baseline")] == ["6", "10", "6"]


def test_a_training_takes_the_gpus_that_it_had(searches):
    place = searches[0].place.model_copy(update={"gpus_per_trial": 1})
    known = Brief(id="known", state="complete", epochs=2, seconds=10, gpus=0.5)
    earlier = Brief(id="earlier", state="failed", epochs=1, seconds=4)
    assert _sum([known, earlier], place) == Spent(trainings=2, epochs=3, seconds=14, gpu_s=5 + 4)
