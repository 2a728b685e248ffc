import pytest
import torch
import torch.nn.functional as F

from fairtune.errors import InvalidInput
from fairtune.methods import Progress, compose
from fairtune.methods._mixing import quantiles
from fairtune.methods.lisa import partners
from fairtune.plugins import names
from fairtune.records import Batch
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import parameters, tiny_training, train_epochs

Y, GROUPS = torch.tensor([0, 0, 1, 1, 2, 0]), torch.tensor([0, 1, 0, 1, 0, 0])
X = torch.arange(6, dtype=torch.float64)[:, None].expand(6, 3)
BATCH = Batch(X, Y, GROUPS, torch.arange(6))


def prepared(method, protocol="fixed", **values):
    composite = started(method, {f"{method}.{name}": value for name, value in values.items()}, protocol=protocol)
    return composite, composite.prepare(BATCH, Progress(0, 4))


def test_a_batch_is_mixed_with_a_permutation_of_itself_by_one_share():
    composite, batch = prepared("mixup", alpha=1.0)
    share = batch.share[0]
    assert (batch.share == share).all()
    assert 0 < share < 1
    partner = ((batch.x - share * X) / (1 - share))[:, 0].round().long()
    assert partner.sort().values.tolist() == list(range(6))
    assert torch.equal(batch.y2, Y[partner])
    student = random_example(Y, GROUPS).student
    losses = [F.cross_entropy(student.logits, labels) for labels in (batch.y, batch.y2)]
    torch.testing.assert_close(composite.task_loss(student, batch), share * losses[0] + (1 - share) * losses[1])


def test_class_weights_are_those_of_both_labels():
    composite, batch = prepared("mixup", alpha=1.0)
    student, weights = random_example(Y, GROUPS).student, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    losses = [weights[labels] * F.cross_entropy(student.logits, labels, reduction="none") for labels in (batch.y, batch.y2)]
    expected = (batch.share * losses[0] + (1 - batch.share) * losses[1]).mean()
    torch.testing.assert_close(composite.task_loss(student, batch, weights), expected)


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_of_the_distribution(alpha):
    shares = quantiles(alpha)
    assert float(shares.mean()) == pytest.approx(0.5)
    assert float(shares.var()) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=2e-3)


def test_mixup_by_nothing_is_plain_training():
    plain, ours = tiny_training("scratch"), tiny_training("mixup", {"mixup.alpha": 0.0})
    for training in (plain, ours):
        train_epochs(training, 2)
    assert all(torch.equal(value, parameters(ours)[name]) for name, value in parameters(plain).items())


@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_mixtures_are_of_one_label_and_two_groups_or_of_one_group_and_two_labels(protocol):
    for _ in range(5):
        _, batch = prepared("lisa", protocol, selection=1.0)
        assert torch.equal(batch.y, batch.y2)
        _, batch = prepared("lisa", protocol, selection=0.0)
        second = ((batch.x - batch.share[:, None] * X[batch.index]) / (1 - batch.share[:, None]))[:, 0].round().long()
        assert torch.equal(GROUPS[second], batch.a)
        assert torch.equal(Y[second], batch.y2)
        assert (batch.y != batch.y2).all()
        assert len(batch.y) == len(Y)


def test_a_partner_fits_and_is_drawn_from_all_that_do_or_is_the_sample_itself():
    found = torch.stack([partners(Y, GROUPS) for _ in range(60)])
    assert [set(column.tolist()) for column in found.T] == [{1}, {0, 5}, {3}, {2}, {4}, {1}]


def test_rare_cells_give_as_many_partners_as_frequent_ones():
    groups, labels = torch.zeros(10, dtype=torch.int64), torch.tensor([0, 1, *[2] * 8])
    torch.manual_seed(0)
    found = torch.stack([partners(groups, labels) for _ in range(1000)])
    of_the_first = torch.bincount(found[:, 0], minlength=10) / 1000
    expected = torch.tensor([0, 1 / 2, *[1 / 16] * 8])
    torch.testing.assert_close(of_the_first, expected, atol=0.05, rtol=0)


def test_where_nothing_can_be_mixed_the_batch_stays():
    _, part = None, started("lisa", {"lisa.selection": 1.0}, protocol="official")
    alone = Batch(X, Y, torch.zeros_like(Y), torch.arange(6))
    assert part.prepare(alone, Progress(0, 4)) is alone


@pytest.mark.parametrize("mixing", ["mixup", "lisa"])
def test_whatever_goes_by_the_label_of_a_sample_is_refused_beside_mixtures(mixing):
    joined = []
    for other in names("method"):
        try:
            compose(f"{mixing}+{other}", {})
            joined.append(other)
        except InvalidInput as refused:
            assert mixing in str(refused)  # noqa: PT017  the others are joined
            assert other in str(refused)  # noqa: PT017
    assert joined == ["sam", "ss", "swad"]
    with pytest.raises(InvalidInput, match=f"{mixing} mixes samples, of which focal needs the label and the group of each"):
        compose(f"{mixing}+focal", {})


@pytest.mark.parametrize("pair", ["mixup+sam", "lisa+ss", "lisa+swad"])
def test_mixtures_train_with_those_they_join(pair):
    training = tiny_training(pair)
    before = parameters(training)
    train_epochs(training, 1)
    assert not any(torch.equal(before[name], value) for name, value in training.net.named_parameters())
