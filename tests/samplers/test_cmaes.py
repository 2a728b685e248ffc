import pytest

from fairtune.samplers import Outcome, Problem
from fairtune.samplers._learner import Learner
from fairtune.samplers.cmaes import CMAES
from fairtune.space import Domain, Options, Real
from fairtune.spec import Direction

SEARCH: dict[str, Domain] = {"m.x": Real(low=0, high=1), "m.y": Real(low=0, high=1), "m.kernel": Options(values=("a", "b"))}


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_the_best_that_is_feasible(direction: Direction, sign: int, seed: int):
    """The best is at x = y = 0; feasible is where x is 0.6 or more."""
    learner = Learner(CMAES(), Problem(SEARCH, [direction], search_seed=seed, start=5, trials=150))
    tried = []
    for number in range(150):
        trial = learner.draw(number, {}, lambda _: True)
        x, y = (float(trial.params[name]) for name in ("m.x", "m.y"))
        learner.tell(number, Outcome("complete", [sign * (x**2 + y**2)], excess=0.6 - x))
        tried.append((x, y))
    late = tried[-30:]
    assert sum(x for x, _ in late) / 30 == pytest.approx(0.6, abs=0.08)
    assert sum(y for _, y in late) / 30 == pytest.approx(0, abs=0.15)
    assert min(x**2 + y**2 for x, y in tried if x >= 0.6) < 0.38
