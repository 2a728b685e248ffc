import math
import time
from functools import lru_cache

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score
from torch import Tensor

from fairtune.batches.split import DeviceSplit
from fairtune.errors import InvalidInput
from fairtune.records import Array, Floats, Ints, Outputs, Split
from fairtune.testing.trainings import CPU, digits_training
from fairtune.training.probe import (
    MAX_SAMPLES,
    Embedded,
    _perceptrons,
    _train,
    auc,
    mutual_information,
    predict_groups,
    private_accuracy,
    probe,
    score_embedding,
)

SCORES = ["mutual_information", "private_accuracy", "private_auc"]


def embedded(z: Array, a: Ints, groups: int = 2, weight: Array | None = None) -> Embedded:
    weights = torch.ones(len(a), dtype=torch.float64) if weight is None else torch.tensor(weight, dtype=torch.float64)
    return Embedded(torch.tensor(z), torch.tensor(a), weights / weights.mean(), groups)


def shifted(n: int, groups: int, shift: float, *, size: int = 64, seed: int = 0) -> tuple[Floats, Ints]:
    """Unit Gaussians in ``size`` dimensions, turned at random, whose means lie ``shift`` apart on a line, one per group."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, groups, n)
    z = rng.standard_normal((n, size))
    z[:, 0] += shift * a
    turn, _ = np.linalg.qr(np.random.default_rng(99).standard_normal((size, size)))
    return z @ turn, a


def information_of_shifted(groups: int, shift: float) -> float:
    """Their mutual information: only the line matters."""
    x = np.linspace(-10, 10 + shift * groups, 20001)
    densities = np.stack([np.exp(-((x - shift * group) ** 2) / 2) / math.sqrt(2 * math.pi) for group in range(groups)])
    ratio = np.log(np.maximum(densities, 1e-300) / np.maximum(densities.mean(0), 1e-300))
    return float(np.trapezoid((densities * ratio).mean(0), x))


def scored(z: Array, a: Ints, groups: int = 2, **options: int) -> dict[str, float]:
    half = len(a) // 2
    return score_embedding(embedded(z[:half], a[:half], groups), embedded(z[half:], a[half:], groups), **options)


class TestAgainstKnownInformation:
    @pytest.mark.parametrize("groups", [2, 4])
    def test_an_independent_embedding_says_nothing(self, groups):
        z, a = shifted(2000, groups, 0.0)
        found = scored(z, a, groups)
        assert 0 <= found["mutual_information"] < 0.005
        assert found["private_accuracy"] == pytest.approx(1 / groups, abs=0.05)
        assert found["private_auc"] == pytest.approx(0.5, abs=0.05)

    @pytest.mark.parametrize("groups", [2, 4])
    def test_an_embedding_that_holds_the_group_says_all(self, groups):
        noise, a = shifted(2000, groups, 0.0)
        found = scored(noise + 30 * np.eye(64)[a], a, groups)
        assert found["mutual_information"] == pytest.approx(math.log(groups), abs=0.03)
        assert (found["private_accuracy"], found["private_auc"]) == (1, 1)

    @pytest.mark.parametrize(("groups", "shift", "short"), [(2, 1.0, 0.04), (2, 2.0, 0.06), (2, 3.0, 0.06), (4, 2.0, 0.12)])
    def test_a_mixture_of_gaussians_is_bounded_from_below_and_not_far_from_it(self, groups, shift, short):
        truth = information_of_shifted(groups, shift)
        z, a = shifted(5000, groups, shift)
        found = scored(z, a, groups)["mutual_information"]
        assert truth - short < found < truth + 0.02

    def test_what_no_linear_probe_can_see(self):
        rng = np.random.default_rng(0)
        signs = 2 * rng.integers(0, 2, (3000, 2)) - 1
        z = rng.standard_normal((3000, 8))
        z[:, :2] += 3 * signs
        found = scored(z, (signs.prod(1) > 0).astype(np.int64))
        assert found["mutual_information"] > 0.6
        assert found["private_accuracy"] > 0.97

    def test_few_samples_in_many_dimensions_are_not_over_fitted(self):
        found = [scored(*shifted(200, 2, 0.0, size=256, seed=seed))["mutual_information"] for seed in range(5)]
        assert max(found) < 0.03

    def test_unequal_groups_are_no_information(self):
        z, a = shifted(2000, 2, 0.0)
        a[np.random.default_rng(1).random(2000) < 0.8] = 0
        found = scored(z, a)
        assert found["mutual_information"] < 0.005
        assert found["private_accuracy"] == pytest.approx((a[1000:] == 0).mean())

    def test_information_of_unequal_groups_is_at_most_their_entropy(self):
        a = (np.random.default_rng(0).random(2000) < 0.1).astype(np.int64)
        found = scored(a[:, None] * np.ones((1, 4)), a)["mutual_information"]
        p = a[1000:].mean()
        assert found == pytest.approx(-p * math.log(p) - (1 - p) * math.log(1 - p), abs=0.01)


class TestTheProbe:
    def test_the_same_twice_and_no_global_generator_touched(self):
        z, a = shifted(400, 2, 1.0)
        before = torch.get_rng_state()
        first = scored(z, a)
        assert torch.equal(torch.get_rng_state(), before)
        torch.rand(3)
        assert scored(z, a) == first
        assert scored(z, a, seed=1) != first
        torch.set_rng_state(before)

    def test_scale_and_offset_of_the_embedding_do_not_matter(self):
        z, a = shifted(400, 2, 2.0)
        moved = z * np.geomspace(1e-3, 1e3, z.shape[1]) + 7
        assert scored(moved, a) == pytest.approx(scored(z, a), abs=1e-3)

    def test_constant_and_rarely_active_units_do_no_harm(self):
        z, a = shifted(600, 2, 2.0, size=8)
        spoilt = np.column_stack([z, np.zeros(600), np.full(600, 1e5 / 3), np.where(np.arange(600) % 299 == 1, 1e6, 0.0)])
        assert scored(spoilt, a)["mutual_information"] == pytest.approx(scored(z, a)["mutual_information"], abs=0.05)

    def test_a_half_with_one_group_has_no_scores(self):
        z, a = shifted(100, 2, 1.0)
        for first in (0, 1):
            alone = np.where(np.arange(100) // 50 == first, 0, a)
            assert all(math.isnan(value) for value in scored(z, alone).values())

    def test_a_group_that_was_not_there_to_be_learnt_leaves_everything_finite(self):
        z, a = shifted(400, 3, 2.0)
        a[:200] %= 2
        assert np.isfinite(list(scored(z, a, 3).values())).all()

    def test_predictions_are_probabilities(self):
        z, a = shifted(100, 3, 2.0)
        predicted = predict_groups(embedded(z, a, 3), torch.tensor(z))
        torch.testing.assert_close(predicted.exp().sum(1), torch.ones(100))


def trained_alone(net: torch.nn.Module, used: Embedded, left_out: Embedded) -> tuple[int, list[Tensor]]:
    """The best epoch of a net that ``torch.optim.AdamW`` moves once an epoch until it is stopped early, and its parameters then."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1.0)

    def loss(samples: Embedded) -> Tensor:
        return (samples.weight * torch.nn.functional.cross_entropy(net(samples.z), samples.a, reduction="none")).mean()

    best, best_epoch, kept = loss(left_out).item(), 0, [parameter.detach().clone() for parameter in net.parameters()]
    for epoch in range(1, 41):
        optimizer.zero_grad()
        loss(used).backward()
        optimizer.step()
        if (found := loss(left_out).item()) < best:
            best, best_epoch, kept = found, epoch, [parameter.detach().clone() for parameter in net.parameters()]
        if epoch - best_epoch == 8:
            break
    return best_epoch, kept


def test_the_four_members_train_as_each_would_alone():
    z, a = shifted(100, 3, 1.0, size=16)
    weight = np.random.default_rng(0).uniform(0.5, 1.5, 100)
    fit = embedded(z.astype(np.float32), a, 3, weight)
    fit = fit._replace(weight=fit.weight.float())
    rows = torch.arange(100).roll(7).view(4, 25)
    used = torch.stack([rows.roll(-member, 0)[1:].flatten() for member in range(4)])  # one batch: the order within does not matter
    start = _perceptrons(fit, torch.Generator().manual_seed(0))
    together = _train(start, fit, used=used, left_out=rows, source=torch.Generator())
    epochs = []
    for member in range(4):
        net = torch.nn.Sequential(torch.nn.Linear(16, 128), torch.nn.ReLU(), torch.nn.Linear(128, 3))
        for parameter, value in zip(net.parameters(), start, strict=True):
            parameter.data.copy_(value[member].view_as(parameter))
        epoch, kept = trained_alone(net, fit.take(used[member]), fit.take(rows[member]))
        epochs.append(epoch)
        for all_nets, alone in zip(together, kept, strict=True):
            torch.testing.assert_close(all_nets[member].view_as(alone), alone, atol=1e-5, rtol=1e-4)
    assert len(set(epochs)) > 1


class TestScoresOfPredictions:
    held = embedded(np.zeros((4, 1)), np.array([0, 0, 0, 1]))
    predicted = torch.tensor([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]]).log()

    def test_by_hand(self):
        entropy = -0.75 * math.log(0.75) - 0.25 * math.log(0.25)
        cross_entropy = -np.log([0.9, 0.6, 0.2, 0.7]).mean()
        assert mutual_information(self.predicted, self.held) == max(0, entropy - cross_entropy) == 0
        assert private_accuracy(self.predicted, self.held) == 0.75
        assert auc(self.predicted, self.held) == pytest.approx(2 / 3)

    def test_weights_count_like_repeated_samples(self):
        z, a = shifted(60, 3, 2.0)
        predicted = predict_groups(embedded(z, a, 3), torch.tensor(z))
        times = np.random.default_rng(0).integers(1, 4, 60)
        rows = np.repeat(np.arange(60), times)
        for score in (mutual_information, private_accuracy, auc):
            weighted = score(predicted, embedded(z, a, weight=times))
            assert weighted == pytest.approx(score(predicted[rows], embedded(z[rows], a[rows])), abs=1e-6)

    def test_more_than_two_groups_are_each_told_from_the_rest(self):
        z, a = shifted(60, 3, 1.0)
        predicted = predict_groups(embedded(z, a, 3), torch.tensor(z))
        expected = roc_auc_score(a, predicted.exp().double().softmax(1), multi_class="ovr")
        assert auc(predicted, embedded(z, a)) == pytest.approx(expected, abs=0.02)


class Verbatim(torch.nn.Module):
    """Takes its input for the embedding, in training mode something else."""

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        seen = x + 100 * torch.rand_like(x) if self.training else x
        return Outputs(seen, seen, None, seen)


class Blind(torch.nn.Module):
    """Returns no embedding."""

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        return Outputs(x, x)


def split_of(z: Array, y: Ints, a: Ints) -> DeviceSplit:
    rows = np.arange(len(a))
    split = Split(z.astype(np.float32), rows, y, a, rows, num_groups=2, num_classes=int(y.max()) + 1)
    return DeviceSplit(split, CPU, torch.float32)


@lru_cache
def skewed(n: int = 2000) -> DeviceSplit:
    """Embeddings that hold the label and nothing else, with the group following the label in nine of ten samples."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    a = np.where(rng.random(n) < 0.9, y, 1 - y)
    return split_of(4.0 * y[:, None] + rng.standard_normal((n, 16)) * 0.1, y, a)


class TestOnASplit:
    def probe(self, split, **options):
        return probe(Verbatim(), split, **options)

    def test_has_three_scores(self):
        z, a = shifted(1000, 2, 30.0)
        found = self.probe(split_of(z, a * 0, a))
        assert list(found) == SCORES
        assert found["mutual_information"] == pytest.approx(math.log(2), abs=0.02)

    @pytest.mark.parametrize("weighting", ["samples", "cells"])
    def test_the_embedding_of_an_untrained_net_still_holds_the_colour_of_a_digit(self, weighting):
        training = digits_training()
        found = probe(training.net, training.validation, weighting=weighting)
        assert found["mutual_information"] > 0.6
        assert found["private_accuracy"] > 0.97
        assert found["private_auc"] > 0.99

    def test_weighting_by_cell_does_not_blame_the_label(self):
        found = self.probe(skewed())
        assert found["mutual_information"] == pytest.approx(math.log(2) + 0.9 * math.log(0.9) + 0.1 * math.log(0.1), abs=0.04)
        assert found["private_accuracy"] == pytest.approx(0.9, abs=0.03)
        balanced = self.probe(skewed(), weighting="cells")
        assert balanced["mutual_information"] < 0.01
        assert balanced["private_accuracy"] == pytest.approx(0.5, abs=0.05)
        assert balanced["private_auc"] == pytest.approx(0.5, abs=0.05)

    def test_both_halves_hold_every_cell(self):
        a = np.arange(60) % 2
        y = (np.arange(60) % 6 == 0).astype(np.int64)
        assert np.isfinite(list(self.probe(split_of(np.eye(60), y, a), weighting="cells").values())).all()

    def test_takes_a_fixed_number_of_samples_and_little_time(self):
        n = MAX_SAMPLES + 20000
        z, a = shifted(n, 2, 2.0, size=32)
        split = split_of(np.tile(z, (1, 8)), a * 0, a)
        seen = []
        net = Verbatim()
        net.register_forward_hook(lambda module, given, out: seen.append(len(given[0])))
        began = time.perf_counter()
        probe(net, split)
        assert sum(seen) == MAX_SAMPLES
        assert time.perf_counter() - began < 20  # about a quarter of a second on one idle core

    def test_the_net_is_asked_in_evaluation_mode_and_without_gradients(self):
        z, a = shifted(400, 2, 2.0)
        split = split_of(z, a * 0, a)
        net = Verbatim().train()
        assert probe(net, split) == self.probe(split)

    def test_fewer_samples_than_can_be_halved_have_no_scores(self):
        z, a = shifted(19, 2, 2.0)
        assert all(math.isnan(value) for value in self.probe(split_of(z, a * 0, a)).values())

    def test_a_net_without_an_embedding_is_named(self):
        with pytest.raises(InvalidInput, match="the model Blind returns no embedding"):
            probe(Blind(), skewed())
