"""A compiled step trains what the plain one does; who cannot be compiled is named before anything starts."""

from dataclasses import replace

import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.methods import Method
from fairtune.models._dropout import Dropout
from fairtune.plugins import names
from fairtune.request.options import Request
from fairtune.request.resolve import resolve
from fairtune.spec import PlugIn
from fairtune.testing.trainings import parameters, tiny_training, train_epochs
from fairtune.training.capture import capture, check_capture

FAST = "ad"
"""Its terms change from epoch to epoch, and it has a gradient of its own."""


@pytest.fixture(autouse=True)
def _nothing_is_left_compiled():
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def training_of(method, model):
    made = tiny_training(method, {"mi.inner_steps": 1} if method == "mi" else {}, model=PlugIn(name=model), batch_size=40)
    for dropout in (module for module in made.net.modules() if isinstance(module, Dropout)):
        dropout.p = 0.0
    return made


def assert_trains_alike(method, model, rtol, atol, **options):
    plain, compiled = training_of(method, model), training_of(method, model)
    compiled.objective.terms = torch.compile(compiled.objective.terms, fullgraph=True, **options)
    assert train_epochs(compiled, 4) == [
        pytest.approx(record, rel=rtol, abs=atol, nan_ok=True) for record in train_epochs(plain, 4)
    ]
    torch.testing.assert_close(parameters(compiled), parameters(plain), rtol=rtol, atol=atol)


@pytest.mark.parametrize("method", [pytest.param(name, marks=[pytest.mark.slow] * (name != FAST)) for name in names("method")])
def test_a_captured_step_trains_what_a_plain_one_does(method):
    assert_trains_alike(method, "cnn" if method in ("at", "nst") else "mlp", 1e-5, 1e-6, backend="aot_eager")


@pytest.mark.slow
@pytest.mark.parametrize("method", ["scratch", "mfd", "ad", "fitnet"])
def test_a_compiled_step_trains_what_a_plain_one_does_up_to_rounding(method):
    assert_trains_alike(method, "mlp", 1e-3, 1e-4)


def test_off_leaves_the_step_as_it_is():
    training = tiny_training()
    before = training.objective.terms
    capture(training, "off")
    assert training.objective.terms == before


def test_a_step_with_dropout_and_maps_is_one_graph():
    training = tiny_training("at")
    training.net.train()
    check_capture(training, "default")


class Branching(Method):
    """Adds a term only where a group is there."""

    def loss(self, student, teacher, batch, progress):
        return {"branch": student.logits.mean()} if (batch.a == 1).any() else {}


class BranchingLate(Method):
    """Branches in its last epoch alone."""

    def loss(self, student, teacher, batch, progress):
        return {"late": student.logits.mean()} if progress.fraction == 1 and (batch.a == 1).any() else {}


class BranchingPrepared(Method):
    """Branches on what only a prepared batch has."""

    mixes = True

    def prepare(self, batch, progress):
        return replace(batch, share=torch.rand(len(batch.y)), y2=batch.y)

    def loss(self, student, teacher, batch, progress):
        return {"mixed": student.logits.mean()} if batch.share is not None and (batch.share > 0.5).any() else {}


@pytest.mark.parametrize("method", [BranchingLate, BranchingPrepared])
def test_prepared_batches_of_the_first_and_the_last_epoch_are_followed(method):
    before = torch.get_rng_state()
    with pytest.raises(InvalidInput, match="cannot be captured as one graph"):
        check_capture(tiny_training(f"{__name__}:{method.__name__}"), "default")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("method", ["fscl", "jtt", "mixup", "hkd"])
def test_both_stages_and_mixed_batches_are_one_graph(method):
    check_capture(tiny_training(method, model=PlugIn(name="cnn")), "default")


def test_a_method_that_cannot_be_captured_is_named_before_anything_starts(tmp_path):
    method = f"{__name__}:Branching"
    request = Request.read({"method": method, "compile": "default", "runs": str(tmp_path), "gpus_per_trial": 0})
    with pytest.raises(InvalidInput, match=f"--compile default: the loss of {method} on mlp cannot be captured .*leave"):
        resolve(request)


def test_a_method_that_cannot_be_captured_is_trained_in_plain_steps_unless_asked_otherwise(tmp_path):
    spec, place = resolve(Request.read({"method": f"{__name__}:Branching", "runs": str(tmp_path), "gpus_per_trial": 0}))
    assert place.compile == "auto"
    assert spec.methods == f"{__name__}:Branching"


def test_ways_to_compile_that_cannot_work_are_refused(tmp_path):
    with pytest.raises(InvalidInput, match=r"unknown way to compile 'cudagraph'.*cudagraphs"):
        Request.read({"compile": "cudagraph"})
    with pytest.raises(InvalidInput, match="--compile cudagraphs: the trials have no GPU"):
        resolve(Request.read({"compile": "cudagraphs", "gpus_per_trial": 0, "runs": str(tmp_path)}))
