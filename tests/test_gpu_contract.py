"""What only a card can show, by ``pytest -m gpu``; the rest of the contract runs anywhere, on tensors without values."""

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

import fairtune as ft
from fairtune.datasets import Info
from fairtune.methods import compose
from fairtune.models import Net
from fairtune.plugins import names
from fairtune.spec import PlugIn
from fairtune.testing import ModelContract
from fairtune.testing.trainings import CPU, digits_spec, parameters, saved_and_loaded, tiny_training, train_epochs
from fairtune.training.assembly import assemble
from fairtune.training.capture import capture
from fairtune.training.cost import Shape, cost_of
from fairtune.training.device import forget_peak_memory, peak_memory_mb
from fairtune.training.folder import TrialFolder
from fairtune.training.loop import on_host
from fairtune.training.trial import Trial, run_trial
from tests.suites import own_suite

CUDA = torch.device("cuda", 0)
pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")]
INFO = Info(classes=("a", "b", "c"), groups=("g", "h"), shape=(3, 64, 64), balanced_test=False, model="cnn", epochs=2)


def training_of(method, **changes):
    values = {"mi.inner_steps": 1} if method == "mi" else {}
    return tiny_training(method, values, batch_size=40, **({"device": CUDA} | changes))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", names("method"))
def test_an_epoch_with_backward_and_optimisers_waits_for_nothing(method, precision):
    training = training_of(method, precision=precision)
    training.take_steps()
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        terms = training.take_steps()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert all(term.is_cuda and term.isfinite() for term in terms.values())


def test_the_host_waits_once_for_the_steps_of_an_epoch():
    training = training_of("mfd")
    train_epochs(training, 1)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
        on_host(training.take_steps())
    copies = [event.name for event in recorded.events() if "Memcpy DtoH" in event.name]
    assert len(copies) == 1


@pytest.mark.parametrize("method", [method for method in names("method") if method != "mi"])
def test_a_gpu_trains_as_a_cpu_does(method):
    """Not ``mi``, whose estimator draws on the device."""
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


@pytest.mark.parametrize("how", ["default", "cudagraphs"])
def test_a_compiled_step_trains_what_a_plain_one_does(how):
    plain, compiled = training_of("mfd"), training_of("mfd")
    capture(compiled, how)
    expected = train_epochs(plain, 3)
    assert train_epochs(compiled, 3)[-1]["train.loss"] == pytest.approx(expected[-1]["train.loss"], rel=1e-3)


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
