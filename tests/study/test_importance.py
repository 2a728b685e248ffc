import random

import pytest

from fairtune.space import Real, Space
from fairtune.spec import Brief
from fairtune.study.importance import ENOUGH, importance
from fairtune.study.record import Record

SPACE = Space(search={"mfd.weight": Real(low=0.01, high=100, log=True), "mfd.sigma": Real(low=0.1, high=1)})


def records(count, **changes):
    """Trials whose DEO_M the weight decides, and sigma not at all."""
    chance = random.Random(0)
    for number in range(count):
        share, sigma = chance.random(), chance.uniform(0.1, 1)
        val = {"accuracy": 0.9, "deo_m": abs(share - 0.5) + 0.001 * chance.random()}
        params = {"mfd.weight": 0.01 * 1e4**share, "mfd.sigma": sigma}
        yield Record(number, "complete", "mfd", params, Brief(id=str(number), state="complete", epochs=1, val=val), True)


def test_what_decides_the_score_has_most_of_it():
    found = importance([*records(200)], SPACE, "deo_m")
    assert found is not None
    assert list(found) == ["mfd.weight", "mfd.sigma"]
    assert found["mfd.weight"] > 0.9
    assert sum(found.values()) == pytest.approx(1)


def test_few_trials_tell_nothing_nor_does_a_score_that_is_the_same_for_all():
    assert importance([*records(ENOUGH - 1)], SPACE, "deo_m") is None
    assert importance([*records(ENOUGH)], SPACE, "deo_m") is not None
    assert importance([*records(50)], SPACE, "accuracy") is None


def test_trials_without_a_score_or_with_a_value_outside_do_not_count():
    told = [*records(ENOUGH)]
    outside = told[0]._replace(params={**told[0].params, "mfd.sigma": 7.0})
    failed = told[1]._replace(state="failed")
    assert importance([outside, failed, *told[2:]], SPACE, "deo_m") is None
    assert importance([outside, failed, *told], SPACE, "deo_m") is not None
