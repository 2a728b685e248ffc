"""Terms that compare groups, against formulas written out cell by cell; what a batch lacks is left out under ``fixed``."""

import itertools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune import plugins
from fairtune.errors import InvalidInput
from fairtune.methods import Method, Progress, components
from fairtune.methods._comparing import strata
from fairtune.methods.cfair import balancing, cfair_loss
from fairtune.methods.coral import coral_loss
from fairtune.methods.end import end_terms
from fairtune.methods.fairret import fairret_loss
from fairtune.methods.gap import gap_loss
from fairtune.methods.hsic import hsic_loss
from fairtune.methods.irm import irm_penalty
from fairtune.methods.laftr import LAFTR
from fairtune.methods.mmd import mmd_loss
from fairtune.space import Real
from fairtune.testing.examples import random_example, started

K, A = 3, 4
CELLS = [(y, a) for y in range(K) for a in range(A) if (y, a) not in {(0, 1), (2, 3), (1, 3)}] * 2 + [(0, 2), (1, 1), (0, 3)]
Y, GROUPS = (torch.tensor(column) for column in zip(*CELLS, strict=True))


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def compared(criterion, positive=1):
    return strata(Y, GROUPS, criterion=criterion, positive=positive, num_classes=K, num_groups=A, dtype=torch.float64)


def rows_of(criterion, positive=1):
    """The strata as rows."""
    match criterion:
        case "dp":
            return [torch.arange(len(Y))]
        case "eodd":
            return [rows_of("eopp", y)[0] for y in range(K)]
        case _:
            return [torch.nonzero(torch.eq(Y, positive)).squeeze(1)]


def pairs_in(rows):
    """The samples of two groups that are both there."""
    groups = [rows[GROUPS[rows] == a] for a in range(A)]
    return list(itertools.combinations([group for group in groups if len(group)], 2))


def mean_over_pairs(rows, distance):
    found = [distance(one, two) for one, two in pairs_in(rows)]
    return sum(found) / len(found)


CRITERIA = ["dp", "eodd", "eopp"]


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_a_gap_is_half_the_sum_of_the_differences_of_mean_predictions(criterion, power):
    p = draw(len(Y), K).softmax(1)

    def difference(one, two):
        return ((p[one].mean(0) - p[two].mean(0)).abs() ** power).sum() / 2

    expected = sum(mean_over_pairs(rows, difference) for rows in rows_of(criterion))
    torch.testing.assert_close(gap_loss(p, compared(criterion), power=power), expected)


@pytest.mark.parametrize("criterion", CRITERIA)
def test_coral_compares_means_and_covariances_of_pairs(criterion):
    z = draw(len(Y), 5)

    def difference(one, two):
        means = (z[one].mean(0) - z[two].mean(0)).square().mean()
        if min(len(one), len(two)) < 2:
            return means
        return means + (torch.cov(z[one].T) - torch.cov(z[two].T)).square().mean()

    found = [mean_over_pairs(rows, difference) for rows in rows_of(criterion)]
    torch.testing.assert_close(coral_loss(z, compared(criterion)), sum(found) / len(found))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_mmd_compares_kernel_means_of_pairs(criterion):
    z = draw(len(Y), 5)

    def kernel(one, two):
        distances = (z[one][:, None] - z[two][None, :]).square().sum(2)
        return sum(torch.exp(-gamma * distances / 2) for gamma in (1e-3, 1e-2, 1e-1, 1, 1e1, 1e2, 1e3)).mean()

    def difference(one, two):
        return kernel(one, one) + kernel(two, two) - 2 * kernel(one, two)

    found = [mean_over_pairs(rows, difference) for rows in rows_of(criterion)]
    torch.testing.assert_close(mmd_loss(z, compared(criterion), scale=2.0), sum(found) / len(found))


@pytest.mark.parametrize("criterion", CRITERIA)
def test_hsic_is_the_trace_of_centred_kernels_within_strata(criterion):
    x, codes = draw(len(Y), 2), F.one_hot(GROUPS, A).double()
    total = torch.zeros((), dtype=torch.float64)
    for rows in rows_of(criterion):
        n = len(rows)
        k, of_groups = (torch.exp(-torch.cdist(part[rows], part[rows]).square()) for part in (x / 2**0.5, codes))
        h = torch.eye(n, dtype=torch.float64) - 1 / n
        total = total + torch.trace(k @ h @ of_groups @ h) / (n - 1) ** 2
    torch.testing.assert_close(hsic_loss(x, codes, compared(criterion).member.sum(2), scale=2.0), total)


def test_entangling_takes_every_pair_of_a_class_across_groups_whatever_their_order():
    u = F.normalize(draw(len(Y), 6))
    everyone = range(len(Y))
    across = [(i, j) for i, j in itertools.combinations(everyone, 2) if Y[i] == Y[j] and GROUPS[i] != GROUPS[j]]
    within = [(i, j) for i, j in itertools.combinations(everyone, 2) if GROUPS[i] == GROUPS[j]]
    orthogonal, parallel = end_terms(u, Y, GROUPS, num_groups=A)
    torch.testing.assert_close(parallel, torch.stack([(1 - u[i] @ u[j]) / 2 for i, j in across]).mean())
    sums = [sum((u[i] @ u[j] for i, j in within if GROUPS[i] == a), torch.zeros(())) for a in range(A)]
    torch.testing.assert_close(orthogonal, sum(abs(s) for s in sums) / len(within))


@pytest.mark.parametrize("norm", ["1", "2", "lse"])
@pytest.mark.parametrize("statistic", ["pr", "tpr", "fpr"])
def test_relative_gaps_are_the_mean_over_classes_of_groups_that_have_samples(statistic, norm):
    p = draw(len(Y), K).softmax(1)
    found = []
    for k in range(K):
        counted = {"pr": torch.ones(len(Y), dtype=torch.bool), "tpr": k == Y, "fpr": k != Y}[statistic]
        rates = [p[counted & (a == GROUPS), k].mean() for a in range(A) if (counted & (a == GROUPS)).any()]
        v = torch.stack([(rate / p[counted, k].mean() - 1).abs() for rate in rates])
        found.append(v.exp().mean().log() if norm == "lse" else v.norm(float(norm)))
    loss = fairret_loss(p, Y, GROUPS, num_groups=A, statistic=statistic, norm=norm)
    torch.testing.assert_close(loss, torch.stack(found).mean())


def test_the_penalty_of_invariant_risk_is_the_squared_derivative_in_expectation():
    logits = draw(len(Y), K)
    w = torch.ones((), dtype=torch.float64, requires_grad=True)
    d = [torch.autograd.grad(F.cross_entropy(w * logits[i : i + 1], Y[i : i + 1]), w)[0] for i in range(len(Y))]
    found = []
    for a in range(A):
        pairs = list(itertools.permutations([i for i in range(len(Y)) if GROUPS[i] == a], 2))
        found.append(sum(d[i] * d[j] for i, j in pairs) / max(1, len(pairs)))
    torch.testing.assert_close(irm_penalty(logits, Y, GROUPS, num_groups=A), sum(found) / A)


def test_the_weight_of_invariant_risk_is_one_at_most_in_the_warm_up():
    example = random_example(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 0, 1, 1]))
    irm = started("irm", {"irm.weight": 50.0, "irm.warm_up": 0.5})
    terms = [example.terms(irm, Progress(epoch, 4))["irm"].item() for epoch in range(4)]
    assert terms == pytest.approx([terms[0], terms[0], 50 * terms[0], 50 * terms[0]])
    small = started("irm", {"irm.weight": 0.5, "irm.warm_up": 1.0})
    assert example.terms(small, Progress(0, 4))["irm"].item() == pytest.approx(terms[0] / 2)


def test_adversaries_of_classes_are_balanced_over_groups():
    shares = np.array([[0.1, 0.3], [0.4, 0.2], [0.0, 0.0]])
    assert balancing(shares) == pytest.approx(np.array([[5, 5 / 3], [1.25, 2.5], [0, 0]]))
    y, a = torch.tensor([0, 0, 0, 2]), torch.tensor([0, 0, 1, 1])
    scores, weights = draw(4, 2), torch.tensor([1.0, 1.0, 2.0, 3.0], dtype=torch.float64)
    losses = F.cross_entropy(scores, a, reduction="none")
    expected = ((losses[0] + losses[1] + 2 * losses[2]) / 4 + losses[3]) / 3
    torch.testing.assert_close(cfair_loss(scores, y, a, weights, num_classes=3), expected)
    assert math.isnan(cfair_loss(scores, y, a, weights, num_classes=3, strict=True))


def test_balanced_task_weights_are_a_weighted_mean_over_the_batch():
    y = torch.tensor([0, 1, 1, 2])
    composite = started("cfair", {"cfair.task": "balanced"})
    part = composite.parts["cfair"]
    part.start(part.context._replace(shares=np.array([[0.1, 0.2, 0.2], [0.1, 0.2, 0.2]])))
    example = random_example(y, torch.tensor([0, 1, 0, 1]))
    losses, weights = F.cross_entropy(example.student.logits, y, reduction="none"), torch.tensor([5, 2.5, 2.5, 2.5])
    torch.testing.assert_close(composite.task_loss(example.student, example.batch), (weights * losses).sum() / weights.sum())


def test_official_adversaries_of_classes_want_as_many_groups():
    with pytest.raises(InvalidInput, match="exchanges label and group, of which there are 3 and 2: use protocol fixed"):
        started("cfair", protocol="official")


def laftr_of(composite):
    return composite.parts["laftr"]


@pytest.mark.parametrize(
    ("criterion", "protocol", "counts"), [("eopp", "fixed", 2), ("eopp", "official", [0, 2]), ("eodd", "fixed", [0, 1, 2])]
)
def test_equal_opportunity_counts_a_class_alone_and_officially_all_but_class_one(criterion, protocol, counts):
    values = {"laftr.criterion": criterion, "laftr.positive": 2}
    weights = laftr_of(started("laftr", values, protocol=protocol)).weights
    counted = torch.zeros(3, dtype=torch.bool)
    counted[counts] = True
    assert torch.equal(weights, torch.where(counted, 6.0, 0.0).double().expand(2, 3))


@pytest.mark.parametrize("cells", [4, 20, 80])
def test_many_cells_can_be_pulled_at_as_weakly_as_the_four_of_the_authors(cells):
    searched = LAFTR.declared()["weight"].search
    assert isinstance(searched, Real)
    assert searched.low <= 0.1 * 4 / cells
    assert searched.high >= 4


def test_the_net_climbs_what_the_adversary_of_the_group_descends():
    example = random_example(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 0, 1, 1]))
    once, twice = (started("laftr", {"laftr.weight": weight}) for weight in (1.0, 2.0))
    gradients = []
    for composite in (once, twice):
        adversary = laftr_of(composite).adversary
        term = example.terms(composite)["laftr"]
        gradients.append(torch.autograd.grad(term, [example.student.embedding, adversary.out.weight]))
    torch.testing.assert_close(gradients[1][0], 2 * gradients[0][0])
    torch.testing.assert_close(gradients[1][1], gradients[0][1])


@pytest.mark.parametrize("method", ["gap", "hsic", "laftr", "coral", "mmd"])
def test_a_class_that_is_none_is_refused(method):
    with pytest.raises(InvalidInput, match="positive=3 is no class: there are 3, counted from 0"):
        started(method, {f"{method}.criterion": "eopp", f"{method}.positive": 3})


def test_hsic_of_the_embedding_does_not_depend_on_its_scale():
    example = random_example(torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 0, 1, 1, 0]))
    hsic = started("hsic", {"hsic.of": "embedding", "hsic.criterion": "dp"})
    before = example.terms(hsic)["hsic"]
    embedding = example.student.embedding
    assert embedding is not None
    larger = example.student._replace(embedding=embedding * 3)
    torch.testing.assert_close(hsic.loss(larger, {}, example.batch, Progress(1, 4))["hsic"], before)


BY_GRADIENT = [
    (name, values, protocol)
    for name, values in [
        *((name, {}) for name in plugins.names("method")),
        *((name, {f"{name}.criterion": "dp"}) for name in ("gap", "hsic")),
        *((name, {f"{name}.criterion": "eodd"}) for name in ("mmd", "coral")),
        *(("fairret", {"fairret.statistic": statistic}) for statistic in ("pr", "fpr")),
    ]
    for protocol in ("fixed", "official")
    if components(name)[name].loss is not Method.loss and components(name)[name].sampling == "uniform"
    if name not in ("jtt", "mi", "laftr")
]
"""Methods that act by their loss, without balanced batches, which want every cell; jtt and mi act by more than that, and laftr's
adversary begins by guessing."""


@pytest.mark.parametrize(("name", "values", "protocol"), BY_GRADIENT)
def test_where_label_and_group_coincide_what_compares_groups_within_classes_has_no_gradient(name, values, protocol):
    y = torch.arange(K).repeat(8)
    example = random_example(y, y.clone())
    composite = started(name, values, protocol=protocol, num_groups=K)
    gradients = torch.autograd.grad(torch.stack([*example.terms(composite).values()]).sum(), example.leaves, allow_unused=True)
    size = sum(float(gradient.abs().sum()) for gradient in gradients if gradient is not None)
    assert (size < 1e-12) == bool(composite.parts[name].acts_within(protocol))
