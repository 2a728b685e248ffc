import itertools
import math

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.methods import Protocol, _hanel, compose
from fairtune.methods._hanel import members
from fairtune.space import Value
from fairtune.testing.examples import Example, random_example, started
from fairtune.testing.trainings import digits_spec
from fairtune.training.folder import baseline_folder
from tests.builders import open_trial, trained_baseline

MEASURES = {name: getattr(_hanel, name) for name in ("dp_l2", "eo_l2", "dp_mi", "eo_mi", "iou", "iou_paired")}
every_measure = pytest.mark.parametrize("name", MEASURES)
CLASSES, GROUPS = 3, 3

FULL = [(y, a) for y in range(CLASSES) for a in range(GROUPS) for _ in range(3)]
LAYOUTS = {
    "every cell": FULL,
    "an empty cell": [cell for cell in FULL if cell != (1, 0)],
    "a single sample in a cell": [cell for cell in FULL if cell != (1, 0)] + [(1, 0)],
    "an absent class": [cell for cell in FULL if cell[0] != 2],
    "an absent group": [cell for cell in FULL if cell[1] != 1],
    "groups without a class in common": [(0, 0), (0, 0), (1, 1), (2, 1)],
    "one group": [cell for cell in FULL if cell[1] == 1],
    "one cell": [(2, 1)] * 4,
    "one sample": [(0, 2)],
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def batch_of(layout: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    y, a = torch.tensor(layout).T.contiguous()
    return y, a


def random_logits(size: int, scale: float = 1.0) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return (scale * torch.randn(size, CLASSES, generator=rng, dtype=torch.float64)).requires_grad_()


def measure(
    name: str,
    p: Tensor,
    y: Tensor,
    a: Tensor,
    *,
    strict: bool = False,
    num_classes: int | None = None,
    num_groups: int | None = None,
) -> Tensor:
    num_classes, num_groups = num_classes or p.shape[1], num_groups or int(a.max()) + 1
    found: Tensor = MEASURES[name](p, members(y, a, num_classes, num_groups, p.dtype), strict)
    return found


def probabilities(first: list[float]) -> Tensor:
    """Two classes, from the probability of the first."""
    p = torch.tensor(first, dtype=torch.float64)
    return torch.stack([p, 1 - p], 1)


Y, A = torch.tensor([0, 1, 0, 1]), torch.tensor([0, 0, 1, 1])


def test_demographic_parity_by_hand():
    p = probabilities([0.2, 0.4, 0.6, 0.8])
    assert float(measure("dp_l2", p, Y, A)) == pytest.approx(2 * 2 * 0.2**2)
    assert float(measure("dp_mi", p, Y, A)) == pytest.approx(0.7 * math.log(1.4) + 0.3 * math.log(0.6))


def test_equalized_odds_by_hand():
    p = probabilities([0.2, 0.6, 0.4, 1.0])
    assert float(measure("eo_l2", p, Y, A)) == pytest.approx(2 * 2 * 0.1**2 + 2 * 2 * 0.2**2)
    first = 0.5 * (0.2 * math.log(0.2 / 0.3) + 0.4 * math.log(0.4 / 0.3) + 0.8 * math.log(0.8 / 0.7) + 0.6 * math.log(0.6 / 0.7))
    second = 0.5 * (0.6 * math.log(0.6 / 0.8) + math.log(1 / 0.8) + 0.4 * math.log(0.4 / 0.2))
    assert float(measure("eo_mi", p, Y, A)) == pytest.approx(first + second)


def test_intersections_over_union_by_hand():
    p = probabilities([0.8, 0.4, 1.0, 0.0])
    first, second, whole = [0.8 / 1.4, 0.6 / 1.2], [1.0, 1.0], [1.8 / 2.4, 1.6 / 2.2]
    mean = sum(whole) / 2
    total = (sum(first) / 2 - mean) ** 2 + (sum(second) / 2 - mean) ** 2
    assert float(measure("iou", p, Y, A)) == pytest.approx(total)
    assert float(measure("iou", p, Y, A, strict=True)) == pytest.approx(total / 2)
    for strict in (False, True):
        assert float(measure("iou_paired", p, Y, A, strict=strict)) == pytest.approx((1 - sum(first) / 2) ** 2)


@every_measure
@pytest.mark.parametrize("strict", [False, True])
def test_is_zero_for_groups_that_are_treated_alike(name, strict):
    p = probabilities([0.9, 0.3, 0.9, 0.3])
    assert float(measure(name, p, Y, A, strict=strict)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("name", "expected"), [("dp_mi", math.log(2)), ("dp_l2", 1.0)])
def test_is_largest_for_predictions_that_are_the_group(name, expected):
    assert float(measure(name, probabilities([1.0, 1.0, 0.0, 0.0]), Y, A)) == pytest.approx(expected)


def information_twin(p: Tensor, a: Tensor) -> Tensor:
    joint = torch.stack([p[a == group].sum(0) / len(p) for group in a.unique()])
    summed: Tensor = sum(
        cell * (cell / (joint[row].sum() * joint[:, column].sum())).log()
        for row, line in enumerate(joint)
        for column, cell in enumerate(line)
    )
    return summed


def iou_twin(p: Tensor, y: Tensor, label: int) -> Tensor:
    inside = p[y == label, label].sum()
    share: Tensor = inside / (p[:, label].sum() + (y == label).sum() - inside)
    return share


def shared_difference(p: Tensor, y: Tensor, sets: tuple[Tensor, Tensor], labels: list[int]) -> Tensor | int:
    """Difference of two sets' mean intersection over union on the labels that both have; 0 without any."""
    first, second = sets
    both = [label for label in labels if (y[first] == label).any() and (y[second] == label).any()]
    return sum((iou_twin(p[first], y[first], c) - iou_twin(p[second], y[second], c)) / len(both) for c in both)


def twin(name: str, p: Tensor, y: Tensor, a: Tensor) -> Tensor | float:
    """The measures on what is present, by loops."""
    labels, groups = y.unique().tolist(), a.unique().tolist()
    everything = torch.ones_like(a, dtype=torch.bool)
    match name:
        case "dp_l2":
            return sum((p[a == b].mean(0) - p.mean(0)).square().sum() for b in groups)
        case "eo_l2":
            cells = [(c, b) for c in labels for b in groups if ((y == c) & (a == b)).any()]
            return sum((p[(y == c) & (a == b)].mean(0) - p[y == c].mean(0)).square().sum() for c, b in cells)
        case "dp_mi":
            return information_twin(p, a)
        case "eo_mi":
            return sum(information_twin(p[y == c], a[y == c]) for c in labels)
        case "iou":
            return sum(shared_difference(p, y, (a == b, everything), labels) ** 2 for b in groups)
        case "iou_paired":
            pairs = list(itertools.combinations(groups, 2))
            return sum(shared_difference(p, y, (a == b, a == c), labels) ** 2 for b, c in pairs) / max(1, len(pairs))
        case _:
            raise ValueError(name)


@every_measure
@every_layout
def test_what_is_present_is_compared_by_default(name, layout):
    y, a = batch_of(layout)
    logits = random_logits(len(y))
    ours = measure(name, logits.softmax(1), y, a, num_groups=GROUPS)
    expected = logits.sum() * 0 + twin(name, logits.softmax(1), y, a)
    torch.testing.assert_close(ours, expected, rtol=1e-9, atol=1e-12)
    gradients = [torch.autograd.grad(value, logits)[0] for value in (ours, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-9, atol=1e-12)


def is_constant_for_the_authors(name: str, y: Tensor, a: Tensor) -> bool:
    cells = {(int(c), int(b)) for c, b in zip(y, a, strict=True)}
    match name:
        case "dp_l2" | "iou" | "iou_paired":
            return len(a.unique()) < GROUPS
        case "eo_l2":
            return len(cells) < CLASSES * GROUPS
        case "eo_mi":
            return len(y.unique()) < CLASSES
    return False


@every_measure
@every_layout
def test_the_authors_estimates_are_a_constant_zero_where_something_is_missing(name, layout):
    y, a = batch_of(layout)
    logits = random_logits(len(y))
    loss = measure(name, logits.softmax(1), y, a, strict=True, num_groups=GROUPS)
    (gradient,) = torch.autograd.grad(loss, logits)
    if is_constant_for_the_authors(name, y, a):
        assert float(loss.detach()) == 0
        assert not gradient.any()
    elif name.startswith("iou"):
        assert float(loss.detach()) > 0
        assert torch.isfinite(gradient).all()
    else:
        torch.testing.assert_close(loss, measure(name, logits.softmax(1), y, a, num_groups=GROUPS))


def test_a_class_absent_from_a_group_counts_as_zero_for_the_authors():
    y, a, p = torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), probabilities([0.8, 1.0, 0.0])
    groups, whole = [(0.8 + 0.0) / 2, 1.0], (1.8 / 2 + 1 / 1.2) / 2
    assert float(measure("iou", p, y, a, strict=True)) == pytest.approx(sum((iou - whole) ** 2 for iou in groups) / 2)
    assert float(measure("iou_paired", p, y, a, strict=True)) == pytest.approx((groups[0] - groups[1]) ** 2)


@every_measure
@every_layout
def test_underflowed_probabilities_give_a_finite_gradient(name, layout):
    y, a = batch_of(layout)
    for scale in (200.0, 1e4):
        logits = random_logits(len(y), scale).detach().float().requires_grad_()
        loss = measure(name, logits.softmax(1), y, a, num_groups=GROUPS)
        loss.backward()
        assert (logits.softmax(1) == 0).any()
        assert torch.isfinite(loss)
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()


def method_term(name: str, example: Example, protocol: Protocol, num_classes: int, **values: Value) -> Tensor:
    composite = started(name, {f"{name}.{key}": value for key, value in values.items()}, protocol=protocol, num_classes=num_classes)
    (term,) = example.terms(composite).values()
    return term


@every_measure
def test_two_classes_are_halved_for_the_authors_alone(name):
    y, a = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    example = random_example(y, a, num_classes=2)
    logits = example.student.logits
    protocols: dict[Protocol, Tensor] = {"fixed": logits, "official": logits / 2}
    for protocol, seen in protocols.items():
        expected = 3 * measure(name, seen.softmax(1), y, a, strict=protocol == "official")
        torch.testing.assert_close(method_term(name, example, protocol, 2, weight=3.0), expected)


@every_measure
def test_three_classes_are_never_halved(name):
    y, a = batch_of(FULL)
    example = random_example(y, torch.where(a == 2, 0, a))
    expected = measure(name, example.student.logits.softmax(1), y, example.batch.a, strict=True)
    torch.testing.assert_close(method_term(name, example, "official", 3), expected)


def test_by_default_the_net_fine_tunes_the_trained_baseline(tmp_path):
    teacher = trained_baseline(tmp_path)
    trained = load_file(baseline_folder(tmp_path, teacher).weights)
    starts = {}
    for init in ("teacher", "scratch"):
        spec = digits_spec("dp_l2", values={"dp_l2.init": init}, teacher=teacher)
        assert compose("dp_l2", spec.values).needs_baseline == (init == "teacher")
        starts[init] = open_trial(spec, tmp_path, init).training.net.state_dict()
    fresh = open_trial(digits_spec(), tmp_path, "fresh").training.net.state_dict()
    for name, value in trained.items():
        assert torch.equal(starts["teacher"][name], value)
        assert torch.equal(starts["scratch"][name], fresh[name])
        assert name.startswith("normalise.") or not torch.equal(value, fresh[name])


def test_without_a_baseline_there_is_nothing_to_fine_tune(tmp_path):
    with pytest.raises(InvalidInput, match="needs a teacher"):
        open_trial(digits_spec("iou"), tmp_path)
    open_trial(digits_spec("iou", values={"iou.init": "scratch"}), tmp_path)
