from dataclasses import replace

import numpy as np
import pytest

from fairtune.errors import InvalidInput
from fairtune.metrics import SCORES, standard_error
from fairtune.records import GroupCounts
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.schedulers import Ladder
from fairtune.schedulers.asha import Asha
from fairtune.schedulers.pareto_asha import ParetoAsha
from fairtune.spec import Epoch, TrialResult
from fairtune.testing.schedulers import standing
from tests.schedulers.test_ladder import OBJECTIVES
from tests.search_helpers import small_search


def asha(**options):
    return Asha(OBJECTIVES, **options)


def pareto(**options):
    return ParetoAsha(OBJECTIVES, **options)


def verdicts(scheduler, standings):
    """On each, all others having been there before."""
    return [scheduler.verdict(trial, [other for other in standings if other is not trial]) for trial in standings]


def those_that_go_on(scheduler, standings):
    return [trial.number for trial, verdict in zip(standings, verdicts(scheduler, standings), strict=True) if verdict == "go_on"]


@pytest.mark.parametrize(
    ("options", "epochs", "rungs"),
    [
        ({}, 1, []),
        ({}, 2, [1]),
        ({}, 40, [5, 14]),
        ({}, 27, [3, 9]),
        ({"eta": 2}, 40, [10, 20]),
        ({"brackets": 3}, 40, [2, 5, 14]),
        ({"grace": 4}, 40, [4, 12, 36]),
        ({"grace": 39}, 40, [39]),
    ],
)
def test_rungs_are_powers_of_eta(options, epochs, rungs):
    assert asha(**options).rungs(epochs) == rungs


class TestAsha:
    def test_the_best_third_goes_on_and_the_others_wait(self):
        there = [standing(number, number / 10, 0.0) for number in range(9)]
        assert those_that_go_on(asha(), there) == [6, 7, 8]
        assert set(verdicts(asha(), there)) == {"go_on", "pause"}
        assert those_that_go_on(asha(eta=2), there) == [5, 6, 7, 8]

    @pytest.mark.parametrize("others", range(5))
    def test_the_first_goes_on_and_one_of_up_to_five(self, others):
        there = [standing(number, 0.5, 0.1) for number in range(others + 1)]
        assert those_that_go_on(asha(), there) == [0]

    def test_who_waited_goes_on_when_more_have_come(self):
        waiting, better = standing(0, 0.6, 0.1), standing(1, 0.7, 0.1)
        worse = [standing(number, 0.5, 0.1) for number in range(2, 6)]
        assert asha().verdict(waiting, [better, *worse[:3]]) == "pause"
        assert asha().verdict(waiting, [better, *worse]) == "go_on"

    def test_trials_are_compared_within_their_method(self):
        slow = [standing(number, 0.1 + number / 100, 0.1, method="fitnet") for number in range(3)]
        fast = [standing(number, 0.9, 0.1) for number in range(3, 9)]
        assert asha().verdict(slow[2], [*slow[:2], *fast]) == "go_on"
        assert asha().verdict(slow[0], [*slow[1:], *fast]) == "pause"
        assert asha().ranked([*slow, *fast])[:2] == [2, 3], "the best of each method come first"

    def test_later_brackets_are_judged_later(self):
        others = [standing(number, 0.9, 0.1) for number in range(20, 29)]

        def spared(rung):
            worst = [replace(standing(100 + place, 0.1, 0.1, rung=rung), place=place) for place in range(9)]
            return [trial.place for trial in worst if asha(brackets=3).verdict(trial, others) == "go_on"]

        assert [spared(0), spared(1), spared(2)] == [[2, 5, 8], [8], []]

    def test_every_method_has_trials_of_later_brackets(self, tmp_path):
        ladder = Ladder("asha", OBJECTIVES, epochs=9, options={"brackets": 2})
        spec = small_search(tmp_path)[0].baseline()
        methods = ["mfd", "hkd", "reweight"]

        def verdict(number, accuracy):
            standing = Epoch(number=1, val={"accuracy": accuracy, "deo_m": 0.1})
            now = TrialResult(spec=spec, state="running", history=(standing,))
            ladder.note(number, methods[number % 3], now, lacking=lambda accuracy, epoch: 0.0, place=number // 3)
            return ladder.verdict(number, 1)

        spared = [number for number in range(27) if verdict(number, 0.9 - number / 100) == "go_on"]
        assert spared[3:] == [6, 7, 8, 15, 16, 17, 24, 25, 26], "after the first of each method every third of it"


class TestParetoAsha:
    def test_first_the_floor_then_fronts_then_spread(self):
        there = [
            standing(0, 0.99, 0.01, shortfall=0.02),
            standing(1, 0.5, 0.01, shortfall=0.01),
            standing(2, 0.80, 0.20),
            standing(3, 0.80, 0.21),
            standing(4, 0.90, 0.30),
            standing(5, 0.82, 0.21),
            standing(6, 0.85, 0.25),
        ]
        assert pareto().ranking(there).numbers == [2, 4, 6, 5, 3, 1, 0]

    def test_where_most_reach_the_floor_a_fair_trial_below_it_waits(self):
        feasible = [standing(number, 0.9, 0.4 - number / 100) for number in range(5)]
        assert pareto().verdict(standing(9, 0.1, 0.0, shortfall=0.5), feasible) == "pause"
        assert pareto().verdict(standing(9, 0.9, 0.0), feasible) == "go_on"

    def test_a_trial_behind_by_less_than_its_noise_goes_on(self):
        counts = table(0.9, 0.7, size=50)
        noise = standard_error(SCORES["deo_m"], counts, 0.2)
        others = [standing(number, 0.8, 0.2 - gap) for number, gap in enumerate([0.9 * noise] * 3)]
        behind = standing(9, 0.8, 0.2, counts=counts)
        assert pareto(doubt=1.0).verdict(behind, others) == "go_on"
        assert pareto(doubt=0.5).verdict(behind, others) == "pause"
        assert pareto().verdict(standing(9, 0.8, 0.2), others) == "pause", "without counts nothing is known of its noise"

    def test_a_trial_that_misses_the_floor_by_less_than_its_noise_may_go_on(self):
        counts = table(0.8, 0.8, size=50)
        noise = standard_error(SCORES["accuracy"], counts, 0.8)
        others = [standing(number, 0.9, 0.5) for number in range(10, 13)]
        assert pareto(doubt=1.0).verdict(standing(9, 0.8, 0.0, shortfall=0.9 * noise, counts=counts), others) == "go_on"
        assert pareto(doubt=1.0).verdict(standing(9, 0.8, 0.0, shortfall=1.1 * noise, counts=counts), others) == "pause"

    def test_what_is_not_defined_comes_last_of_those_that_reach_the_floor(self):
        there = [standing(0, 0.9, float("nan")), standing(1, 0.1, 0.9), standing(2, 0.0, 0.0, shortfall=0.1)]
        assert pareto().ranking(there).numbers == [1, 0, 2]

    @pytest.mark.parametrize("step", [1, 10], ids=["hardly equal", "often equal"])
    def test_who_would_be_ahead_is_as_if_all_were_ranked_anew(self, step):
        rng = np.random.default_rng(step)
        there = [standing(n, *rng.integers(20, size=2) // step / 20, shortfall=(n % 4 == 0) * n / 99) for n in range(60)]
        there[7] = standing(7, float("nan"), 0.1)
        ranking = pareto().ranking(there)
        for trial in there:
            accuracy, deo_m = trial.scores.values()
            at_best = standing(trial.number, accuracy + 0.13, max(0.0, deo_m - 0.13), shortfall=max(0.0, trial.shortfall - 0.1))
            for stood in (trial, at_best):
                anew = pareto().ranking([*there[: trial.number], stood, *there[trial.number + 1 :]])
                assert ranking.ahead_of(stood) == anew.numbers.index(trial.number)


def table(*accuracies, size):
    """Counts of two groups in two classes, in which each group has its accuracy."""
    right = np.array([[round(accuracy * size)] * 2 for accuracy in accuracies])
    hard = np.stack([np.stack([[r[0], size - r[0]], [size - r[1], r[1]]]) for r in right])
    return GroupCounts(hard, hard.astype(float))


def asked(tmp_path, **options):
    usual = {"runs": str(tmp_path), "name": "run", "gpus_per_trial": 0, "scheduler": "pareto_asha"}
    return resolve(Request.read(usual | options))[0]


class TestChosenBySearch:
    def test_options_are_set_and_the_others_have_their_defaults(self, tmp_path):
        spec = asked(tmp_path, scheduler="asha", set=["scheduler.grace=2", "eta=4"])
        assert spec.scheduler_options == {"grace": 2, "eta": 4, "brackets": 1}
        assert asked(tmp_path).scheduler_options == {"grace": 0, "eta": 3, "brackets": 1, "doubt": 0.5}
        assert asked(tmp_path, scheduler="none").scheduler_options == {}

    @pytest.mark.parametrize(
        ("options", "name"),
        [
            ({}, "none"),
            ({"trials": 29}, "none"),
            ({"trials": 30}, "pareto_asha"),
            ({"trials": 30, "method": "mfd,ad"}, "none"),
            ({"trials": 60, "method": "mfd,ad", "joint": True}, "pareto_asha"),
            ({"trials": 30, "epochs": 8}, "none"),
            ({"trials": 30, "method": "scratch"}, "none"),
            ({"trials": 30, "set": ["mfd.weight=1,2"]}, "none"),
            ({"trials": 30, "select": "mutual_information"}, "none"),
            ({"trials": 30, "scheduler": "none"}, "none"),
        ],
    )
    def test_trials_are_stopped_early_by_default_where_there_are_enough(self, tmp_path, options, name):
        assert asked(tmp_path, **{"scheduler": None} | options).scheduler == name

    @pytest.mark.parametrize(
        ("options", "reason"),
        [
            (
                {"set": ["scheduler.grace=40"]},
                "scheduler.grace=40: a training has 40 epochs, .* give at most 39, or --scheduler none",
            ),
            ({"set": ["scheduler.brackets=5"]}, "brackets=5: trials of 40 epochs are judged 4 times: give at most 4"),
            ({"set": ["scheduler.eta=1"]}, "--set scheduler.eta=1"),
            ({"set": ["scheduler.grace=1..3"]}, "an option of the scheduler takes one value; it cannot be searched"),
            ({"set": ["scheduler.doubt=1"], "scheduler": "asha"}, "unknown setting 'scheduler.doubt'"),
            ({"select": "mutual_information", "scheduler": "asha"}, "mutual_information, which --select weighs, is measured when"),
        ],
    )
    def test_what_cannot_be_is_refused_before_anything_is_trained(self, tmp_path, options, reason):
        with pytest.raises(InvalidInput, match=reason):
            asked(tmp_path, **options)
