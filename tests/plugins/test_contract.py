"""What every plug-in says of itself, and what is said of it by its kind's base."""

from dataclasses import dataclass
from typing import ClassVar

import pytest

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.methods import Method
from fairtune.models import Net
from fairtune.rules import Rule
from fairtune.samplers import Sampler
from fairtune.space import Options, Real, hyperparameter

EVERY = [pytest.param(kind, name, id=f"{kind}-{name}") for kind in plugins.KINDS for name in plugins.names(kind)]


@dataclass
class Mine(Method):
    """Does what I want.

    And more.
    """

    citation: ClassVar[str] = "me"

    weight: float = hyperparameter(3.0, Real(low=0, high=9), search=Real(low=1, high=9), help="how much")
    kernel: str = hyperparameter("rbf", Options(values=("rbf", "poly")))
    not_a_hyperparameter: int = 4


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_keeps_the_contract(kind, name):
    plugin = plugins.load(kind, name)
    assert plugin.kind == kind
    assert plugin.load(name) is plugin
    assert vars(plugin)["__doc__"]
    assert len(plugin.summary()) > 20
    assert not plugin.summary().endswith(")")
    assert next(line.summary for line in plugins.listed(kind) if line.name == name) == plugin.summary()
    assert [key for key, option in plugin.declared().items() if not option.help] == []
    assert all(option.legal.contains(plugin.complete({})[key]) for key, option in plugin.declared().items())
    assert all(plugin.facts().values())


def test_what_is_declared_are_the_fields_that_say_what_is_legal():
    found = Mine.declared()
    assert list(found) == ["weight", "kernel"]
    assert (found["weight"].default, found["weight"].legal, found["weight"].help) == (3.0, Real(low=0, high=9), "how much")
    assert (found["weight"].search, found["kernel"].search) == (Real(low=1, high=9), None)
    assert Net.declared() == Net.options
    assert Rule.declared() == Sampler.declared() == {}


def test_what_is_not_given_is_completed():
    assert Mine.complete({"kernel": "poly"}) == {"weight": 3.0, "kernel": "poly"}


def test_every_fault_of_what_is_given_is_named():
    with pytest.raises(InvalidInput) as caught:
        Mine.complete({"wieght": 1.0, "weight": 10.0, "kernel": "poly"})
    assert caught.value.faults == [
        "Mine: unknown option 'wieght': did you mean 'weight'?",
        "Mine: weight = 10.0 is outside the legal domain 0..9",
    ]


@pytest.mark.parametrize(("kind", "option"), [("dataset", "skwe"), ("model", "wieghts"), ("rule", "x")])
def test_of_whatever_kind(kind, option):
    with pytest.raises(InvalidInput, match=f"unknown option '{option}'"):
        plugins.load(kind, {"dataset": "digits", "model": "mlp", "rule": "deo_m"}[kind]).complete({option: 1})


def test_it_is_told_in_a_line_and_with_what_else_is_known():
    assert (Mine.summary(), Mine.description()) == ("Does what I want.", "Does what I want.\n\nAnd more.")
    assert Mine.facts() == {"citation": "me"}
    assert plugins.load("method", "ss").facts()["needs"] == "balanced batches"
    assert plugins.load("rule", "deo_m").facts() == {"objectives": "accuracy, deo_m"}
