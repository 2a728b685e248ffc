import logging
from collections import Counter

from fairtune.samplers import Outcome, Problem
from fairtune.samplers._learner import Learner
from fairtune.samplers.qmc import QuasiMonteCarlo
from fairtune.space import Domain, Options, Real, Value

SEARCH: dict[str, Domain] = {
    "m.share": Real(low=0, high=1),
    "m.weight": Real(low=0, high=1),
    "m.kernel": Options(values=("a", "b", "c", "d")),
}


def test_after_the_first_setting_every_part_of_every_range_is_visited_once():
    learner = Learner(QuasiMonteCarlo(), Problem(SEARCH, ["maximize", "minimize"], search_seed=0, start=5, trials=17))
    drawn = []
    for number in range(17):
        drawn.append(learner.draw(number, {}, lambda _: True).params)
        learner.tell(number, Outcome("complete", [0.5, 0.5]))
    for name in ("m.share", "m.weight"):
        assert sorted(int(16 * values[name]) for values in drawn[1:]) == list(range(16))
    assert Counter(values["m.kernel"] for values in drawn[1:]) == dict.fromkeys("abcd", 4)


def test_points_that_leave_values_open_and_still_run_change_nothing_of_the_sequence(caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("optuna"), "propagate", True)
    learner = Learner(QuasiMonteCarlo(), Problem(SEARCH, ["maximize", "minimize"], search_seed=0, start=5, trials=17))
    given: list[dict[str, Value]] = [{"m.share": 0.9}, {"m.share": 0.1}, *({} for _ in range(15))]
    drawn = [learner.draw(number, point, lambda _: True).params for number, point in enumerate(given)]
    assert caplog.messages == []
    assert sorted(int(16 * values["m.weight"]) for values in drawn[1:]) == list(range(16))
