"""Who is trained once more before one is chosen."""

import numpy as np
import pytest

from fairtune.rules import Rule
from fairtune.search.race import MOST_SEEDS, Runner, next_up

RULE = Rule.load("deo_m").build()


def runner(number, *gaps, accuracy=0.9, floor=0.85, unscored=0):
    return Runner(number, {}, [{"accuracy": accuracy, "deo_m": gap} for gap in gaps], floor, unscored)


def turn(*runners, rule=RULE, seed=0):
    return next_up(runners, rule, np.random.default_rng(seed))


def test_first_the_most_promising_have_a_second_seed():
    first = [runner(number, gap) for number, gap in enumerate([0.3, 0.1, 0.2, 0.4])]
    assert turn(*first) == 1
    assert turn(first[0], runner(1, 0.1, unscored=1), *first[2:]) == 2


def test_it_is_over_when_the_choice_is_sure():
    assert turn(runner(0, 0.1, 0.11, 0.09), runner(1, 0.4, 0.39), runner(2, 0.5, 0.51)) is None


def test_what_is_close_goes_on_with_the_one_that_has_fewer_seeds():
    close = [runner(0, 0.10, 0.20, 0.12), runner(1, 0.13, 0.17), runner(2, 0.9, 0.8)]
    assert turn(*close) == 1


def test_who_cannot_be_separated_is_not_trained_for_ever():
    gaps = [0.1, 0.2] * (MOST_SEEDS // 2)
    assert turn(*(runner(number, *gaps) for number in range(3))) is None


def test_what_is_infeasible_does_not_race():
    assert turn(runner(0, 0.2), runner(1, 0.0, accuracy=0.5), runner(2, 0.3)) == 0
    assert turn(runner(0, 0.2), runner(1, 0.0, accuracy=0.5)) is None
    assert turn() is None


def test_what_is_exactly_at_the_floor_races():
    floor = 0.07 - 0.01
    assert floor > 0.06, "by rounding"
    assert turn(runner(0, 0.2, accuracy=0.06, floor=floor), runner(1, 0.3, accuracy=0.06, floor=floor)) == 0


def test_whether_the_floor_is_reached_is_as_uncertain():
    """The fairest reaches the floor on average, and does not in every other draw."""
    shaky = Runner(0, {}, [{"accuracy": value, "deo_m": 0.1} for value in (0.8, 0.9001)], 0.85)
    steady = [Runner(number, {}, [{"accuracy": value, "deo_m": 0.2} for value in (0.9, 1.0)], 0.85) for number in (1, 2)]
    assert turn(shaky, *steady) in (0, 1)


@pytest.mark.parametrize("rule", ["knee", "hypervolume", "dto"])
def test_any_rule_can_race(rule):
    close = [runner(number, 0.1, 0.3, accuracy=0.9) for number in (0, 1)]
    assert turn(*close, runner(2, 0.9, 0.91, accuracy=0.86), rule=Rule.load(rule).build()) in (0, 1)


def test_a_race_halves_the_regret_of_a_lucky_choice():
    """Of eight settings seen once the luckiest leads, often not the best; twelve more seeds find a better one."""
    truth = 0.2 + 0.04 * np.arange(8)
    regrets: dict[int, list[float]] = {0: [], 12: []}
    for repeat in range(16):
        rng = np.random.default_rng(repeat)
        once = [[gap + rng.normal(0, 0.08)] for gap in truth]
        for budget, regret in regrets.items():
            gaps = [list(some) for some in once]
            for _ in range(budget):
                number = next_up([runner(n, *some) for n, some in enumerate(gaps)], RULE, rng)
                if number is None:
                    break
                gaps[number].append(truth[number] + rng.normal(0, 0.08))
            regret.append(truth[int(np.argmin([np.mean(some) for some in gaps]))] - truth[0])
    assert np.mean(regrets[12]) < np.mean(regrets[0]) / 2
