"""What the fronts of several seeds attain; scores that are made up, and two searches that differ in their seed."""

import math

import pytest

from fairtune.metrics import Interval
from fairtune.report.attainment import search_charts, seed_charts, tell_attainment
from fairtune.report.benchmark import told
from fairtune.report.chart import Area, Line
from fairtune.report.figure import draw
from fairtune.report.svg import draw_svg
from fairtune.study.attainment import attainment, of_retrainings, of_searches, of_trials, pair_of
from fairtune.study.benchmark import Benchmark, compare_methods
from fairtune.study.comparison import Search
from fairtune.study.summary import Confirmed, summarise
from tests.search_helpers import run_small, trained_once

PAIR = ("deo_m", "accuracy")


def over(*values):
    return Interval(mean=0.5, std=0.1, low=0, high=1, values=values)


def confirmed(number, seeds, deo_m, accuracy):
    return Confirmed(number=number, seeds=seeds, failed_seeds=[], test={"deo_m": over(*deo_m), "accuracy": over(*accuracy)})


@pytest.fixture
def summary(mixed):
    found = summarise(mixed.spec, mixed.place, mixed.study)
    roles = {
        "baseline": confirmed(None, [1, 2, 3], (0, 0, 0), (1, 1, 1)),
        "chosen": confirmed(0, [1, 2, 3, 4], (0.1, 0.2, 0.15, 0.3), (0.8, 0.7, 0.75, 0.6)),
        "fairest": confirmed(0, [1, 2, 3, 4], (0.1, 0.2, 0.15, 0.3), (0.8, 0.7, 0.75, 0.6)),
        "most_accurate": confirmed(1, [1, 2, 4], (0.4, 0.3, 0.5), (0.9, 0.95, 0.85)),
    }
    return found.model_copy(update={"confirmed": roles})


def test_of_retrainings_the_seeds_that_all_have_are_fronts_and_the_baseline_is_none_of_them(summary):
    found = of_retrainings(summary)
    assert (found.pair, found.fronts) == (PAIR, 3)
    assert found.best == ((0.1, 0.8), (0.3, 0.95))
    assert found.median == ((0.2, 0.7), (0.3, 0.8), (0.4, 0.9))
    assert found.worst == ((0.3, 0.6), (0.5, 0.85))


def test_of_trials_each_seed_is_a_front(summary):
    trials = [one.model_copy() for one in summary.trials]
    trials[0].intervals = {"deo_m": over(0.1, 0.3), "accuracy": over(0.8, 0.7)}
    trials[1].intervals = {"deo_m": over(0.2, 0.4), "accuracy": over(0.9, 0.85)}
    several = summary.model_copy(update={"trials": trials, "front": [0, 1]})
    assert of_trials(several).worst == ((0.3, 0.7), (0.4, 0.85))
    trials[1].failed_seeds = 1
    assert of_trials(several) is None, "it is not kept which one"
    assert of_trials(summary) is None, "one seed has no surfaces"


def test_a_seed_without_a_score_is_no_front(summary):
    summary.confirmed["most_accurate"].test["deo_m"] = over(0.4, math.nan, 0.5)
    assert of_retrainings(summary).fronts == 2
    summary.confirmed["most_accurate"] = summary.confirmed["most_accurate"].model_copy(update={"seeds": [], "test": {}})
    assert of_retrainings(summary).fronts == 4, "of a setting whose seeds all failed nothing is known"


def test_an_empty_front_is_a_front(summary):
    bare = summary.model_copy(update={"front": []})
    (found,) = of_searches([summary, bare])
    assert found.fronts == 2
    assert found.worst == ()
    assert found.best == found.median
    assert attainment("none", PAIR, [[], []]) is None
    rare = attainment("one", PAIR, [[(0.1, 0.8)], [], []])
    assert rare is not None
    assert "fewer than half attain anything" in tell_attainment(rare)


def test_searches_that_differ_in_more_than_their_seed_are_no_repetitions(summary):
    spec = summary.spec
    again = summary.model_copy(update={"spec": spec.model_copy(update={"seed": spec.seed + 1, "trials": spec.trials + 1})})
    longer = summary.model_copy(update={"spec": spec.model_copy(update={"epochs": spec.epochs + 1})})
    assert [found.fronts for found in of_searches([summary, again, longer])] == [2]


def test_scores_that_fronts_stand_in(mixed, by_iou, by_three):
    pairs = [pair_of(summarise(one.spec, one.place, one.study)) for one in (mixed, by_iou, by_three)]
    assert pairs == [PAIR, ("sigma_iou", "accuracy"), PAIR]


def test_the_page_draws_median_and_area(summary):
    (chart,) = seed_charts(summary)
    area, median = chart.marks
    assert isinstance(area, Area)
    assert isinstance(median, Line)
    steps = [(0.2, 0.6), (0.2, 0.7), (0.3, 0.7), (0.3, 0.8), (0.4, 0.8), (0.4, 0.9), (0.5, 0.9)]
    assert list(zip(median.x, median.y, strict=True)) == steps
    assert chart.table["surface"].value_counts().to_dict() == {"best": 2, "median": 3, "worst": 2}
    assert "half of them attain accuracy 0.7000 with DEO_M 0.2000 and accuracy 0.9000 with DEO_M 0.4000" in chart.alt
    assert draw_svg(chart).count('class="area') == 1
    draw([chart])


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    runs = tmp_path_factory.mktemp("repeated")
    with trained_once():
        given = {"trials": 2, "final_seeds": 2, "sampler": "random", "accuracy_floor": "teacher-0.3", "post_process": "none"}
        sessions = [run_small(runs, name=f"seed-{seed}", seed=seed, **given) for seed in (0, 1)]
    return [Search(one.spec, one.place, one.study) for one in sessions]


def test_searches_of_other_seeds_are_compared_by_what_they_attain(repeated):
    found = compare_methods(repeated)
    (surfaces,) = found.attainments["digits"]
    assert (surfaces.of, surfaces.fronts) == ("mfd", 2)
    fronts = []
    for search in repeated:
        summary = summarise(search.spec, search.place, search.study)
        fronts.append([[summary.trials[number].score(name) for name in PAIR] for number in summary.front])
    assert surfaces == attainment("mfd", PAIR, fronts)
    (chart,) = search_charts(found)
    assert chart.name == "attained-digits-accuracy-deo-m"
    assert any(
        said.startswith("fronts on validation, digits: mfd, 2 fronts: half of them attain") for said in told(found).sentences
    )
    assert Benchmark.model_validate_json(found.model_dump_json(by_alias=True)).attainments == found.attainments
