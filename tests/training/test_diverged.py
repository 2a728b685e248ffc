"""What becomes of a net that gives no numbers: never a score, never a traceback."""

import math
from functools import lru_cache

import pytest
import torch

from fairtune.batches.split import DeviceSplit
from fairtune.datasets import Dataset, open_splits
from fairtune.errors import Diverged
from fairtune.methods import compose
from fairtune.plugins import names
from fairtune.records import Outputs, Purpose
from fairtune.spec import PlugIn, TrialSpec
from fairtune.testing.trainings import CPU, NO_FILES
from fairtune.training.assembly import build_net, start_method
from fairtune.training.evaluate import evaluate
from fairtune.training.loop import Training
from fairtune.training.probe import probe
from fairtune.training.teacher import LiveTeacher
from fairtune.training.trial import run_trial
from tests.builders import open_trial

METHODS = [*names("method"), "ss+group_dro", "mfd+hkd", "ffw+fitnet"]
POISONS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}
every_poison = pytest.mark.parametrize("poison", POISONS.values(), ids=POISONS)
either = pytest.mark.parametrize("classes", [2, 3])


def options(classes):
    return {"classes": classes, "samples": 120, "size": 8, "val_frac": 0.4, "majority_frac": 0.7}


def spec_of(method, classes, model="mlp"):
    dataset = PlugIn(name="synthetic", options=options(classes))
    return TrialSpec(dataset=dataset, model=PlugIn(name=model), method=method, epochs=3, batch_size=24)


@lru_cache
def opened(classes):
    dataset = Dataset.load("synthetic")(**options(classes))
    return open_splits(dataset, NO_FILES, 1.0), dataset.describe(NO_FILES)


def training_of(method, classes):
    composite = compose(method, {})
    spec = spec_of(method, classes, "cnn" if composite.needs_maps else "mlp")
    splits, info = opened(classes)
    net = build_net(spec, info, CPU)
    train, validation = (DeviceSplit(splits[name], CPU, torch.float32) for name in ("train", "validation"))
    start_method(composite, net, train, spec)
    teacher = LiveTeacher(build_net(spec, info, CPU), composite, "fp32", torch.float32) if composite.needs_teacher else None
    return Training(spec, net, composite, train, validation, teacher=teacher)


@torch.no_grad()
def spoil(net, value):
    for parameter in net.parameters():
        parameter.fill_(value)


@pytest.mark.parametrize("method", METHODS)
@either
@pytest.mark.parametrize("poison", [math.nan, math.inf])
def test_every_method_ends_an_epoch_of_a_spoilt_net_as_diverged(method, classes, poison):
    training = training_of(method, classes)
    spoil(training.net, poison)
    with pytest.raises(Diverged, match=r"became|not finite"):
        training.run_epoch()


class Verbatim(torch.nn.Module):
    """Takes the logits and the embedding as its input."""

    def forward(self, x, *, want_maps=False):
        return Outputs(x.flatten(1)[:, :3], x, None, x.flatten(1))


@either
@every_poison
@pytest.mark.parametrize("ask", ["evaluate", "probe"])
def test_one_output_that_is_no_number_is_enough(classes, poison, ask):
    splits, _ = opened(classes)
    split = DeviceSplit(splits["validation"], CPU, torch.float32)
    split.pool, split.rows = torch.zeros(len(split), classes), torch.arange(len(split))
    ask_of = {"evaluate": evaluate, "probe": probe}[ask]
    ask_of(Verbatim(), split)
    split.pool[5, 1] = poison
    with pytest.raises(Diverged, match=f"1 of {len(split)} samples are not finite"):
        ask_of(Verbatim(), split)


@either
def test_finite_logits_too_far_apart_are_scored_or_diverged(classes):
    splits, _ = opened(classes)
    split = DeviceSplit(splits["validation"], CPU, torch.float32)
    split.pool, split.rows = torch.zeros(len(split), classes), torch.arange(len(split))
    split.pool[:, 0], split.pool[:, 1] = -3e38, 3e38
    with pytest.raises(Diverged, match=r"0 of .* became inf"):
        evaluate(Verbatim(), split)


@either
@pytest.mark.parametrize("purpose", [Purpose.FINAL, Purpose.PROBED])
def test_a_net_that_breaks_after_its_last_epoch_has_failed_with_its_reason(tmp_path, classes, purpose):
    trial = open_trial(spec_of("scratch", classes), tmp_path, purpose=purpose)
    while not trial.done:
        trial.run_epoch()
    spoil(trial.training.net, math.nan)
    result = run_trial(trial)
    assert result.state == "failed"
    assert "not finite" in result.error
    assert "Traceback" not in result.error
    assert not trial.folder.result.exists()


@either
def test_a_trial_of_too_large_a_step_has_failed_with_its_reason(tmp_path, classes):
    for lr in (1e5, 1e20, 1e38):
        spec = spec_of("scratch", classes)
        spec = spec.model_copy(update={"optimizer": spec.optimizer.model_copy(update={"name": "sgd", "lr": lr})})
        result = run_trial(open_trial(spec, tmp_path, f"{lr}"))
        assert result.state == "failed", lr
        assert "Traceback" not in result.error
