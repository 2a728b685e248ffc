"""Classes of a notebook or a script, which no other process can import."""

from dataclasses import dataclass
from typing import Any

import pytest
from ray import cloudpickle
from rich.console import Console

from fairtune import plugins
from fairtune.api.search import resume
from fairtune.errors import InvalidInput
from fairtune.methods import Method, compose
from fairtune.methods.mfd import FairFeatureDistillation
from fairtune.plugins import _given
from fairtune.request.options import Request
from fairtune.space import Real, hyperparameter
from tests.methods.outside import Adversary
from tests.search_helpers import Session, small_search, train


def calm(scale=1.0):
    """A method that is made anew by every call, as a cell of a notebook makes one that is run again."""

    @dataclass
    class Calm(Method):
        """Keeps logits small."""

        weight: float = hyperparameter(0.1, Real(low=0, high=10), search=Real(low=0.1, high=1))

        def loss(self, student, teacher, batch, progress):
            return {"size": scale * self.weight * student.logits.square().mean()}

    return Calm


@pytest.fixture
def forgetful(monkeypatch):
    """A process that was given nothing yet."""
    monkeypatch.setattr(_given, "_kept", {})


@pytest.mark.parametrize(
    ("plugin", "name"), [(FairFeatureDistillation, "mfd"), (Adversary, "tests.methods.outside:Adversary")], ids=["own", "outside"]
)
def test_a_class_that_others_can_import_keeps_its_address(forgetful, plugin, name):
    assert plugins.give("method", plugin) == name
    assert plugins.load("method", name) is plugin
    assert plugins.given() == {}


def test_any_other_is_known_by_its_name_and_its_source(forgetful):
    name = plugins.give("method", plugin := calm())
    assert name.startswith("given.")
    assert name.endswith(":Calm")
    assert plugins.load("method", name) is plugin
    assert list(compose(f"ss+{name}", {}).parts) == ["ss", "Calm"]


def test_edited_it_is_another(forgetful):
    def edited():
        @dataclass
        class Calm(Method):
            """Keeps logits smaller still."""

        return Calm

    assert plugins.give("method", calm()) == plugins.give("method", calm())
    assert plugins.give("method", calm()) != plugins.give("method", edited())


def test_without_its_source_it_has_its_name(forgetful):
    namespace: dict[str, Any] = {"Method": Method, "__name__": "__main__"}
    exec("class Quick(Method):\n    'Does nothing.'", namespace)
    assert plugins.give("method", namespace["Quick"]) == "given:Quick"


def test_another_process_says_what_to_do(forgetful, monkeypatch):
    name = plugins.give("method", calm())
    monkeypatch.setattr(_given, "_kept", {})
    told = "the method Calm was given as a class in Python, .*: call fairtune.search there again .* or put the class into a file"
    for refused in (lambda: plugins.load("method", name), lambda: Request.read({"method": name})):
        with pytest.raises(InvalidInput, match=told):
            refused()


def test_resuming_elsewhere_is_refused_before_anything_starts(forgetful, tmp_path, monkeypatch):
    session = Session(*small_search(tmp_path, method=plugins.give("method", calm()))).run(1)
    monkeypatch.setattr(_given, "_kept", {})
    with pytest.raises(InvalidInput, match="the method Calm was given as a class in Python"):
        resume(session.folder.path, Console())


def test_a_worker_that_cannot_import_it_trains_it(forgetful, tmp_path, monkeypatch):
    session = Session(*small_search(tmp_path, method=plugins.give("method", calm()), trials=1)).run(1)
    job = session.next_job()
    packed = cloudpickle.dumps(dict(plugins.given()))
    assert b"size" in packed
    monkeypatch.setattr(_given, "_kept", {})
    plugins.take(cloudpickle.loads(packed))
    result = train(job, session.plan)
    assert (result.state, "size" in result.history[0].losses) == ("complete", True)
