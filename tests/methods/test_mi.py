import itertools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods import Progress, Protocol
from fairtune.methods.mi import MutualInformation, clipped
from fairtune.records import Batch
from fairtune.space import Value
from fairtune.spec import Optimizer
from fairtune.testing.examples import A, E, random_example, started
from fairtune.testing.trainings import digits_training, parameters, train_epochs
from fairtune.training.loop import Training

QUICK = {"mi.inner_steps": 3}


def method(protocol: Protocol = "fixed", attribute_size: int = 0, num_groups: int = A, **values: Value) -> MutualInformation:
    values = {f"mi.{name}": value for name, value in values.items()}
    part = started("mi", values, protocol=protocol, num_groups=num_groups).parts["mi"]
    assert isinstance(part, MutualInformation)
    part.start(part.context._replace(attribute_size=attribute_size))
    return part


def part_of(training: Training) -> MutualInformation:
    part = training.method.parts["mi"]
    assert isinstance(part, MutualInformation)
    return part


def sample(groups: list[int], seed: int = 0) -> tuple[Tensor, Tensor]:
    """Embeddings and the one-hot groups."""
    a = torch.tensor(groups)
    z = torch.randn(len(a), E, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return z, F.one_hot(a, max(A, int(a.max()) + 1)).double()


def prepared(values: Mapping[str, Value] | None = None, protocol: Protocol = "fixed", **changes: Any) -> tuple[Training, list[int]]:
    """A training at the start of its first epoch, and the numbers of the batches that it hands out."""
    training = digits_training("mi", QUICK | (values or {}), protocol=protocol, **changes)
    training._order = torch.from_numpy(training.batch_order())
    training.net.train()
    numbers, batch = [], training.batch

    def noted(number: int) -> Batch:
        numbers.append(number)
        return batch(number)

    vars(training)["batch"] = noted
    return training, numbers


def test_the_exact_bound_is_what_permutations_of_the_groups_give_on_average():
    part = method()
    z, c = sample([0, 1, 1, 0])
    permuted = [part.statistics(c[list(order)], z).exp().mean() for order in itertools.permutations(range(4))]
    expected = part.statistics(c, z).mean() - torch.stack(permuted).mean().log()
    torch.testing.assert_close(part.bound(z, c, frozen=False), expected)


def bound_twin(part: MutualInformation, z: Tensor, c: Tensor) -> Tensor:
    """All pairs of an embedding and an attribute of the batch, one by one."""
    joint: Tensor = sum(part.statistics(c[i : i + 1], z[i : i + 1]) for i in range(len(z))) / len(z)
    pairs = itertools.product(range(len(z)), range(len(z)))
    marginal = sum(part.statistics(c[j : j + 1], z[i : i + 1]).exp() for i, j in pairs) / len(z) ** 2
    twin: Tensor = (joint - marginal.log()).squeeze()
    return twin


@pytest.mark.parametrize("groups", [[0, 1, 1, 0, 1], [0, 2, 2, 0, 0], [1, 1, 1, 1], [0]], ids=["all", "a gap", "one", "one sample"])
@pytest.mark.parametrize("frozen", [False, True])
def test_the_exact_bound_agrees_with_loops_over_pairs(groups, frozen):
    part = method(num_groups=3)
    z, c = sample(groups)
    c = F.pad(c, (0, 3 - c.shape[1]))
    z.requires_grad_()
    ours, twin = part.bound(z, c, frozen=frozen), bound_twin(part, z, c)
    torch.testing.assert_close(ours, twin)
    torch.testing.assert_close(*(torch.autograd.grad(value, z, retain_graph=True)[0] for value in (ours, twin)))
    if not frozen:
        own = list(part.statistics.parameters())
        torch.testing.assert_close(*(torch.autograd.grad(value, own) for value in (ours, twin)))


def test_one_group_tells_nothing():
    z, c = sample([1, 1, 1, 1])
    assert method().bound(z, c, frozen=False).item() <= 1e-12


def test_the_authors_pair_embeddings_with_one_random_permutation():
    part = method("official")
    z, c = sample([0, 1, 1, 0, 1])
    torch.manual_seed(3)
    ours = part.bound(z, c, frozen=False)
    torch.manual_seed(3)
    shuffled = c[torch.randperm(len(c))]
    expected = part.statistics(c, z).mean() - part.statistics(shuffled, z).exp().mean().log()
    torch.testing.assert_close(ours, expected)


def fitted(z: Tensor, c: Tensor, steps: int = 150) -> MutualInformation:
    part = method("fixed", lr=1e-2, width=32)
    for _ in range(steps):
        part._fit([(z, c)])
    return part


def test_the_estimator_finds_the_information_there_is():
    a = torch.arange(200) % 2
    z, c = sample(a.tolist())
    z[:, 0] = 4 * a - 2 + 0.1 * z[:, 0]
    fresh, _ = sample(a.tolist(), seed=1)
    fresh[:, 0] = 4 * a - 2 + 0.1 * fresh[:, 0]
    assert fitted(z, c).bound(fresh, c, frozen=True).item() == pytest.approx(math.log(2), abs=0.1)


def test_the_estimator_finds_nothing_in_independent_embeddings():
    a = (torch.arange(1000) % 2).tolist()
    z, c = sample(a)
    fresh, _ = sample(a, seed=1)
    assert abs(fitted(z, c, steps=30).bound(fresh, c, frozen=True).item()) < 0.05


def test_the_clipping_rule_by_hand():
    information = [torch.tensor([3.0, 4.0]), torch.tensor([3.0, 4.0]), torch.zeros(2), None, torch.ones(2), torch.ones(2)]
    task = [torch.tensor([1.0, 0.0]), torch.tensor([0.0, 9.0]), torch.ones(2), torch.ones(2), None, torch.zeros(2)]
    first, second, third, fourth, fifth, sixth = clipped(information, task)
    torch.testing.assert_close(first, torch.tensor([0.6, 0.8]))
    torch.testing.assert_close(second, torch.tensor([3.0, 4.0]))
    assert third.tolist() == [0, 0]
    assert fourth is None
    assert fifth is None
    assert sixth.tolist() == [0, 0]


def test_a_penalty_moves_the_net_and_not_the_estimator():
    example = random_example(torch.tensor([0, 1, 2, 0]), torch.tensor([0, 1, 1, 0]))
    part = method(updates="penalty", weight=2.5)
    (term,) = part.loss(example.student, {}, example.batch, Progress(0, 4)).values()
    z = example.student.embedding
    assert z is not None
    torch.testing.assert_close(term, 2.5 * bound_twin(part, z, part.attribute(example.batch)))
    of_net, *of_estimator = torch.autograd.grad(term, [z, *part.statistics.parameters()], allow_unused=True)
    assert of_net.any()
    assert set(of_estimator) == {None}


def test_a_second_optimizer_steps_on_gradients_no_longer_than_the_task_s():
    training, _ = prepared()
    part, batch = part_of(training), training.batch(0)
    training.method.task_loss(training.forward(batch), batch).backward()
    task = {name: parameter.grad.norm() for name, parameter in training.net.named_parameters()}
    before = parameters(training)
    part._lower(training, batch)
    for name, parameter in training.net.named_parameters():
        if name.startswith("head."):
            assert parameter.grad is None
            assert torch.equal(parameter, before[name])
        else:
            assert 0 < parameter.grad.norm() <= task[name] * (1 + 1e-6)
            assert not torch.equal(parameter, before[name])
    assert all(torch.equal(value, before[f"mi.0.{name}"]) for name, value in part.statistics.named_parameters())


def test_the_second_optimizer_lowers_the_bound():
    training, _ = prepared({"mi.lr": 1e-2})
    part, batch = part_of(training), training.batch(0)
    part.begin_epoch(training, Progress(0, 4))
    training.method.task_loss(training.forward(batch), batch).backward()

    def bound() -> float:
        z, c = part._embedded(training, batch)
        return float(part.bound(z, c, frozen=True))

    before = bound()
    for _ in range(5):
        part._lower(training, batch)
    assert bound() < before - 0.01


def rate_of_second(training: Training) -> float:
    _, second = part_of(training).inner_optimizers
    return float(second.param_groups[0]["lr"])


@pytest.mark.parametrize("weight", [0.0, 0.5])
def test_the_second_optimizer_has_the_net_s_rate_times_the_weight(weight):
    training, _ = prepared({"mi.weight": weight})
    assert rate_of_second(training) == pytest.approx(weight * training.spec.optimizer.lr)
    assert len(prepared({"mi.updates": "penalty"})[0].method.parts["mi"].inner_optimizers) == 1


def test_the_second_optimizer_falls_with_the_net_s_rate():
    training, _ = prepared({"mi.weight": 0.5}, optimizer=Optimizer(schedule="cosine"))
    for _ in range(3):
        rate = training.optimizer.param_groups[0]["lr"]
        train_epochs(training, 1)
        assert rate_of_second(training) == pytest.approx(0.5 * rate)
    assert rate < 0.6e-3


def test_under_sgd_the_second_optimizer_has_a_rate_of_its_own():
    values = {"mi.weight": 0.5, "mi.net_lr": 1e-4}
    training, _ = prepared(values, optimizer=Optimizer(name="sgd", lr=0.1, schedule="cosine"))
    assert rate_of_second(training) == pytest.approx(0.5e-4)
    train_epochs(training, 3)
    assert rate_of_second(training) == pytest.approx(0.25e-4)


def test_a_net_trained_with_sgd_learns_its_task():
    sgd = Optimizer(name="sgd", lr=0.1, schedule="cosine")
    training = digits_training("mi", {"mi.inner_steps": 2, "mi.reuse_features": True}, optimizer=sgd, epochs=8)
    train_epochs(training, 8)
    counts = training.counts.hard
    assert counts.diagonal(0, 1, 2).sum() > 0.4 * counts.sum()


def steps(training: Training, count: int = 2) -> None:
    for index in training._order[:count]:
        training.step(index)


def test_inner_steps_walk_through_the_epoch_and_the_authors_start_over():
    walks: dict[Protocol, list[int]] = {"fixed": [0, 1, 2, 3, 4, 5], "official": [0, 1, 2, 0, 1, 2]}
    for protocol, expected in walks.items():
        training, numbers = prepared(protocol=protocol)
        steps(training)
        assert numbers == expected


def test_the_walk_starts_over_with_the_epoch_and_after_its_last_batch():
    training, numbers = prepared({"mi.inner_steps": 5})
    train_epochs(training, 2)
    of_epoch = list(range(training.steps)) + list(range(5 * training.steps))
    assert numbers == 2 * of_epoch
    assert torch.equal(training.batch(training.steps + 1).index, training.batch(1).index)


@pytest.mark.parametrize(("reuse", "numbers", "forwards"), [(True, [], 1 + 1 + 1), (False, [0, 1, 2], 1 + 1 + 3)])
def test_features_that_are_reused_take_no_other_batch_and_one_forward(reuse, numbers, forwards):
    training, seen = prepared({"mi.reuse_features": reuse})
    passes = []
    training.net.register_forward_hook(lambda *_: passes.append(1))
    steps(training, 1)
    assert len(passes) == forwards
    assert seen == numbers


def test_accumulated_batches_make_one_estimate_and_for_the_authors_a_mean():
    one, two = sample([0, 1, 1, 0]), sample([1, 1, 0], seed=1)
    part = method(accumulate=2)
    joined = bound_twin(part, torch.cat([one[0], two[0]]), torch.cat([one[1], two[1]]))
    torch.testing.assert_close(part._fit([one, two]), joined.detach())
    part = method("official", accumulate=2)
    torch.manual_seed(0)
    mean = (part.bound(*one, frozen=False) + part.bound(*two, frozen=False)) / 2
    torch.manual_seed(0)
    torch.testing.assert_close(part._fit([one, two]), mean.detach())


def test_every_step_of_the_estimator_takes_its_batches():
    training, numbers = prepared({"mi.accumulate": 2})
    steps(training)
    assert numbers == list(range(12))


@pytest.mark.parametrize(("accumulate", "behind"), [(1, [1] * 6), (4, [4, 2])])
def test_the_estimator_catches_up_before_an_epoch_on_as_many_batches_a_step(accumulate, behind, monkeypatch):
    training = digits_training("mi", {"mi.accumulate": accumulate}, batch_size=64)
    training._order = torch.from_numpy(training.batch_order())
    taken = []
    monkeypatch.setattr(MutualInformation, "_fit", lambda self, batches: taken.append(len(batches)))
    training.method.begin_epoch(training, training.progress)
    assert (training.steps, taken) == (6, behind)


def test_a_step_raises_the_bound():
    part = method(lr=1e-3)
    z, c = sample([0, 1] * 20)
    assert part._fit([(z, c)]) < part._fit([(z, c)]) < part.bound(z, c, frozen=True)


def test_under_plain_descent_the_estimator_moves_by_its_rate_times_the_gradient():
    part = method(lr=0.1, estimator="sgd")
    z, c = sample([0, 1] * 20)
    before = [parameter.detach().clone() for parameter in part.statistics.parameters()]
    (-part.bound(z, c, frozen=False)).backward()
    expected = [was - 0.1 * parameter.grad for was, parameter in zip(before, part.statistics.parameters(), strict=True)]
    part._fit([(z, c)])
    for parameter, value in zip(part.statistics.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter, value)


def test_a_finer_attribute_takes_the_place_of_the_group():
    part = method(attribute_size=4)
    example = random_example(torch.tensor([0, 1, 2]), torch.tensor([0, 1, 0]))
    vector = torch.rand(3, 4, dtype=torch.float64)
    assert part.statistics.layers[0].in_features == 4 + E
    assert torch.equal(part.attribute(replace(example.batch, attribute=vector)), vector)
    assert method().attribute(example.batch).tolist() == [[1, 0], [0, 1], [1, 0]]
    z = example.student.embedding
    assert z is not None
    torch.manual_seed(1)
    ours = part.bound(z, vector, frozen=True)
    torch.manual_seed(1)
    shuffled = vector[torch.randperm(3)]
    torch.testing.assert_close(ours, part.statistics(vector, z).mean() - part.statistics(shuffled, z).exp().mean().log())


def test_the_estimate_of_the_last_inner_step_is_reported():
    training, _ = prepared()
    terms = training.step(training._order[0])
    assert terms.keys() == {"ce", "estimate", "accuracy"}
    (record,) = train_epochs(digits_training("mi", QUICK | {"mi.updates": "penalty"}), 1)
    assert {"train.ce", "train.information", "train.estimate"} < record.keys()
    assert record["train.loss"] == pytest.approx(record["train.ce"] + record["train.information"])
