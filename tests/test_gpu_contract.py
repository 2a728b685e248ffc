"""What only a card can show, by ``pytest -m gpu``; the rest of the contract runs anywhere, on tensors without values."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import fairtune as ft
from fairtune.datasets import Info
from fairtune.errors import Diverged, InvalidInput
from fairtune.methods import Method, compose
from fairtune.models import Net
from fairtune.plugins import names
from fairtune.spec import PlugIn
from fairtune.testing import ModelContract
from fairtune.testing.trainings import CPU, digits_spec, digits_training, parameters, saved_and_loaded, tiny_training, train_epochs
from fairtune.training.assembly import assemble
from fairtune.training.capture import capture
from fairtune.training.cost import Shape, cost_of
from fairtune.training.device import forget_peak_memory, peak_memory_mb
from fairtune.training.folder import TrialFolder
from fairtune.training.loop import on_host
from fairtune.training.trial import Trial, run_trial
from tests.suites import own_suite
from tests.waits import no_waiting

CUDA = torch.device("cuda", 0)
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]
INFO = Info(classes=("a", "b", "c"), groups=("g", "h"), shape=(3, 64, 64), balanced_test=False, model="cnn", epochs=2)

ASK = (("cvar_dro", "official"), ("lisa", "official"))
"""Their authors' code asks for values in a step."""

DRAW_ON_THE_DEVICE = ("crt", "lff", "lisa", "mi", "mixup")
"""Heads that start anew, what is mixed with what, pairs: drawn where they are wanted, and another device draws others."""


def training_of(method, **changes):
    values = {"mi.inner_steps": 1} if method == "mi" else {}
    return tiny_training(method, values, batch_size=40, **({"device": CUDA} | changes))


def long_training(method, protocol):
    """One of ten steps an epoch."""
    values = {"mi.inner_steps": 2} if method == "mi" else {}
    try:
        return digits_training(method, values, device=CUDA, precision="float64", batch_size=40, protocol=protocol)
    except InvalidInput as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", names("method"))
def test_an_epoch_with_backward_and_optimisers_waits_for_nothing(method, precision):
    training = training_of(method, precision=precision)
    training.take_steps()
    torch.cuda.synchronize()
    with no_waiting():
        terms = training.take_steps()
    assert all(term.is_cuda and term.isfinite() for term in terms.values())


def test_the_host_waits_once_for_the_steps_of_an_epoch():
    training = training_of("mfd")
    train_epochs(training, 1)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], acc_events=True) as recorded:
        on_host(training.take_steps())
    copies = [event.name for event in recorded.events() if "Memcpy DtoH" in event.name]
    assert len(copies) == 1


@pytest.mark.parametrize("method", [method for method in names("method") if method not in DRAW_ON_THE_DEVICE])
def test_a_gpu_trains_as_a_cpu_does(method):
    if compose(method, {}).needs_maps:
        pytest.skip("its net has dropout, whose masks are drawn on the device")
    records = [train_epochs(training_of(method, device=device, precision="float64"), 1) for device in (CPU, CUDA)]
    assert records[1][0]["train.loss"] == pytest.approx(records[0][0]["train.loss"], rel=1e-6)


@pytest.mark.parametrize("model", ["cnn", "mlp"])
def test_bfloat16_agrees_with_float32(model):
    half, single = (
        train_epochs(training_of("mfd", model=PlugIn(name=model), precision=precision), 3)[-1]["train.loss"]
        for precision in ("bf16", "fp32")
    )
    assert half == pytest.approx(single, rel=0.05)


def test_a_compiled_step_trains_what_a_plain_one_does():
    plain, compiled = training_of("mfd"), training_of("mfd")
    capture(compiled, "default")
    expected = train_epochs(plain, 3)
    assert train_epochs(compiled, 3)[-1]["train.loss"] == pytest.approx(expected[-1]["train.loss"], rel=1e-3)


@pytest.mark.parametrize("protocol", ["fixed", "official"])
@pytest.mark.parametrize("method", names("method"))
def test_replayed_steps_train_what_plain_ones_do(method, protocol):
    """Two epochs, whose dropout and whose draws on the device are the same too."""
    plain, replayed = (long_training(method, protocol) for _ in range(2))
    capture(replayed, "cudagraphs")
    try:
        expected = train_epochs(plain, 2)
    except Diverged:
        pytest.skip("as the authors have it, it diverges on rare cells")
    if (method, protocol) in ASK:
        with pytest.raises(InvalidInput, match=r"a step waits for the GPU in .*py, line .*: give --compile off"):
            replayed.run_epoch()
        return
    assert train_epochs(replayed, 2) == [pytest.approx(record, rel=1e-4, abs=1e-4, nan_ok=True) for record in expected]


@pytest.mark.parametrize(("method", "protocol"), [("mfd", "fixed"), ("ad", "fixed"), ("ss+hkd", "fixed")])
def test_replayed_steps_go_on_from_a_state(method, protocol):
    whole, begun, gone_on = (long_training(method, protocol) for _ in range(3))
    for training in (whole, begun, gone_on):
        capture(training, "auto")
    train_epochs(whole, 2)
    train_epochs(begun, 1)
    gone_on.load_state_dict(saved_and_loaded(begun.state_dict()))
    train_epochs(gone_on, 1)
    torch.testing.assert_close(parameters(gone_on), parameters(whole), rtol=1e-6, atol=1e-9)


class Counting(Method):
    """Adds a term that grows with the number of its steps, which it keeps in Python."""

    def setup(self):
        self.steps = 0

    def loss(self, student, teacher, batch, progress):
        self.steps += 1
        return {"counted": 0.01 * self.steps * student.logits.square().mean()}


class Asking(Method):
    """Asks for the value of a tensor."""

    def loss(self, student, teacher, batch, progress):
        return {"asked": student.logits.mean() * float(student.logits.detach().mean())}


@pytest.mark.parametrize("method", ["Counting", "Asking"])
def test_steps_that_cannot_be_replayed_are_taken_as_they_are_or_refused(method):
    name = f"{__name__}:{method}"
    plain, left, refused = (long_training(name, "fixed") for _ in range(3))
    capture(left, "auto")
    assert train_epochs(left, 2) == [pytest.approx(record, rel=1e-6, abs=1e-6) for record in train_epochs(plain, 2)]
    capture(refused, "cudagraphs")
    with pytest.raises(InvalidInput, match=f"--compile cudagraphs: {name}: a step (changes|waits) .*: give --compile off"):
        refused.run_epoch()


def test_a_state_goes_from_a_gpu_to_a_cpu_and_back():
    there, here, again = (training_of("ss+hkd", device=device, precision="float64") for device in (CUDA, CPU, CUDA))
    train_epochs(there, 1)
    here.load_state_dict(saved_and_loaded(there.state_dict()))
    train_epochs(here, 1)
    again.load_state_dict(saved_and_loaded(here.state_dict()))
    train_epochs(again, 1)
    train_epochs(there, 2)
    torch.testing.assert_close(
        {name: value.cpu() for name, value in parameters(again).items()},
        {name: value.cpu() for name, value in parameters(there).items()},
        rtol=1e-6,
        atol=1e-9,
    )


def test_a_training_that_finds_no_memory_says_what_to_do_and_leaves_the_card_usable(tmp_path):
    kept = torch.cuda.get_device_properties(CUDA).total_memory
    torch.cuda.set_per_process_memory_fraction(2**26 / kept)
    try:
        spec = digits_spec("scratch", model=PlugIn(name="cnn"), batch_size=500)
        result = run_trial(Trial(spec, TrialFolder(tmp_path / "large"), data_root=tmp_path, runs=tmp_path, device=CUDA))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert result.starved
    assert "lower --batch-size" in result.error
    small = Trial(digits_spec(epochs=1), TrialFolder(tmp_path / "small"), data_root=tmp_path, runs=tmp_path, device=CUDA)
    assert run_trial(small).state == "complete"


@pytest.mark.ray
def test_four_trials_share_a_card(tmp_path):
    run = ft.search(
        method="scratch,ss,reweight,hkd", trials=4, epochs=2, gpus_per_trial=0.25, runs=str(tmp_path), accuracy_floor="0"
    )
    assert set(run.trials["state"]) == {"complete"}


@pytest.mark.parametrize(("method", "model"), [("scratch", "cnn"), ("hkd", "mlp"), ("scratch", "resnet18")])
def test_a_plan_counts_the_memory_that_the_card_gives(method, model):
    spec = digits_spec(method, model=PlugIn(name=model), epochs=2, batch_size=128)
    shape = Shape(INFO, (64, 64, 3), 512, 500)
    forget_peak_memory(CUDA)
    before = peak_memory_mb(CUDA)
    training = assemble(spec, shape.data(), runs=None, device=CUDA)
    images = training.train.pool.nbytes + training.validation.pool.nbytes
    train_epochs(training, 1)
    measured = peak_memory_mb(CUDA) - before - images / 2**20
    assert cost_of(spec, shape, CUDA).peak_bytes / 2**20 == pytest.approx(measured, rel=0.15)


@pytest.mark.parametrize("model", names("model"))
def test_every_net_trains_a_step(model):
    found = own_suite("models", model, ModelContract)
    suite = found if found is not None and issubclass(found, ModelContract) else ModelContract
    net = Net.load(model).build(suite.shape, 3, **suite.options).to(CUDA).train()
    with torch.autocast("cuda", torch.bfloat16):
        out = net(torch.rand(8, *suite.shape, device=CUDA), want_maps=True)
    out.logits.float().square().sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in net.parameters())
