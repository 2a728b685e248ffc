"""What a training is said to take is what it takes."""

import numpy as np
import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from fairtune.batches.transforms import ColourJitter, Flip
from fairtune.datasets import Info
from fairtune.spec import PlugIn, TrialSpec
from fairtune.training.assembly import assemble
from fairtune.training.cost import Shape, _score, cost_of

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def shape_of(side, *, train=64, validation=40, augment=()):
    info = Info(
        classes=("a", "b", "c"),
        groups=("g", "h"),
        shape=(3, side, side),
        augment=augment,
        balanced_test=False,
        model="cnn",
        epochs=2,
    )
    return Shape(info, (side, side, 3), train, validation)


def trial(method="scratch", model="cnn", **changes):
    fields = {"dataset": PlugIn(name="digits"), "epochs": 2, "batch_size": 16, "method": method, "model": PlugIn(name=model)}
    return TrialSpec(**(fields | changes))


def convolution(channels, out, kernel, side):
    return 2 * channels * out * kernel**2 * side**2


def by_hand(first, others):
    """A step's operations per image: forward, and for the gradients of weights and inputs as many each, the first layer's input
    excepted.
    """
    return 2 * first + 3 * sum(others)


def cnn_by_hand(side, classes):
    first = convolution(3, 32, 3, side)
    others = [convolution(32, 32, 3, side)]
    for channels, out, pooled in ((32, 64, side // 2), (64, 128, side // 4)):
        others += [convolution(channels, out, 3, pooled), convolution(out, out, 3, pooled)]
    return by_hand(first, [*others, 2 * 128 * (side // 8) ** 2 * 256, 2 * 256 * classes])


def resnet18_by_hand(side, classes):
    first = convolution(3, 64, 7, side // 2)
    others = [convolution(64, 64, 3, side // 4)] * 4
    for channels, at in ((64, side // 8), (128, side // 16), (256, side // 32)):
        out = 2 * channels
        others += [convolution(channels, out, 3, at), *[convolution(out, out, 3, at)] * 3, convolution(channels, out, 1, at)]
    return by_hand(first, [*others, 2 * 512 * classes])


@pytest.mark.parametrize(("model", "hand", "side"), [("cnn", cnn_by_hand, 32), ("resnet18", resnet18_by_hand, 64)])
def test_a_step_has_the_operations_that_one_counts_by_hand(model, hand, side):
    cost = cost_of(trial(model=model), shape_of(side), CPU)
    assert cost.step_flops == 16 * hand(side, 3)


def test_a_training_is_its_steps_and_the_scoring_of_its_epochs():
    cost = cost_of(trial(), shape_of(32), CPU)
    forward = (cnn_by_hand(32, 3) + convolution(3, 32, 3, 32)) / 3
    assert cost.flops == pytest.approx(2 * (4 * cost.step_flops + 40 * forward))


def test_a_teacher_costs_a_forward_pass_unless_its_outputs_are_kept():
    plain, kept = (cost_of(trial(method), shape_of(32, augment=(Flip(),)), CPU) for method in ("scratch", "hkd"))
    live = cost_of(trial("hkd"), shape_of(32, augment=(ColourJitter(0.1),)), CPU)
    forward = (cnn_by_hand(32, 3) + convolution(3, 32, 3, 32)) / 3
    assert plain.outputs_bytes == live.outputs_bytes == 0
    assert kept.outputs_bytes == 2 * 64 * 3 * 4
    assert (kept.step_flops, live.step_flops) == (plain.step_flops, plain.step_flops + 16 * forward)


def test_parts_of_a_batch_take_its_operations_and_less_memory():
    whole, parts = (cost_of(trial(batch_size=64, micro_batch=size), shape_of(32, validation=8), CPU) for size in (None, 16))
    assert parts.step_flops == whole.step_flops
    assert parts.peak_bytes < whole.peak_bytes / 2


def test_a_gpu_takes_torch_s_own_ways():
    here, there = (cost_of(trial(), shape_of(32), device) for device in (CPU, CUDA))
    assert here.step_flops == there.step_flops
    assert here.operations > there.operations


def test_weights_and_checkpoints_are_as_large_as_they_will_be():
    cost, training = cost_of(trial(), shape_of(32), CPU), assemble(trial(), shape_of(32).data(), runs=None, device=CPU)
    assert cost.weights_bytes == sum(value.nbytes for value in training.net.state_dict().values())
    training.take_steps(at_most=1)
    moments = sum(value.nbytes for own in training.state_dict()["optimizer"]["state"].values() for value in own.values())
    assert cost.state_bytes == cost.weights_bytes + moments


def measured(spec, shape):
    """Most bytes that torch's allocator had given out, of a training that takes two steps and scores a batch."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        training = assemble(spec, shape.data(), runs=None, device=CPU)
        for training.epoch in range(spec.epochs):
            for few in (1, 2):
                training.take_steps(at_most=few)
        _score(training, spec.precision)
        _score(training, None)
    events = recorded.profiler.kineto_results.events()
    return int(np.cumsum([event.nbytes() for event in events if event.name() == "[memory]"]).max())


@pytest.mark.parametrize(
    ("method", "model", "side", "changes"),
    [
        ("mfd", "cnn", 32, {}),
        ("scratch", "resnet18", 64, {"batch_size": 32}),
        ("hkd", "mlp", 32, {"batch_size": 32, "precision": "float64"}),
        ("fscl", "cnn", 32, {}),
        ("jtt", "cnn", 32, {}),
    ],
)
def test_the_memory_said_is_what_the_allocator_gives_within_fifteen_percent(method, model, side, changes):
    spec, shape = trial(method, model, **changes), shape_of(side)
    assert cost_of(spec, shape, CPU).peak_bytes == pytest.approx(measured(spec, shape), rel=0.15)


@pytest.mark.parametrize("method", ["fscl", "jtt"])
def test_each_stage_counts_for_its_epochs(method):
    def flops_of(stage):
        return cost_of(trial(method, epochs=5, values={f"{method}.stage": stage}), shape_of(16), CPU).flops

    one, two, three = (flops_of(epochs / 5) for epochs in (1, 2, 3))
    assert one < two
    assert three - two == pytest.approx(two - one)


def test_two_views_in_a_first_stage_take_the_memory_of_a_batch_twice_as_large():
    contrast, twice = cost_of(trial("fscl"), shape_of(32), CPU), cost_of(trial(batch_size=32), shape_of(32), CPU)
    assert contrast.peak_bytes > 0.9 * twice.peak_bytes


def test_random_numbers_are_left_alone():
    before = torch.get_rng_state()
    cost_of(trial(), shape_of(32), CPU)
    assert torch.equal(torch.get_rng_state(), before)
