"""What every method must do under every optimiser and schedule, in every stage of its training."""

import itertools
from typing import get_args

import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.methods import Method, Progress, compose
from fairtune.plugins import names
from fairtune.space import Value
from fairtune.spec import Optimizer, Schedule
from fairtune.testing.trainings import parameters, saved_and_loaded, tiny_training, train_epochs

QUICK: dict[str, dict[str, Value]] = {
    "mi": {"mi.inner_steps": 2},
    "fitnet": {"fitnet.stages": "two"},
    "fscl": {"fscl.stage": 0.3},
}
EPOCHS = 6


def name_of(value):
    return f"{value.name}-{value.schedule}" if isinstance(value, Optimizer) else value


def values_of(method):
    return {name: value for part in method.split("+") for name, value in QUICK.get(part, {}).items()}


def joins(method):
    try:
        compose(method, {})
    except InvalidInput:
        return False
    return True


METHODS = [*names("method"), *(f"tests.methods.outside:{name}" for name in ("Adversary", "SecondStage"))]
BEHIND_A_STAGE = [f"{name}+fitnet" for name in METHODS if name != "fitnet" and joins(f"{name}+fitnet")]
OPTIMIZERS = [
    Optimizer.model_validate({"name": name, "lr": lr, "weight_decay": 1e-4, "schedule": schedule})
    for (name, lr), schedule in itertools.product((("adam", 1e-3), ("sgd", 1e-2)), get_args(Schedule))
]
SGD = Optimizer(name="sgd", lr=1e-2, schedule="cosine")


def staged(method):
    """Whether some of its epochs are a stage of their own."""
    return any(type(part).trains_alone is not Method.trains_alone for part in compose(method, {}).parts.values())


UNDER_OPTIMIZERS = [
    pytest.param(method, optimizer, marks=[] if staged(method) or place % 4 == number % 4 else pytest.mark.slow)
    for (place, method), (number, optimizer) in itertools.product(enumerate(METHODS), enumerate(OPTIMIZERS))
]
"""Methods of stages under all, as schedules begin between stages; any other under one schedule of Adam and the same of SGD."""


@pytest.fixture(autouse=True)
def _a_private_head_takes_few_epochs(monkeypatch):
    monkeypatch.setattr("fairtune.methods._private_head._EPOCHS", 3)


def training_of(method, optimizer=SGD, **changes):
    return tiny_training(method, values_of(method), optimizer=optimizer, **({"epochs": EPOCHS} | changes))


def optimizers_of(training):
    loop = [*([training.optimizer] if training.optimizer else []), *training.method.optimizers]
    return [*loop, *(optimizer for part in training.method.parts.values() for optimizer in part.inner_optimizers)]


def groups_that_update_the_net(training):
    of_net = {id(parameter) for parameter in training.net.parameters()}
    groups = (group for optimizer in optimizers_of(training) for group in optimizer.param_groups)
    return [group for group in groups if of_net & {id(parameter) for parameter in group["params"]}]


@pytest.mark.parametrize(("method", "optimizer"), UNDER_OPTIMIZERS, ids=name_of)
def test_two_epochs_of_every_stage_train_under_every_optimizer_and_schedule(method, optimizer):
    training = training_of(method, optimizer, epochs=EPOCHS if staged(method) else 2)
    stages = []
    while not training.done:
        before = parameters(training)
        stages.append(training.method.trains_alone(Progress(training.epoch, training.spec.epochs)))
        train_epochs(training, 1)
        moved = any(not torch.equal(before[name], value) for name, value in parameters(training).items() if name in before)
        assert moved or not optimizers_of(training)
    assert stages == ([True, True, False, False, False, False] if staged(method) else [False] * training.epoch)


@pytest.mark.parametrize("method", BEHIND_A_STAGE)
def test_schedules_of_a_method_run_in_the_epochs_in_which_its_terms_count(method):
    training = training_of(method)
    part = next(part for name, part in training.method.parts.items() if name != "fitnet")
    asked = asked_of(part)
    before = {name: value for name, value in saved_and_loaded(part.modules.state_dict()).items() if not name.endswith(".g")}
    train_epochs(training, 2)
    assert asked == []
    gates = {id(parameter) for parameter in training.net.parameters()}
    still = {name: value for name, value in part.modules.state_dict(keep_vars=True).items() if id(value) not in gates}
    assert all(torch.equal(before[name], value) for name, value in still.items())
    train_epochs(training, 4)
    assert {hook for hook, _ in asked} == {"begin_epoch", "loss", "inner_step", "end_epoch"}
    assert list(dict.fromkeys(progress for _, progress in asked)) == [Progress(epoch, 4) for epoch in range(4)]


def asked_of(part):
    """The calls of a method's hooks from now on: their name and progress."""
    asked = []

    def watched(hook, call):
        def watching(*arguments):
            asked.append((hook, arguments[-1]))
            return call(*arguments)

        return watching

    for hook in ("begin_epoch", "loss", "inner_step", "end_epoch"):
        setattr(part, hook, watched(hook, getattr(part, hook)))
    return asked


def test_a_method_ends_a_training_in_its_own_epochs_only():
    training = training_of("tests.methods.outside:OneEpoch+fitnet")
    epochs = 0
    while not training.done:
        train_epochs(training, 1)
        epochs += 1
    assert epochs == 3


@pytest.mark.parametrize("method", ["fitnet", *BEHIND_A_STAGE])
def test_training_goes_on_exactly_from_a_checkpoint_within_and_between_stages(method):
    whole, states, records = training_of(method), [], []
    for _ in range(EPOCHS):
        states.append(saved_and_loaded(whole.state_dict()))
        records += train_epochs(whole, 1)
    for epoch in (1, 2, 3):
        restored = training_of(method)
        restored.load_state_dict(states[epoch])
        assert train_epochs(restored, 2) == records[epoch : epoch + 2]
        later = states[epoch + 2]["net"]
        assert all(torch.equal(later[name], value) for name, value in restored.net.state_dict().items())


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("method", [*METHODS, *BEHIND_A_STAGE])
def test_whatever_updates_the_net_follows_its_schedule(method, optimizer):
    training = training_of(method, Optimizer(name=optimizer, lr=1e-2, schedule="cosine"), epochs=4)
    started = [group["lr"] for group in groups_that_update_the_net(training)]
    if training.optimizer is None:
        pytest.skip("the loop does not update the net")
    while not training.done:
        share = training.optimizer.param_groups[0]["lr"] / 1e-2
        groups = groups_that_update_the_net(training)
        train_epochs(training, 1)
        if not training.done:
            used = [group["lr"] for group in groups[1:]]
            assert used == pytest.approx([share * rate for rate in started[1:]])


@pytest.mark.parametrize("method", METHODS)
def test_a_step_at_rate_zero_leaves_the_net_as_it_is(method):
    training = training_of(method)
    for group in (group for optimizer in optimizers_of(training) for group in optimizer.param_groups):
        group["lr"] = 0.0
    training._order = torch.from_numpy(training.batch_order())
    batch = training.batch(0)

    def logits():
        with torch.no_grad():
            return training.net.eval()(batch.x).logits

    before = logits()
    training.net.train(training.method.trains_net)
    training.step(training._order[0])
    assert torch.equal(logits(), before)
