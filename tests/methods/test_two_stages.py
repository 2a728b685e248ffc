"""Methods that train in stages or leave another net than they trained: jtt, crt, dfr, swad, fscl."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fairtune.errors import InvalidInput
from fairtune.methods import Progress, compose
from fairtune.methods._joining import overrides
from fairtune.methods._sparse import balanced_rows, head_of, sparse_logistic, targets_of
from fairtune.methods._stages import first_epochs
from fairtune.methods._valley import valley
from fairtune.methods.fscl import fscl_loss
from fairtune.methods.swad import refresh_statistics
from fairtune.plugins import names
from fairtune.request.spaces import build_space
from fairtune.spec import PlugIn
from fairtune.testing.examples import started
from fairtune.testing.trainings import parameters, tiny_training, train_epochs


def part_of(training, name):
    return training.method.parts[name]


STAGED = [name for name in names("method") if overrides(compose(name, {}).parts[name], "trains_alone")]


@pytest.mark.parametrize(
    ("method", "values"),
    [*((name, {}) for name in STAGED), ("ss+jtt", {}), ("ss+fitnet", {"fitnet.stages": "two"})],
)
def test_too_few_epochs_for_two_stages_are_refused(method, values):
    named = method.rpartition("+")[2]
    with pytest.raises(InvalidInput, match=rf"{named} trains in two stages.*raise --epochs from 1"):
        tiny_training(method, values, epochs=1)
    training = tiny_training(method, values, epochs=2)
    assert [training.method.trains_alone(Progress(epoch, 2)) for epoch in range(2)] == [True, False]


def test_what_trains_in_one_stage_needs_one_epoch():
    for values in ({"fitnet.stages": "one"}, {"fitnet.feature_weight": 0.0}):
        assert tiny_training("fitnet", values, epochs=1).spec.epochs == 1
    assert tiny_training("ss+fitnet", epochs=1).spec.epochs == 1
    assert {"fitnet", "fscl", "jtt"} <= set(STAGED)


@pytest.mark.parametrize(("share", "epochs", "first"), [(0.0, 10, 1), (0.3, 10, 3), (1.0, 10, 9), (0.01, 2, 1)])
def test_each_stage_has_an_epoch(share, epochs, first):
    assert first_epochs(share, epochs) == first


@pytest.mark.parametrize("method", ["crt", "dfr", "fscl", "magnitude"])
def test_what_leaves_others_without_effect_is_refused_beside_them_with_the_reason(method):
    with pytest.raises(InvalidInput, match=rf"{method} has to be used alone, because it .*beside it ad would have no effect"):
        compose(f"ad+{method}", {})


@pytest.mark.parametrize(
    ("method", "values", "first"),
    [
        ("jtt", {"jtt.stage": 0.5}, 6),
        ("ss+jtt", {"jtt.stage": 0.25}, 3),
        ("fscl", {"fscl.stage": 0.75}, 9),
        ("fitnet", {}, 4),
        ("ss+fitnet", {}, 0),
        ("ss+fitnet", {"fitnet.stages": "two"}, 4),
        ("fitnet", {"fitnet.feature_weight": 0.0}, 0),
        ("mfd", {}, 0),
    ],
)
def test_how_long_the_first_stage_is_is_known_before_a_training_is_set_up(method, values, first):
    assert compose(method, values).stage_one(12) == first


def test_weights_are_averaged_after_every_step_of_others_wherever_swad_stands_in_the_name():
    one, other = (tiny_training(method, {"mi.inner_steps": 1}, epochs=2) for method in ("swad+mi", "mi+swad"))
    assert train_epochs(one, 2) == train_epochs(other, 2)
    assert all(torch.equal(p, q) for p, q in zip(one.net.parameters(), other.net.parameters(), strict=True))


@pytest.mark.parametrize("pair", ["swad+domain_independent", "swad+ffw_structured"])
def test_two_that_leave_another_net_are_refused(pair):
    with pytest.raises(InvalidInput, match="each leave another net than they trained"):
        compose(pair, {})


class TestJTT:
    def test_the_net_waits_while_the_first_one_trains(self):
        training = tiny_training("jtt", {"jtt.stage": 0.5})
        before = parameters(training)
        train_epochs(training, 2)
        moved = {name for name, value in parameters(training).items() if not torch.equal(value, before[name])}
        assert moved
        assert all(name.startswith("jtt.") for name in moved)
        train_epochs(training, 1)
        assert not torch.equal(before["head.weight"], training.net.head.weight)

    @pytest.mark.parametrize("protocol", ["fixed", "official"])
    def test_the_errors_of_the_first_net_count_for_more(self, protocol):
        training = tiny_training("jtt", {"jtt.stage": 0.5, "jtt.upweight": 5.0}, protocol=protocol)
        train_epochs(training, 3)
        part = part_of(training, "jtt")
        (everything,) = training.everything()
        with torch.no_grad():
            wrong = part.first.eval()(everything.x).logits.argmax(1) != everything.y
        weights = part.weights.of_samples
        assert wrong.any()
        assert not wrong.all()
        expected = torch.where(wrong, 5.0, 1.0)
        torch.testing.assert_close(weights, expected / expected.mean() if protocol == "fixed" else expected)

    def test_the_authors_copies_are_within_the_range_and_tried_first(self):
        space = build_space("jtt", "celeba")
        assert [point["jtt.upweight"] for point in space.usable_points()] == [copies + 1 for copies in (20, 50, 100)]

    def test_an_upweight_of_one_is_plain_training_of_the_second_stage(self):
        training = tiny_training("jtt", {"jtt.upweight": 1.0})
        train_epochs(training, 3)
        assert (part_of(training, "jtt").weights.of_samples == 1).all()


class TestCRT:
    def test_a_new_head_is_trained_and_nothing_else(self):
        training = tiny_training("crt")
        before = parameters(training)
        plain = parameters(tiny_training("scratch"))
        assert not torch.equal(before["head.weight"], plain["head.weight"])
        train_epochs(training, 2)
        moved = {name for name, value in parameters(training).items() if not torch.equal(value, before[name])}
        assert moved == {"head.weight", "head.bias", "crt.0.weight", "crt.0.bias"}


class TestDFR:
    def test_the_head_alone_changes_and_one_epoch_is_enough(self):
        training = tiny_training("dfr", {"dfr.retrains": 2, "dfr.strength": 1.0})
        before = parameters(training)
        train_epochs(training, 1)
        assert training.done
        assert {n for n, value in parameters(training).items() if not torch.equal(value, before[n])} == {"head.weight", "head.bias"}

    def test_it_is_repeatable(self):
        heads = []
        for _ in range(2):
            training = tiny_training("dfr", {"dfr.retrains": 2})
            train_epochs(training, 1)
            heads.append(training.net.head.weight.detach().clone())
            torch.rand(3)
        assert torch.equal(*heads)

    def test_a_solution_cannot_be_improved_on(self):
        rng = torch.Generator().manual_seed(0)
        x = torch.randn(60, 4, generator=rng, dtype=torch.float64)
        t = targets_of((x[:, 0] + 0.3 * torch.randn(60, generator=rng, dtype=torch.float64) > 0).long(), 2)

        def objective(weight, bias):
            return weight.abs().sum() + bias.abs().sum() + 0.3 * F.softplus(-t * (x @ weight.T + bias)).sum()

        found = sparse_logistic(x, t, 0.3)
        lowest = objective(*found)
        assert (found.weight == 0).any()
        for _ in range(50):
            around = [part + 1e-3 * torch.randn(part.shape, generator=rng, dtype=torch.float64) for part in found]
            assert objective(*around) > lowest

    @pytest.mark.parametrize("strength", [1e-3, 0.1, 3.0, 1000.0])
    @pytest.mark.parametrize("twice", [False, True])
    def test_a_solution_has_the_slopes_of_the_minimum(self, strength, twice):
        """Fewer samples than dimensions, some of which are the same or say nothing."""
        rng = torch.Generator().manual_seed(1)
        y = torch.randint(3, (40,), generator=rng)
        x = torch.randn(3, 60, generator=rng, dtype=torch.float64)[y] + torch.randn(40, 60, generator=rng, dtype=torch.float64)
        x[:, 0] = 0
        x = torch.cat([x, x[:, :30]], dim=1) if twice else x
        t = targets_of(y, 3)
        found = sparse_logistic(x, t, strength)
        ones, w = torch.cat([x, torch.ones(40, 1)], dim=1), torch.cat([found.weight, found.bias[:, None]], dim=1).T
        slopes = -strength * (ones.T @ (t * torch.sigmoid(-t * (ones @ w))))
        assert (torch.where(w != 0, (slopes + w.sign()).abs(), slopes.abs() - 1) < 1e-5).all()
        assert w[0].eq(0).all()

    def test_rows_are_balanced_over_the_cells_that_have_any(self):
        cell = torch.tensor([0, 0, 0, 2, 2, 3, 3, 3, 3])
        rows = balanced_rows(cell, 4)
        assert cell[rows].bincount(minlength=4).tolist() == [2, 0, 2, 2]

    @pytest.mark.parametrize("num_classes", [2, 3])
    def test_the_head_of_embeddings_predicts_as_the_regressions_do(self, num_classes):
        rng = torch.Generator().manual_seed(0)
        z = 3 + 2 * torch.randn(50, 4, generator=rng, dtype=torch.float64)
        y = torch.randint(num_classes, (50,), generator=rng)
        mean, scale = z.mean(0), z.std(0, correction=0)
        solution = sparse_logistic((z - mean) / scale, targets_of(y, num_classes), 1.0)
        scores = F.linear((z - mean) / scale, *solution)
        predicted = (scores[:, 0] > 0).long() if num_classes == 2 else scores.argmax(1)
        assert torch.equal(F.linear(z, *head_of(solution, mean, scale)).argmax(1), predicted)


class TestSWAD:
    @pytest.mark.parametrize("model", ["mlp", "cnn"])
    def test_the_net_left_is_the_average_of_the_last_epoch_where_the_loss_never_converges(self, model):
        training = tiny_training("swad", model=PlugIn(name=model), epochs=2, precision="float64")
        averages, seen = part_of(training, "swad").averages, []
        step = type(averages).step

        def watched(weights):
            seen.append({name: value.clone() for name, value in training.net.state_dict().items()})
            step(averages, weights)

        averages.step = watched
        train_epochs(training, 2)
        last = seen[-training.steps :]
        for name, value in training.net.named_parameters():
            torch.testing.assert_close(value, torch.stack([state[name] for state in last]).mean(0))

    def test_a_valley_that_is_over_ends_the_training(self):
        training = tiny_training("swad", {"swad.converge": 1, "swad.tolerate": 1, "swad.ratio": 0.0}, epochs=8)
        losses = iter([1.0, 3.0])
        averages = part_of(training, "swad").averages
        end = type(averages).end_segment
        averages.end_segment = lambda loss: end(averages, next(losses))
        train_epochs(training, 2)
        assert training.done

    @pytest.mark.parametrize(
        ("losses", "averaged", "dead"),
        [
            ([5.0, 4.0, 3.0], (), None),
            ([5.0, 1.0, 1.5, 2.0, 1.0, 9.0, 9.0], (1, 2, 3, 4), 6),
            ([5.0, 1.0, 1.1, 1.2, 1.1, 1.0], (1, 2, 3, 4, 5), None),
        ],
    )
    def test_a_valley_reaches_from_convergence_to_the_first_that_stays_above_it(self, losses, averaged, dead):
        found = valley(losses, converge=2, tolerate=2, ratio=0.3, ended=True)
        assert (found.averaged, found.dead) == (averaged, dead)
        for n in range(len(losses)):
            before = valley(losses[:n], converge=2, tolerate=2, ratio=0.3, ended=False).averaged
            assert before == averaged[: len(before)]

    def test_statistics_are_the_mean_over_the_batches_of_an_epoch(self):
        training = tiny_training("scratch")
        training.net.layers.append(nn.BatchNorm1d(128))
        training._order = torch.from_numpy(training.batch_order())
        refresh_statistics(training)
        before = training.net.layers[:2]
        means = []
        for number in range(training.steps):
            x = training.batch(number).x.flatten(1)
            for layer in before:
                x = F.relu(layer(x))
            means.append(x.mean(0))
        norm = training.net.layers[2]
        torch.testing.assert_close(norm.running_mean, torch.stack(means).mean(0))
        assert (norm.momentum, norm.training) == (0.1, False)


class TestFSCL:
    def test_vectors_are_refused(self):
        composite = started("fscl")
        part = composite.parts["fscl"]
        with pytest.raises(InvalidInput, match="fscl contrasts two views of an image, and these data are vectors"):
            part.start(part.context._replace(shape=(30,)))

    def test_the_embedding_is_trained_first_and_the_head_after(self):
        training = tiny_training("fscl", {"fscl.stage": 0.5})
        states = [parameters(training)]
        for _ in range(2):
            train_epochs(training, 2)
            states.append(parameters(training))
        first, second = (
            {name for name, value in after.items() if not torch.equal(value, before[name]) and not name.startswith("fscl")}
            for before, after in itertools.pairwise(states)
        )
        assert first.isdisjoint({"head.weight", "head.bias"})
        assert second == {"head.weight", "head.bias"}
        assert all(parameter.requires_grad for parameter in training.net.parameters())

    @pytest.mark.parametrize("group_norm", [False, True])
    def test_every_anchor_and_with_group_norm_every_cell_counts_alike(self, group_norm):
        rng = torch.Generator().manual_seed(0)
        y, a = torch.tensor([0, 0, 0, 0, 1, 1, 2]), torch.tensor([0, 0, 1, 0, 1, 0, 0])
        u = F.normalize(torch.randn(7, 5, generator=rng, dtype=torch.float64))
        s = u @ u.T / 0.2
        cells: dict[tuple[int, int], list[torch.Tensor]] = {}
        for i in range(7):
            others = [j for j in range(7) if y[j] == y[i] and j != i]
            contrast = [k for k in range(7) if y[k] != y[i] and a[k] == a[i]]
            log_sum = s[i, contrast].logsumexp(0) if contrast else s[i, i]
            ratios = {j: s[i, j] - log_sum for j in others}
            if not others:
                continue
            groups = {int(a[j]) for j in others}
            by_cell = [torch.stack([ratios[j] for j in others if a[j] == g]).mean() for g in groups]
            value = torch.stack(by_cell if group_norm else list(ratios.values())).mean()
            cells.setdefault((int(y[i]), int(a[i])), []).append(value)
        means = [torch.stack(values).mean() for values in cells.values()]
        expected = torch.stack(means if group_norm else [value for values in cells.values() for value in values]).mean()
        loss = fscl_loss(u, y, a, temperature=0.2, group_norm=group_norm)
        torch.testing.assert_close(loss, -0.2 / 0.07 * expected)

    def test_both_views_are_seen_in_the_first_stage_alone(self):
        training = tiny_training("fscl")
        part = training.method.parts["fscl"]
        (everything,) = training.everything()
        batch = training.method.prepare(everything, Progress(0, 4))
        assert batch is everything
        seen = part.prepare(_with_view(everything), Progress(0, 4))
        assert torch.equal(seen.x, torch.cat([everything.x, 1 - everything.x]))
        assert torch.equal(seen.y, everything.y.repeat(2))
        later = _with_view(everything)
        assert part.prepare(later, Progress(3, 4)) is later


def _with_view(batch):
    return dataclasses.replace(batch, view=1 - batch.x)


def test_all_that_is_trained_on_is_seen_once():
    training = tiny_training("scratch")
    seen = torch.cat([batch.index for batch in training.everything()])
    assert np.array_equal(seen.numpy(), np.arange(len(training.train)))
