"""Methods compared over two small data sets."""

import itertools
import math

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, rank, signed_ranks
from fairtune.report.benchmark import told
from fairtune.report.figure import draw
from fairtune.report.ranks import benchmark_charts
from fairtune.report.svg import draw_svg
from fairtune.spec import Moved
from fairtune.study.benchmark import Benchmark, compare_methods
from fairtune.study.choice import BASELINE
from fairtune.study.comparison import Search
from fairtune.study.entrants import Entrant
from fairtune.study.spent import Spent
from fairtune.study.study import SearchStudy
from tests.search_helpers import Session, run_small, small_search, trained_once

METHODS = ("ss", "reweight")


@pytest.fixture(scope="module")
def searches(tmp_path_factory):
    runs = tmp_path_factory.mktemp("methods")
    found = []
    with trained_once():
        for skew in (0.8, 0.9):
            for method in METHODS:
                given = {"name": f"{method}-{skew}", "method": method, "trials": 1, "final_seeds": 2, "set": [f"skew={skew}"]}
                session = run_small(runs, post_process="baseline", **given)
                found.append(Search(session.spec, session.place, session.study))
    return found


@pytest.fixture(scope="module")
def found(searches):
    return compare_methods(searches)


def test_every_method_competes_with_the_baseline_and_its_moved_thresholds(found):
    assert found.data == ("digits", "digits (skew=0.9)")
    for block in found.blocks:
        kinds = {one.name: one.kind for one in block.entrants}
        assert kinds == dict.fromkeys(METHODS, "method") | {
            BASELINE: "baseline",
            "shared_thresholds": "thresholds",
            "group_thresholds": "thresholds",
            "drawn_thresholds": "thresholds",
        }
        by_name = {one.name: one for one in block.entrants}
        assert all(one.test["worst_group_accuracy"].mean <= one.test["accuracy"].mean for one in by_name.values())
        pairs = {(one.name, one.reference): one for one in block.against}
        assert ("ss", "ss") not in pairs
        assert {reference for _, reference in pairs} == {
            BASELINE,
            "ss",
            "shared_thresholds",
            "group_thresholds",
            "drawn_thresholds",
        }
        for (name, reference), one in pairs.items():
            means = (by_name[key].test["deo_m"].mean for key in (name, reference))
            assert one.difference.mean == pytest.approx(np.subtract(*means))
            assert one.difference.paired == ("seeds" if reference.endswith("thresholds") else "samples")
            assert math.isnan(one.adjusted) or one.adjusted >= one.difference.p_value


def test_data_sets_are_the_blocks_and_seeds_only_beside_them(found):
    by_unit = {one.unit: one for one in found.ranked if one.score == "deo_m"}
    assert (by_unit["data sets"].ranking.blocks, by_unit["seeds"].ranking.blocks) == (2, 4)
    means = [[one.test["deo_m"].mean for one in block.entrants] for block in found.blocks]
    assert by_unit["data sets"].ranking == rank(np.array(means))
    (one,) = [one for one in found.overall if (one.name, one.reference) == ("reweight", "ss")]
    assert one.p_value == signed_ranks(list(one.differences.values()))
    assert one.better + one.worse <= 2
    assert {one.score for one in found.ranked} == {"deo_m", "accuracy", "worst_group_accuracy"}
    said = " ".join(told(found).sentences)
    assert "2 data sets cannot give less than p = 0.5" in said
    assert "no independent data: it holds for these data sets and settings alone" in said
    assert "the group must be known at prediction" in said
    assert "digits and digits (skew=0.9) share samples: what is said over data sets takes them for independent" in said


def test_rules_choose_among_the_trials_of_all_methods(found, searches):
    for block, own in zip(found.blocks, (searches[:2], searches[2:]), strict=True):
        rules = {one.rule: one for one in block.rules}
        views = [
            (search.place.name, view) for search in own for view in search.study.views() if view.val["accuracy"] >= block.floor
        ]
        most = max(view.val["accuracy"] for _, view in views)
        chosen = rules["accuracy"]
        assert {(name, view.number): view.val["accuracy"] for name, view in views}[chosen.run, chosen.trial] == most
        assert rules["auc"].method is None, "not defined for ten classes"
        assert next(iter(rules)) == own[0].spec.select


def test_what_has_no_choice_is_scored_as_the_baseline(searches):
    none = run_small_without_choice(searches[0])
    block = compare_methods([none, *searches[1:]]).blocks[0]
    by_name = {one.name: one for one in block.entrants}
    assert (by_name["ss"].chosen, by_name["ss"].trial) == (False, None)
    assert by_name["ss"].test == by_name[BASELINE].test


def test_what_gives_every_sample_one_class_is_scored_as_the_baseline_and_named(searches, tmp_path, monkeypatch):
    monkeypatch.setattr("fairtune.training.trial.only_class", lambda counts: None)  # as in runs of earlier versions
    with trained_once():
        alike = run_small(
            tmp_path, method="tests.search.troubled:OneClass", accuracy_floor="0", trials=1, final_seeds=2, set=["skew=0.8"]
        )
    found = compare_methods([Search(alike.spec, alike.place, alike.study), *searches[:2]])
    by_name = {one.name: one for one in found.blocks[0].entrants}
    one = by_name["tests.search.troubled:OneClass"]
    assert (one.chosen, one.collapsed, by_name["ss"].collapsed) == (True, True, False)
    assert one.test == by_name[BASELINE].test
    named = "some net calls every test sample the same: tests.search.troubled:OneClass on digits; "
    assert f"{named}such a method is scored as the baseline" in told(found).sentences


def test_what_was_chosen_and_not_confirmed_does_not_compete_and_is_named(searches, tmp_path):
    with trained_once():
        spec, place = small_search(tmp_path, method="ss", trials=1, final_seeds=2, set=["skew=0.8"])
        stopped = Session(spec, place).run(3)
    assert stopped.study.choice is not None
    assert not stopped.study.complete
    found = compare_methods([Search(stopped.spec, stopped.place, stopped.study), searches[1]])
    assert "ss" not in {one.name for one in found.blocks[0].entrants}
    assert found.partial == ("ss",)
    sentences = told(found).sentences
    assert "not confirmed on every data set, and so not ranked: ss" in sentences
    assert any(said.startswith("ss on digits: its choice #0 is not confirmed and in no difference") for said in sentences)


def test_what_is_confirmed_in_part_is_compared_and_ranked_on_the_seeds_of_all(searches, tmp_path):
    with trained_once():
        spec, place = small_search(tmp_path, method="ss", trials=1, final_seeds=2, set=["skew=0.8"])
        stopped = Session(spec, place).run(4)
    found = compare_methods([Search(stopped.spec, stopped.place, stopped.study), searches[1]])
    (block,) = found.blocks
    assert {one.name: len(one.seeds) for one in block.entrants if one.kind != "thresholds"} == {"ss": 1, "reweight": 2, BASELINE: 2}
    assert len(block.shared_seeds) == 1
    seeds = {(one.name, one.reference): one.difference.seeds for one in block.against}
    assert (seeds["ss", BASELINE], seeds["reweight", BASELINE], seeds["reweight", "ss"]) == (1, 2, 1)
    sentences = told(found).sentences
    assert any(said.startswith("ss on digits: its choice #0 is confirmed on 1 of 2 seeds, and the search") for said in sentences)
    assert "not all are confirmed on the same seeds on digits: differences are of those that both have" in sentences
    assert "ranks are of the seeds that all have who are ranked: 1 of 2 on digits" in sentences


def run_small_without_choice(search):
    """The same search with its choice forgotten."""

    class Undecided(SearchStudy):
        choice = None

    study = Undecided.__new__(Undecided)
    study.__dict__.update(search.study.__dict__)
    return search._replace(study=study)


def test_means_over_seeds_are_the_same_in_whatever_order():
    orders = itertools.permutations((0.1, 0.2, 0.3, 0.7))
    nets = [{seed: Moved.model_construct(test={"deo_m": value}) for seed, value in enumerate(order)} for order in orders]
    entrants = [Entrant("ss", "method", "run", 1, True, False, found, Spent()) for found in nets]
    assert len({one.mean("deo_m", range(4)) for one in entrants}) == 1


@pytest.fixture(scope="module")
def below(tmp_path_factory):
    """Searches that have ended without a trial at their floor, on digits with two skews, and one that has not ended."""
    runs = tmp_path_factory.mktemp("below")
    with trained_once():
        given = {"method": "ss", "trials": 1, "final_seeds": 2}
        none = [run_small(runs, name=f"none-{skew}", accuracy_floor="0.9999", set=[f"skew={skew}"], **given) for skew in (0.8, 0.9)]
        spec, place = small_search(runs, name="stopped", **given | {"method": "reweight"}, set=["skew=0.9"])
        sessions = [*none, Session(spec, place).run(1)]
    return [Search(one.spec, one.place, one.study) for one in sessions]


def test_data_on_which_nothing_was_confirmed_have_a_sentence_and_no_empty_tables(searches, below):
    found = compare_methods([*searches[:2], below[1]])
    said = told(found)
    assert [len(block.entrants) for block in found.blocks] == [6, 0]
    assert {table.title.split(":")[0] for table in said.tables} == {"digits"}
    assert all(table.rows for table in said.tables)
    assert "ss on digits (skew=0.9): no trial reached the floor" in said.sentences
    assert [chart.name for chart in benchmark_charts(found)] == ["methods-digits-0"]


def test_where_nothing_was_confirmed_it_is_said_why_and_only_what_has_not_ended_is_to_be_resumed(below):
    with pytest.raises(InvalidInput) as refused:
        compare_methods(below)
    none, other, stopped = refused.value.faults
    for said, search in ((none, "none-0.8 on digits: "), (other, "none-0.9 on digits (skew=0.9): ")):
        assert said.startswith(f"{search}no trial reached the floor, so that nothing is confirmed; lower --accuracy-floor")
        assert "resume" not in said
    assert stopped == "stopped on digits (skew=0.9): nothing is confirmed yet; go on with fairtune resume, then compare it"


@pytest.mark.parametrize("places", [(0, 3), (0, 2)], ids=["methods", "one_method"])
def test_searches_no_two_of_which_are_on_the_same_data_are_refused(searches, places):
    own = [searches[place] for place in places]
    with pytest.raises(InvalidInput) as refused:
        compare_methods(own)
    (said,) = refused.value.faults
    assert said.startswith("no two of the searches are on the same data, so that their scores are not of the same samples: ")
    one, other = own
    assert f"{one.place.name} searches {one.spec.methods} on digits with skew 0.8, " in said
    assert f"{other.place.name} searches {other.spec.methods} on digits with skew 0.9; compare methods that" in said


def test_methods_each_on_splits_of_its_own_are_refused_with_the_seeds(searches):
    again = searches[1].spec
    other = again.model_copy(update={"seed": again.seed + 1})
    with pytest.raises(
        InvalidInput, match=r"ss-0\.8 searches ss on digits with --seed 0, .* searches reweight on digits with --seed 1;"
    ):
        compare_methods([searches[0], searches[1]._replace(spec=other)])


def test_data_that_differ_in_their_files_alone_are_refused_with_what_these_are_known_by(searches):
    changed = searches[1].spec.model_copy(update={"dataset": searches[1].spec.dataset.model_copy(update={"digest": "changed"})})
    with pytest.raises(
        InvalidInput, match=r"searches ss on digits with files .*, .* searches reweight on digits with files changed;"
    ):
        compare_methods([searches[0], searches[1]._replace(spec=changed)])


def test_one_method_may_be_on_other_classes_with_each_search(searches):
    spec = searches[2].spec
    other = spec.model_copy(update={"classes": tuple("abcdefghij")})
    found = compare_methods([searches[0], searches[2]._replace(spec=other)])
    assert len(found.blocks) == 2


def test_charts_show_what_cannot_be_told_apart(found):
    charts = benchmark_charts(found)
    assert [chart.name for chart in charts[:2]] == ["ranks-deo_m-data-sets", "ranks-deo_m-seeds"]
    assert [chart.name for chart in charts[-2:]] == ["methods-digits-0", "methods-digits-skew-0.9-0"]
    assert len({chart.name for chart in charts}) == len(charts)
    first = charts[0]
    ranking = found.ranked[0].ranking
    reach = first.marks[0].x_ends[0]
    assert reach[1] - reach[0] == pytest.approx(ranking.critical)
    assert first.marks[-1].y == [-0.3, len(ranking.mean) - 0.7], "where nothing is found one bar is over all"
    assert first.table["mean_rank"].tolist() == sorted(ranking.mean)
    for chart in (charts[0], charts[-1]):
        assert draw_svg(chart).startswith("<svg")
        draw([chart])
    assert SCORES["deo_m"].label in charts[-1].title


def test_it_is_read_back(found):
    assert Benchmark.model_validate_json(found.model_dump_json(by_alias=True)).model_dump_json(
        by_alias=True
    ) == found.model_dump_json(by_alias=True)


def test_what_cannot_be_compared_is_refused(searches, by_iou):
    first = searches[0]
    twice = first._replace(place=first.place.model_copy(update={"name": "again"}))
    with pytest.raises(InvalidInput, match=r"again and ss-0\.8 both search ss on the same data: leave one out"):
        compare_methods([*searches, twice])
    with pytest.raises(InvalidInput, match="choose by different rules, deo_m, "):
        compare_methods([*searches, Search(by_iou.spec, by_iou.place, by_iou.study)])
    longer = twice.spec.model_copy(update={"epochs": 9, "spaces": searches[1].spec.spaces})
    with pytest.raises(
        InvalidInput, match=r"again and ss-0\.8 have other baselines, as their net, epochs, batches or optimiser differ"
    ):
        compare_methods([first, Search(longer, twice.place, twice.study)])
