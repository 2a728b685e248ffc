from collections.abc import Callable, Iterator, Mapping
from typing import TypedDict

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods import Progress, Protocol
from fairtune.methods._mmd import Kernel
from fairtune.methods.mfd import mfd_loss
from fairtune.methods.mfd_f import mfd_f_loss
from fairtune.methods.mfd_k import mfd_k_loss
from fairtune.space import Value
from fairtune.testing.examples import random_example, started

CLASSES, GROUPS = 3, 2


def pairwise(u: Tensor, v: Tensor) -> Tensor:
    return torch.stack([(row - v).square().sum(1) for row in u]).clamp(min=1e-12)


def mmd(teacher: Tensor, student: Tensor, bandwidth: Tensor, kernel: Kernel) -> Tensor:
    def mean_kernel(u: Tensor, v: Tensor) -> Tensor:
        if kernel == "poly":
            return (F.normalize(u) @ F.normalize(v).T).square().mean()
        return torch.exp(-pairwise(u, v) / (2 * bandwidth)).mean()

    return mean_kernel(teacher, teacher) + mean_kernel(student, student) - 2 * mean_kernel(teacher, student)


def cells(features: Tensor, y: Tensor, a: Tensor, num_classes: int, num_groups: int) -> Iterator[tuple[int, Tensor]]:
    for label in range(num_classes):
        for group in range(num_groups):
            if len(members := features[(y == label) & (a == group)]):
                yield label, members


def mfd_twin(
    student: Tensor,
    teacher: Tensor,
    y: Tensor,
    a: Tensor,
    num_classes: int,
    num_groups: int,
    sigma: float,
    sigma_power: int,
    kernel: Kernel,
    bandwidth: str,
) -> Tensor:
    student, teacher = student.flatten(1), teacher.flatten(1)
    h = pairwise(teacher, student).mean()
    total = torch.zeros((), dtype=student.dtype)
    for label, members in cells(student, y, a, num_classes, num_groups):
        of_class = teacher[y == label]
        if bandwidth == "cell":
            both = torch.cat([of_class, members])
            h = pairwise(both, both).mean()
        total = total + mmd(of_class, members, sigma**sigma_power * h.detach(), kernel)
    return total


def mfd_f_twin(student: Tensor, y: Tensor, a: Tensor, num_classes: int, num_groups: int, sigma: float, kernel: Kernel) -> Tensor:
    student = student.flatten(1)
    total = torch.zeros((), dtype=student.dtype)
    for label, members in cells(student, y, a, num_classes, num_groups):
        of_class = student[y == label].detach()
        h = pairwise(of_class, members).mean().detach()
        total = total + mmd(of_class, members, sigma**2 * h, kernel).clamp(min=0)
    return total / num_groups


def random_cells(seed: int, size: int = 20) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    return torch.randint(CLASSES, (size,), generator=rng), torch.randint(GROUPS, (size,), generator=rng)


def full(seed: int) -> tuple[Tensor, Tensor]:
    return random_cells(seed)


def absent_class(seed: int) -> tuple[Tensor, Tensor]:
    y, a = random_cells(seed)
    return torch.where(y == 1, 2, y), a


def empty_cell(seed: int) -> tuple[Tensor, Tensor]:
    y, a = random_cells(seed)
    return y, torch.where(y == 1, 0, a)


def single_sample_cell(seed: int) -> tuple[Tensor, Tensor]:
    y, a = empty_cell(seed)
    a[torch.nonzero(y == 1)[0]] = 1
    return y, a


def one_group(seed: int) -> tuple[Tensor, Tensor]:
    y, _ = random_cells(seed)
    return y, torch.ones_like(y)


def one_sample(seed: int) -> tuple[Tensor, Tensor]:
    return torch.tensor([2]), torch.tensor([1])


LAYOUTS = [full, absent_class, empty_cell, single_sample_cell, one_group, one_sample]
SCALES = {"unit": 1.0, "zero": 0.0, "tiny": 1e-6, "large": 1e2}


def features(
    layout: Callable[[int], tuple[Tensor, Tensor]], scale: float = 1.0, shape: tuple[int, ...] = (5,), seed: int = 0
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    y, a = layout(seed)
    example = random_example(y, a, seed=seed + 100, features=shape)
    student, teacher = (scale * part.features.detach() for part in (example.student, example.teacher))
    return student.requires_grad_(), teacher, y, a


def assert_same_value_and_gradient(ours: Tensor, twin: Tensor, student: Tensor) -> None:
    values, gradients = [], []
    for loss in (ours, twin):
        values.append(loss.detach())
        gradients.append(torch.autograd.grad(loss, student, allow_unused=True)[0])
    torch.testing.assert_close(values[0], values[1], rtol=1e-9, atol=1e-12)
    scale = max(1.0, float(gradients[1].abs().max()))
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-9, atol=2e-11 * scale)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize(
    ("kernel", "bandwidth", "sigma", "sigma_power"),
    [
        ("rbf", "batch", 1.0, 1),
        ("rbf", "batch", 0.5, 1),
        ("rbf", "batch", 2.0, 2),
        ("rbf", "cell", 2.0, 2),
        ("poly", "batch", 1.0, 1),
    ],
)
def test_mfd_agrees_with_loops_over_cells(layout, scale, kernel, bandwidth, sigma, sigma_power):
    student, teacher, y, a = features(layout, scale)
    ours = mfd_loss(
        student,
        teacher,
        y,
        a,
        num_classes=CLASSES,
        num_groups=GROUPS,
        sigma=sigma,
        sigma_power=sigma_power,
        kernel=kernel,
        bandwidth=bandwidth,
    )
    twin = mfd_twin(student, teacher, y, a, CLASSES, GROUPS, sigma, sigma_power, kernel, bandwidth)
    assert_same_value_and_gradient(ours, twin, student)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize(("kernel", "sigma"), [("rbf", 1.0), ("rbf", 0.5), ("rbf", 2.0), ("poly", 1.0)])
def test_mfd_f_agrees_with_loops_over_cells(layout, scale, kernel, sigma):
    student, _, y, a = features(layout, scale)
    ours = mfd_f_loss(student, y, a, num_classes=CLASSES, num_groups=GROUPS, sigma=sigma, kernel=kernel)
    assert_same_value_and_gradient(ours, mfd_f_twin(student, y, a, CLASSES, GROUPS, sigma, kernel), student)


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize(("kernel", "sigma"), [("rbf", 1.0), ("rbf", 0.5), ("rbf", 2.0), ("poly", 1.0)])
def test_mfd_k_agrees_with_the_mmd_of_two_sets(scale, kernel, sigma):
    student, teacher, _, _ = features(full, scale)
    h = pairwise(teacher, student).mean().detach()
    ours = mfd_k_loss(student, teacher, sigma=sigma, sigma_power=2, kernel=kernel)
    assert_same_value_and_gradient(ours, mmd(teacher, student, sigma**2 * h, kernel), student)


class Sizes(TypedDict):
    num_classes: int
    num_groups: int


@pytest.mark.parametrize("seed", range(5))
def test_maps_are_compared_as_one_long_vector(seed):
    student, teacher, y, a = features(full, shape=(4, 3, 3), seed=seed)
    sizes = Sizes(num_classes=CLASSES, num_groups=GROUPS)
    assert_same_value_and_gradient(
        mfd_loss(student, teacher, y, a, **sizes),
        mfd_loss(student.flatten(1), teacher.flatten(1), y, a, **sizes),
        student,
    )
    assert_same_value_and_gradient(
        mfd_f_loss(student, y, a, **sizes), mfd_f_twin(student, y, a, CLASSES, GROUPS, 1.0, "rbf"), student
    )


@pytest.mark.parametrize("seed", range(10))
def test_random_batches_agree_with_loops(seed):
    student, teacher, y, a = features(full, seed=seed)
    ours = mfd_loss(student, teacher, y, a, num_classes=CLASSES, num_groups=GROUPS)
    assert_same_value_and_gradient(ours, mfd_twin(student, teacher, y, a, CLASSES, GROUPS, 1, 1, "rbf", "batch"), student)


def test_a_student_that_copies_each_group_s_class_loses_nothing():
    y, a = torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), torch.tensor([0, 0, 1, 1, 0, 0, 1, 1])
    teacher = torch.tensor([[1.0], [2.0], [1.0], [2.0], [5.0], [7.0], [5.0], [7.0]], dtype=torch.float64)
    loss = mfd_loss(teacher.clone(), teacher, y, a, num_classes=2, num_groups=2)
    assert float(loss) == pytest.approx(0, abs=1e-12)


def test_the_teacher_gets_no_gradient():
    student, teacher, y, a = features(full)
    teacher.requires_grad_()
    for loss in (mfd_loss(student, teacher, y, a, num_classes=CLASSES, num_groups=GROUPS), mfd_k_loss(student, teacher)):
        loss.backward()
        assert teacher.grad is None


@pytest.mark.parametrize("method", ["mfd", "mfd_k"])
def test_sigma_is_squared_under_the_fixed_protocol_only(method):
    example = random_example(*full(0))

    def value(sigma: float, protocol: Protocol) -> float:
        composite = started(method, {f"{method}.sigma": sigma}, protocol=protocol)
        return float(example.terms(composite, Progress(0, 2))[method].detach())

    assert value(4.0, "official") == pytest.approx(value(2.0, "fixed"), rel=1e-12)
    assert value(4.0, "official") != pytest.approx(value(4.0, "fixed"), rel=1e-3)
    assert value(1.0, "official") == value(1.0, "fixed")


@pytest.mark.parametrize(
    ("method", "change"),
    [("mfd", {"kernel": "poly"}), ("mfd", {"bandwidth": "cell"}), ("mfd_k", {"kernel": "poly"}), ("mfd_f", {"kernel": "poly"})]
    + [(method, {"sigma": 3.0}) for method in ("mfd", "mfd_k", "mfd_f")],
)
def test_every_hyperparameter_reaches_the_loss(method, change):
    example = random_example(*full(0))

    def value(values: Mapping[str, Value]) -> float:
        composite = started(method, {f"{method}.{name}": given for name, given in values.items()})
        return float(example.terms(composite, Progress(0, 2))[method].detach())

    assert value(change) != pytest.approx(value({}), rel=1e-3)
    assert value({"weight": 6.0}) == pytest.approx(2 * value({"weight": 3.0}), rel=1e-12)
