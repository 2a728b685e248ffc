from collections import Counter

from fairtune.samplers import Outcome, Problem
from fairtune.samplers._learner import Learner
from fairtune.samplers.qmc import QuasiMonteCarlo
from fairtune.space import Domain, Options, Real

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
