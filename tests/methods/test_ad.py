import math
from typing import cast

import pytest
import torch
import torch.nn.functional as F

from fairtune.errors import Diverged
from fairtune.methods import Loop, Progress
from fairtune.methods._adversaries import reversed_gradient
from fairtune.methods.ad import AdversarialDebiasing, ad_loss
from fairtune.spec import Optimizer
from fairtune.testing.examples import A, K, random_example, started
from fairtune.testing.trainings import digits_training, parameters, train_epochs

Y, GROUPS = torch.tensor([0, 0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 0, 1, 0])
LAST = Progress(3, 4)


def adversaries_of(composite):
    return composite.parts["ad"].adversaries


def scores_twin(adversaries, logits, y):
    """Each sample through the perceptron of its class."""
    scores = []
    for z, c in zip(logits, y.tolist(), strict=True):
        hidden = (adversaries.w0[c] @ z + adversaries.b0[c]).clamp(min=0)
        scores.append(adversaries.w1[c] @ hidden + adversaries.b1[c])
    return torch.stack(scores)


def gradients(values, protocol="fixed", progress=LAST, y=Y, a=GROUPS):
    """Of the term with respect to the logits and to the adversaries' parameters."""
    composite, example = started("ad", values, protocol=protocol), random_example(y, a)
    example.terms(composite, progress)["ad"].backward()
    return example.student.logits.grad, {name: p.grad for name, p in adversaries_of(composite).named_parameters()}


def test_every_sample_goes_to_the_adversary_of_its_class():
    adversaries = adversaries_of(started("ad"))
    logits = random_example(Y, GROUPS).student.logits
    torch.testing.assert_close(adversaries(logits, Y), scores_twin(adversaries, logits, Y))


def test_adversaries_start_different_and_within_the_bounds_of_a_linear_layer():
    adversaries = adversaries_of(started("ad"))
    for name, fan_in in (("w0", K), ("b0", K), ("w1", 32), ("b1", 32)):
        values = getattr(adversaries, name)
        assert values.shape[0] == K
        assert 0 < values.abs().max() <= 1 / math.sqrt(fan_in)
        assert not torch.equal(values[0], values[1])


@pytest.mark.parametrize("y", [Y, torch.tensor([0, 0, 0, 2, 2, 2]), torch.ones(6, dtype=torch.int64)], ids=["all", "two", "one"])
def test_is_the_sum_over_present_classes_of_the_mean_within_each(y):
    scores = torch.randn(len(y), A, generator=torch.Generator().manual_seed(0))
    expected = sum(F.cross_entropy(scores[y == c], GROUPS[y == c]) for c in y.unique())
    torch.testing.assert_close(ad_loss(scores, y, GROUPS, K), expected)


def test_the_adversary_of_an_absent_class_gets_no_gradient():
    _, own = gradients({}, y=torch.tensor([0, 0, 0, 2, 2, 2]))
    for gradient in own.values():
        assert gradient[0].any()
        assert not gradient[1].any()


def test_the_gradient_comes_back_reversed_and_multiplied():
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    seen = reversed_gradient(x, 3.0)
    assert torch.equal(seen, x)
    (seen * torch.tensor([1.0, -4.0])).sum().backward()
    assert x.grad.tolist() == [-3.0, 12.0]


@pytest.mark.parametrize(("limit", "expected"), [(10.0, [-3.0, -4.0]), (5.0, [-3.0, -4.0]), (1.0, [-0.6, -0.8])])
def test_a_gradient_beyond_the_limit_keeps_its_direction(limit, expected):
    x = torch.zeros(2, requires_grad=True)
    (reversed_gradient(x, 1.0, limit) * torch.tensor([3.0, 4.0])).sum().backward()
    assert x.grad.tolist() == pytest.approx(expected)


def test_a_gradient_of_zero_stays_zero_under_a_limit():
    x = torch.zeros(2, requires_grad=True)
    (0 * reversed_gradient(x, 1.0, 1.0)).sum().backward()
    assert x.grad.tolist() == [0, 0]


def test_the_limit_is_the_largest_gradient_that_cross_entropy_can_have():
    limit = math.sqrt(2 / len(Y))
    wrong = (100 * F.one_hot((Y + 1) % K, K).double()).requires_grad_()
    F.cross_entropy(wrong, Y).backward()
    assert float(wrong.grad.norm()) == pytest.approx(limit)
    assert float(gradients({"ad.weight": 1e4})[0].norm()) == pytest.approx(limit)
    assert float(gradients({"ad.weight": 1e4}, "official")[0].norm()) > 10 * limit


@pytest.mark.parametrize(
    ("ramp", "protocol", "expected"),
    [
        (0.5, "fixed", [1, 2, 2, 2]),
        (1.0, "fixed", [0.5, 1, 1.5, 2]),
        (0.0, "fixed", [2, 2, 2, 2]),
        (0.1, "fixed", [2, 2, 2, 2]),
        (1.0, "official", [2, 2, 2, 2]),
    ],
)
def test_the_weight_rises_over_the_ramp(ramp, protocol, expected):
    part = started("ad", {"ad.weight": 2.0, "ad.ramp": ramp}, protocol=protocol).parts["ad"]
    assert isinstance(part, AdversarialDebiasing)
    assert [part.strength(Progress(epoch, 4)) for epoch in range(4)] == pytest.approx(expected)


def test_the_ramp_reaches_the_gradient():
    values = {"ad.weight": 1e-3, "ad.ramp": 1.0}
    first, last = (gradients(values, progress=Progress(epoch, 4))[0] for epoch in (0, 3))
    torch.testing.assert_close(4 * first, last)


def test_the_net_climbs_what_the_adversaries_descend():
    composite, example = started("ad", {"ad.weight": 2.0}, protocol="official"), random_example(Y, GROUPS)
    example.terms(composite, LAST)["ad"].backward()
    logits = example.student.logits.detach().requires_grad_()
    ad_loss(adversaries_of(composite)(logits, Y), Y, GROUPS, K).backward()
    torch.testing.assert_close(example.student.logits.grad, -2 * logits.grad)


def test_the_weight_does_not_reach_the_adversaries():
    weak, strong = (gradients({"ad.weight": weight})[1] for weight in (0.0, 50.0))
    torch.testing.assert_close(weak, strong, rtol=0, atol=0)
    assert all(gradient.any() for gradient in weak.values())


def test_weight_zero_leaves_the_net_alone_while_the_adversaries_learn():
    training, baseline = digits_training("ad", {"ad.weight": 0.0}), digits_training("scratch")
    before = parameters(training)
    records = train_epochs(training, 3)
    train_epochs(baseline, 3)
    assert all(torch.equal(value, parameters(training)[name]) for name, value in parameters(baseline).items())
    assert not any(torch.equal(before[name], value) for name, value in parameters(training).items() if name.startswith("ad."))
    assert records[-1]["train.ad"] < 0.9 * records[0]["train.ad"]


def test_a_net_far_worse_than_guessing_has_diverged():
    part, no_loop = started("ad").parts["ad"], cast("Loop", None)
    hopeless = 5 * math.log(K)
    assert part.end_epoch(no_loop, {"ce": 0.99 * hopeless}, LAST) == {}
    assert part.end_epoch(no_loop, {"fitnet": 1.0}, LAST) == {}
    with pytest.raises(Diverged, match="lower ad\\.weight"):
        part.end_epoch(no_loop, {"ce": 1.01 * hopeless}, LAST)


def test_a_diverged_training_ends():
    training = digits_training("ad", optimizer=Optimizer(lr=1.0, schedule="constant"))
    with pytest.raises(Diverged, match="the adversaries have won"):
        train_epochs(training, 4)
