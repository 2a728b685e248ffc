import pytest
import torch

from fairtune.methods.at import at_loss, attention
from fairtune.testing.examples import random_example, started


def random_maps(seed=0, shape=(4, 3, 2, 5)):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=rng, dtype=torch.float64).relu()


def attention_twin(maps):
    rows = []
    for sample in maps:
        channels, height, width = sample.shape
        where = [sum(sample[c, i, j] ** 2 for c in range(channels)) / channels for i in range(height) for j in range(width)]
        norm = sum(value**2 for value in where) ** 0.5
        rows.append(torch.stack([value / max(norm, 1e-12) for value in where]))
    return torch.stack(rows)


def test_agrees_with_loops_over_channels_and_positions():
    student, teacher = random_maps(0).requires_grad_(), random_maps(1)
    loss = at_loss(student, attention(teacher))
    difference = attention_twin(student) - attention_twin(teacher)
    expected = difference.square().sum() / difference.numel() / 2
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(*(torch.autograd.grad(value, student)[0] for value in (loss, expected)))


def test_by_hand():
    maps = torch.tensor([[[[3.0, 0.0]], [[0.0, 2.0]]]])
    torch.testing.assert_close(attention(maps), torch.tensor([[4.5, 2.0]]) / (4.5**2 + 2.0**2) ** 0.5)
    expected = ((4.5 / 24.25**0.5) ** 2 + (2 / 24.25**0.5 - 1) ** 2) / 2 / 2
    assert float(at_loss(maps, torch.tensor([[0.0, 1.0]]))) == pytest.approx(expected)


def test_the_scale_of_a_map_does_not_matter():
    maps = random_maps()
    torch.testing.assert_close(attention(1e3 * maps), attention(maps))


def test_a_dead_map_attends_to_nothing_and_gets_no_gradient():
    student = random_maps()
    student[1] = 0
    student.requires_grad_()
    loss = at_loss(student, attention(random_maps(1)))
    loss.backward()
    assert not attention(student)[1].any()
    assert torch.isfinite(student.grad).all()
    assert not student.grad[1].any()
    assert all(student.grad[sample].any() for sample in (0, 2, 3))


def test_the_teacher_gets_no_gradient():
    teacher = random_maps(1).requires_grad_()
    at_loss(random_maps().requires_grad_(), attention(teacher)).backward()
    assert teacher.grad is None


def test_the_method_weighs_the_term_and_keeps_one_number_per_position():
    example = random_example(torch.tensor([0, 1]), torch.tensor([0, 1]))
    composite = started("at", {"at.weight": 7.0})
    kept, maps = composite.from_teacher(example.teacher), (example.student.maps, example.teacher.maps)
    assert maps[0] is not None
    assert maps[1] is not None
    assert {name: value.shape for name, value in kept.items()} == {"attention": (2, 9)}
    torch.testing.assert_close(example.terms(composite)["at"], 7 * at_loss(maps[0], attention(maps[1])))
