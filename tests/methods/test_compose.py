import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.methods import components, compose
from fairtune.methods.hkd import HintonDistillation
from fairtune.methods.mfd import FairFeatureDistillation
from fairtune.spec import PlugIn
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import digits_training, parameters, train_epochs
from tests.methods.outside import Room

OUTSIDE = "tests.methods.outside:Adversary"


def test_parts_keep_their_order_and_lose_their_module():
    assert list(components(f" ss + hkd+{OUTSIDE}")) == ["ss", "hkd", "Adversary"]


@pytest.mark.parametrize("method", ["", "+", "ss+", "+hkd", "ss++hkd"])
def test_an_empty_part_is_refused(method):
    with pytest.raises(InvalidInput, match="joined by"):
        components(method)


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("domain_independent+tests.methods.outside:OwnTaskLoss", "each replace the cross-entropy"),
        ("mi+ffw", "ffw freezes the net that mi updates"),
        ("ffw+ffw_structured", "ffw and ffw_structured each freeze the trained baseline"),
        ("fitnet+tests.methods.outside:SecondStage", "fitnet and SecondStage each have a stage in which they train alone"),
    ],
)
def test_two_parts_of_a_kind_that_can_be_there_once_are_refused(method, reason):
    with pytest.raises(InvalidInput, match=reason):
        compose(method, {})


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        ("magnitude+hkd", "magnitude has to be used alone, because it trains nothing: beside it hkd would have no effect"),
        ("ss+ad+magnitude", r"magnitude has to be used alone, because it trains nothing: beside it ss\+ad would have no effect"),
        ("scratch+hkd", "scratch adds nothing to hkd: write hkd"),
        ("ss+mfd+hkd", r"ss adds nothing to mfd\+hkd, because mfd balances its batches itself: write mfd\+hkd"),
        ("hkd+reweight+ss", r"reweight weighs what the batches of ss have balanced already: write hkd\+ss"),
    ],
)
def test_a_part_that_would_have_no_effect_is_refused(method, reason):
    with pytest.raises(InvalidInput, match=reason):
        compose(method, {})


def test_a_part_named_twice_is_refused():
    with pytest.raises(InvalidInput, match="'ss\\+hkd\\+ss' names ss twice"):
        components("ss+hkd+ss")


def test_an_unknown_part_gets_near_misses():
    with pytest.raises(InvalidInput, match="unknown method 'hkb': did you mean 'hkd'"):
        components("ss+hkb")


def test_values_go_to_their_part_and_the_rest_keep_their_default():
    composite = compose("mfd+hkd", {"mfd.weight": 7.0, "hkd.temperature": 5.0})
    mfd, hkd = composite.parts.values()
    assert isinstance(mfd, FairFeatureDistillation)
    assert isinstance(hkd, HintonDistillation)
    assert (mfd.weight, mfd.sigma, hkd.weight, hkd.temperature) == (7.0, 1.0, 4.0, 5.0)


def test_an_unknown_hyperparameter_is_refused():
    with pytest.raises(InvalidInput, match="unknown option 'wieght'"):
        compose("mfd", {"mfd.wieght": 7.0})


@pytest.mark.parametrize("given", ["weight", "hkd.weight", "mdf.weight", "mfdweight"])
def test_a_hyperparameter_of_no_part_is_refused_and_none_is_silently_left_out(given):
    with pytest.raises(InvalidInput, match=f"unknown hyperparameter of mfd '{given}': did you mean 'mfd.weight'"):
        compose("mfd", {given: 7.0})


def test_a_class_within_a_class_has_its_values_by_its_whole_name():
    (part,) = compose("tests.methods.outside:Room.Inside", {"Room.Inside.weight": 2.0}).parts.values()
    assert isinstance(part, Room.Inside)
    assert part.weight == 2.0


def test_class_weights_multiply_the_task_loss_of_their_class():
    y = torch.tensor([0, 1, 1, 2])
    example = random_example(y, torch.tensor([0, 1, 0, 1]))
    composite = started("scratch")
    single = torch.nn.functional.cross_entropy(example.student.logits, y, reduction="none")
    weighted = composite.task_loss(example.student, example.batch, torch.tensor([0.5, 2.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(weighted, (single * torch.tensor([0.5, 2.0, 2.0, 1.0])).mean())


def test_one_part_s_wish_is_enough():
    digits = PlugIn(name="digits")
    assert not compose("hkd", {}).balances(digits)
    assert compose("ss+hkd", {}).balances(digits)
    assert compose("ss+hkd", {}).needs_teacher
    assert not compose("ss", {}).needs_teacher


def test_a_composite_adds_the_terms_of_its_parts():
    y, a = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([0, 0, 0, 1, 1, 1])
    example = random_example(y, a)
    mfd, hkd, both = (example.terms(started(method)) for method in ("mfd", "hkd", "mfd+hkd"))
    assert both == mfd | hkd


def outside_training(lr=1e-2, **changes):
    return digits_training(f"hkd+{OUTSIDE}", {"Adversary.lr": lr}, **changes)


def test_a_method_moves_its_own_modules_at_its_own_rate():
    before = parameters(outside_training())
    moving, still = outside_training(), outside_training(lr=0.0)
    own = [name for name in before if name.startswith("Adversary.")]
    assert len(own) == 4
    for training in (moving, still):
        train_epochs(training, 1)
    assert not any(torch.equal(before[name], parameters(moving)[name]) for name in own)
    assert all(torch.equal(before[name], parameters(still)[name]) for name in own)
    assert not torch.equal(before["head.weight"], parameters(still)["head.weight"])


def test_owned_modules_are_initialised_from_the_trial_s_seed():
    first = parameters(outside_training(seed=5))
    torch.rand(7)
    again, other = parameters(outside_training(seed=5)), parameters(outside_training(seed=6))
    name = "Adversary.0.0.weight"
    assert torch.equal(first[name], again[name])
    assert not torch.equal(first[name], other[name])


def test_a_state_of_other_parts_is_refused():
    state = outside_training().state_dict()
    with pytest.raises(KeyError):
        digits_training("mfd").load_state_dict(state)
