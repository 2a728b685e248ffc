"""Every pair of methods: each of the two changes what is trained, or the pair is refused by name."""

import itertools
from functools import cache

import pytest

from fairtune.errors import InvalidInput
from fairtune.methods import compose
from fairtune.plugins import names
from fairtune.space import Value
from fairtune.spec import Optimizer, PlugIn
from fairtune.testing.trainings import tiny_training, train_epochs

OUTSIDE = "tests.methods.outside:Adversary"
METHODS = [*names("method"), OUTSIDE]
VALUES: dict[str, Value] = {"mi.inner_steps": 1, "fitnet.stages": "one", "ldam.scale": 1.0}
SGD = Optimizer(name="sgd", lr=0.1, schedule="constant")
FLOOR = 1e-10
"""Far above the rounding of float64, far below what the weakest of the methods moves."""


def joins(pair):
    try:
        compose("+".join(pair), {})
    except InvalidInput:
        return False
    return True


PAIRS = [
    pytest.param(*pair, marks=pytest.mark.slow if joins(pair) and number % 5 else [], id="+".join(pair))
    for number, pair in enumerate(itertools.combinations(METHODS, 2))
]
"""Those that are refused, and a fifth of the others, which are trained; all of them in the slow suite."""


@pytest.fixture(autouse=True)
def _a_private_head_takes_few_epochs(monkeypatch):
    monkeypatch.setattr("fairtune.methods._private_head._EPOCHS", 1)


def epochs_needed(pair):
    """How many of two epochs both have an effect in: the first, but for methods that act between stages or in the end."""
    return 2 if {"jtt", "swad"} & set(pair) else 1


@cache
def trained(method, model, epochs):
    """The net's weights after so many epochs of two from the same start, whatever the method."""
    values = {name: value for name, value in VALUES.items() if name.partition(".")[0] in method.split("+")}
    training = tiny_training(method, values, model=PlugIn(name=model), optimizer=SGD, precision="float64", epochs=2)
    train_epochs(training, epochs)
    return {name: value.clone() for name, value in training.net.state_dict().items()}


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_each_of_two_methods_changes_what_is_trained_or_the_pair_is_refused_by_name(one, other):
    try:
        model = "cnn" if compose(f"{one}+{other}", {}).needs_maps else "mlp"
    except InvalidInput as refused:
        words = str(refused).replace(",", " ").replace(":", " ").split()
        assert {name.rpartition(":")[2] for name in (one, other)} <= set(words)
        return
    for first, second in ((one, other), (other, one)):
        epochs = epochs_needed((first, second))
        without, pair = trained(first, model, epochs), trained.__wrapped__(f"{first}+{second}", model, epochs)
        changes = [float((pair[name] - value).abs().max()) for name, value in without.items() if name in pair]
        assert max(changes) > FLOOR, f"{second} has no effect beside {first}"
