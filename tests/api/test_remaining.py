"""What a search is still to train, and that it trains so much."""

import pytest

from fairtune.api.remaining import Remaining, remaining
from tests.search_helpers import Session, small_search

pytestmark = pytest.mark.usefixtures("trained_once")


def left_of(session):
    again = Session(session.spec, session.place)
    return remaining(again.spec, again.place, again.study)


def counted(keys):
    return tuple(sum(key.startswith(kind) for key in keys) for kind in ("trial", "repeat", "final"))


@pytest.mark.parametrize("seeds", [1, 2])
def test_what_has_been_trained_is_not_counted_again(tmp_path, seeds):
    spec, place = small_search(tmp_path, trials=3, final_seeds=2, seeds_per_trial=seeds)
    whole = remaining(spec, place, None)
    assert whole == Remaining(3, 3 * (seeds - 1), 8)
    session = Session(spec, place)
    assert left_of(session) == whole
    session.run(1 + seeds)
    assert left_of(session) == Remaining(2, 2 * (seeds - 1), 8)
    while session.study.choice is None:
        session.run(1)
    left, done = left_of(session), len(session.keys)
    session.run()
    assert left == Remaining(0, 0, counted(session.keys[done:])[2])
    assert left_of(session) == Remaining(0, 0, 0)


def test_a_longer_search_keeps_what_it_has_retrained_of_the_baseline(tmp_path):
    session = Session(*small_search(tmp_path, trials=2, final_seeds=2)).run()
    longer = session.spec.model_copy(update={"trials": 5})
    assert remaining(longer, session.place, session.study) == Remaining(3, 0, 6)


@pytest.mark.parametrize("seeds", [1, 2, "auto"])
def test_a_budget_of_epochs_lets_so_many_be_trained(tmp_path, seeds):
    options = {"trials": 30, "final_seeds": 1, "seeds_per_trial": seeds, "epoch_budget": 24, "accuracy_floor": 0.0}
    spec, place = small_search(tmp_path, **options)
    told = remaining(spec, place, None)
    trials, repeats, finals = counted(Session(spec, place).run().keys)
    assert told.cut
    assert (trials, repeats) == (told.trials, told.further)
    assert finals <= told.retrainings


def test_with_more_epochs_what_they_let_be_trained_beside_what_has_been(tmp_path):
    options = {"trials": 30, "final_seeds": 1, "accuracy_floor": 0.0}
    session = Session(*small_search(tmp_path, **options, epoch_budget=24)).run()
    more = session.spec.model_copy(update={"epoch_budget": 32})
    told = remaining(more, session.place, session.study)
    again = Session(more, session.place).run()
    assert told.cut
    assert counted(again.keys)[0] == told.trials > 0
