import pytest
import torch

from fairtune.methods import Progress
from fairtune.methods.hkd import annealed_weight, hkd_loss
from fairtune.testing.examples import random_example, started


def random_logits():
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(6, 4, generator=rng, dtype=torch.float64) for _ in range(2)]


@pytest.mark.parametrize("temperature", [1.0, 3.0, 10.0])
def test_is_the_divergence_of_softened_predictions(temperature):
    student, teacher = random_logits()
    p_s, p_t = ((logits / temperature).exp() for logits in (student, teacher))
    p_s, p_t = p_s / p_s.sum(1, keepdim=True), p_t / p_t.sum(1, keepdim=True)
    expected = temperature**2 * (p_t * (p_t.log() - p_s.log())).sum(1).mean()
    torch.testing.assert_close(hkd_loss(student, teacher, temperature=temperature), expected)


def test_is_zero_for_equal_predictions_and_unmoved_by_a_constant():
    student, _ = random_logits()
    assert float(hkd_loss(student, student + 7, temperature=3.0)) == pytest.approx(0, abs=1e-12)


def test_extreme_logits_stay_finite():
    student, teacher = (1e4 * logits for logits in random_logits())
    student.requires_grad_()
    loss = hkd_loss(student, teacher, temperature=1.0)
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(student.grad).all()


def test_the_teacher_gets_no_gradient():
    student, teacher = (logits.requires_grad_() for logits in random_logits())
    hkd_loss(student, teacher, temperature=3.0).backward()
    assert teacher.grad is None


def test_the_published_weight_falls_from_four_to_one_under_either_protocol():
    for official in (False, True):
        weights = [annealed_weight(4.0, Progress(epoch, 4), official=official) for epoch in range(4)]
        assert weights == pytest.approx([4, 3, 2, 1])


@pytest.mark.parametrize("weight", [0.0, 0.4, 1.0, 2.9, 40.0])
def test_a_weight_never_turns_negative(weight):
    weights = [annealed_weight(weight, Progress(epoch, 10), official=False) for epoch in range(10)]
    assert min(weights) >= 0
    assert weights == sorted(weights, reverse=True)


def test_the_authors_annealing_turns_a_small_weight_negative():
    assert annealed_weight(0.0, Progress(9, 10), official=True) == -3


def test_one_epoch_is_not_annealed():
    assert annealed_weight(4.0, Progress(0, 1), official=False) == 4


def loss_at(epoch, values, protocol="fixed"):
    y = torch.tensor([0, 1, 2, 0])
    example = random_example(y, torch.zeros_like(y))
    composite = started("hkd", values, protocol=protocol)
    return float(example.terms(composite, Progress(epoch, 5))["hkd"].detach())


def test_annealing_can_be_turned_off():
    assert loss_at(4, {"hkd.annealing": "none"}) == loss_at(0, {})
    assert loss_at(4, {}) == pytest.approx(loss_at(0, {}) / 4)


def test_the_protocol_reaches_the_annealing():
    assert loss_at(4, {"hkd.weight": 2.0}) > 0
    assert loss_at(4, {"hkd.weight": 2.0}, "official") < 0
