"""A batch computed in parts: as the whole where nobody looks at it as a whole, refused by name elsewhere."""

import re
from pathlib import Path

import pytest
import torch

from fairtune.batches.augment import Augment
from fairtune.batches.transforms import Flip
from fairtune.errors import InvalidInput
from fairtune.methods import Method, components, compose, overrides
from fairtune.models import Net
from fairtune.models._dropout import Dropout
from fairtune.plugins import names
from fairtune.spec import PlugIn, TrialSpec
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import digits_spec, parameters, tiny_training, train_epochs
from fairtune.training.micro_batches import check_micro_batches

TRAINING = [method for method in names("method") if not any(part.alone for part in components(method).values())]
SEPARABLE = [method for method in TRAINING if compose(method, {}).per_sample]


@pytest.mark.parametrize("method", [*SEPARABLE, "ss+hkd"])
def test_parts_train_what_whole_batches_train(method):
    whole, parts = (tiny_training(method, precision="float64", micro_batch=size) for size in (None, 7))
    for training in (whole, parts):
        training.train.augment = Augment((Flip(),))
        for dropout in (module for module in training.net.modules() if isinstance(module, Dropout)):
            dropout.p = 0.0
    for one, other in zip(train_epochs(whole, 2), train_epochs(parts, 2), strict=True):
        assert other == pytest.approx(one, rel=1e-9)
    torch.testing.assert_close(parameters(parts), parameters(whole), rtol=1e-7, atol=1e-9)


def test_no_net_sees_more_than_a_part():
    training, seen = tiny_training("hkd", micro_batch=8), []
    training.net.register_forward_pre_hook(lambda net, inputs: seen.append(len(inputs[0])))
    training.take_steps()
    assert seen == [8, 8, 4] * 2


@pytest.mark.parametrize("method", [method for method in TRAINING if method not in SEPARABLE])
def test_a_method_that_says_nothing_looks_at_the_batch_as_a_whole(method):
    y, a = torch.tensor([(y, a) for y in range(3) for a in range(2) for _ in range(3)]).T
    composite, example = started(method), random_example(y, a)

    def loss(part):
        return composite.task_loss(part.student, part.batch) + sum(part.terms(composite).values())

    parts = torch.arange(len(y)).split(7)
    joined = sum(len(rows) / len(y) * loss(example.reordered(rows)) for rows in parts)
    differs = not torch.allclose(joined, loss(example), rtol=1e-6)
    seen_whole = ("inner_step", "prepare", "before_update")
    assert differs or any(overrides(part, hook) for part in composite.parts.values() for hook in seen_whole)


@pytest.mark.parametrize(
    ("method", "model", "size", "reason"),
    [
        ("mfd", "mlp", 8, "--micro-batch 8: the loss of mfd compares the samples of a batch with each other"),
        ("hkd+mi+eo_l2", "mlp", 8, "the loss of mi and eo_l2 compares"),
        ("hkd", "resnet18", 8, r"the model resnet18 normalises over the batch \(BatchNorm2d\)"),
        ("hkd", "mlp", 64, "batches have 64 samples: give fewer"),
    ],
)
def test_whoever_looks_at_the_whole_batch_is_named(method, model, size, reason):
    net = Net.load(model).build((3, 32, 32), 3)
    spec = digits_spec(method, model=PlugIn(name=model), micro_batch=size)
    with pytest.raises(InvalidInput, match=reason):
        check_micro_batches(spec, compose(method, {}), net)


class Acting(Method):
    """Sums over samples, but acts on a step's batch."""

    per_sample = True

    def before_update(self, loop, batch, objective):
        self.seen = len(batch.y)


class Stepping(Method):
    """The same after the update."""

    per_sample = True

    def inner_step(self, loop, batch, progress):
        return {"seen": batch.y.float().mean()}


@pytest.mark.parametrize(("method", "hook"), [(Acting, "before_update"), (Stepping, "inner_step")])
def test_whoever_acts_on_a_step_is_named(method, hook):
    net = Net.load("mlp").build((3, 32, 32), 3)
    name = f"{__name__}:{method.__name__}"
    with pytest.raises(InvalidInput, match=rf"--micro-batch 8: {method.__name__} \({hook}\) acts on the whole batch of a step"):
        check_micro_batches(digits_spec(name, micro_batch=8), compose(f"hkd+{name}", {}), net)


def test_the_documentation_names_every_method_that_may_take_parts():
    text = (Path(__file__).parents[2] / "docs" / "gpu.md").read_text()
    said = re.search(r"a contract test proves it: ([^)]*)\)", text)
    assert said is not None
    assert re.findall(r"`(\w+)`", said.group(1)) == sorted(name for name in names("method") if compose(name, {}).per_sample)


def test_a_trial_without_them_is_the_one_of_earlier_versions():
    assert "micro_batch" not in digits_spec().model_dump(mode="json")
    assert TrialSpec.model_validate(digits_spec(micro_batch=8).model_dump()).micro_batch == 8
