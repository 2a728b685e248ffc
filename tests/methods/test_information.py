import math

import pytest
import torch
import torch.nn.functional as F
from sklearn.metrics import mutual_info_score

from fairtune.methods._information import Statistics, mine_lower_bound, normalised_mutual_information
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn_classes(n, k, seed=0):
    return torch.randint(k, (n,), generator=torch.Generator().manual_seed(seed))


class TestNormalisedMutualInformation:
    def test_of_hard_predictions_is_scikit_learn_s_over_its_maximum(self):
        b, guess = drawn_classes(200, 4), drawn_classes(200, 4, seed=1)
        guess = torch.where(drawn_classes(200, 2) == 0, b, guess)
        found = normalised_mutual_information(F.one_hot(guess, 4).double(), b)
        assert float(found) == pytest.approx(mutual_info_score(b, guess) / math.log(4), abs=1e-9)

    def test_perfect_predictions_of_a_balanced_attribute_give_1(self):
        b = torch.arange(30) % 3
        assert float(normalised_mutual_information(F.one_hot(b, 3).double(), b)) == pytest.approx(1, abs=1e-9)

    @pytest.mark.parametrize("n", [1, 40])
    def test_predictions_that_do_not_depend_on_the_sample_give_0(self, n):
        predictions = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64).expand(n, 3)
        assert float(normalised_mutual_information(predictions, drawn_classes(n, 3))) == pytest.approx(0, abs=1e-9)

    def test_an_absent_value_gives_finite_gradients(self):
        logits = draw(20, 3).requires_grad_()
        normalised_mutual_information(logits.softmax(1), torch.zeros(20, dtype=torch.int64)).backward()
        assert logits.grad.isfinite().all()

    def test_its_gradient_is_right(self):
        b = drawn_classes(6, 3)
        assert torch.autograd.gradcheck(lambda z: normalised_mutual_information(z.softmax(1), b), draw(6, 3).requires_grad_())


class TestMineLowerBound:
    def test_by_hand(self):
        joint, marginal = torch.tensor([1.0, 3.0]), torch.tensor([0.0, math.log(3.0)])
        assert float(mine_lower_bound(joint, marginal)) == pytest.approx(2 - math.log(2))

    def test_a_network_that_tells_nothing_apart_gives_0(self):
        assert float(mine_lower_bound(torch.full((7,), 2.5), torch.full((9,), 2.5))) == pytest.approx(0)

    def test_large_values_do_not_overflow(self):
        scores = torch.tensor([1000.0, 1000.0], requires_grad=True)
        bound = mine_lower_bound(scores, scores - 100)
        assert bound.item() == pytest.approx(100, rel=1e-5)
        bound.backward()
        assert scores.grad.isfinite().all()

    def test_the_best_critic_reaches_the_information_of_a_table(self):
        table = torch.tensor([[0.4, 0.1], [0.1, 0.4]], dtype=torch.float64)
        marginal = table.sum(0)[None, :] * table.sum(1)[:, None]
        critic = (table / marginal).log()
        pairs, products = (torch.repeat_interleave(critic.flatten(), (100 * p).round().long().flatten()) for p in (table, marginal))
        information = float((table * critic).sum())
        assert float(mine_lower_bound(pairs, products)) == pytest.approx(information)


class TestStatistics:
    def test_shapes_and_sizes(self):
        net = Statistics(5, 7, widths=(4, 3))
        assert net(torch.zeros(6, 5), torch.zeros(6, 7)).shape == (6,)
        assert [tuple(value.shape) for name, value in net.named_parameters() if name.endswith("weight")] == [
            (4, 12),
            (3, 4),
            (1, 3),
        ]
        assert len(Statistics(24, 64).layers) == 4

    def test_the_attribute_comes_first_and_the_leak_is_a_fifth(self):
        net = Statistics(1, 1, widths=(1,))
        with torch.no_grad():
            for layer, weight in zip(net.layers, ([[-1.0, 0.0]], [[1.0]]), strict=True):
                layer.weight.copy_(torch.tensor(weight))
                layer.bias.zero_()
        assert net(torch.tensor([[10.0]]), torch.tensor([[3.0]])).item() == pytest.approx(-2)
        assert net(torch.tensor([[-10.0]]), torch.tensor([[3.0]])).item() == pytest.approx(10)

    def test_learns_that_two_variables_belong_together(self):
        with torch_stream(CPU, 0, "method"):
            net = Statistics(2, 1, widths=(16,))
            optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
            b = torch.arange(256) % 2
            c, z = F.one_hot(b, 2).float(), (2.0 * b - 1)[:, None]
            for _ in range(100):
                bound = mine_lower_bound(net(c, z), net(c[torch.randperm(256)], z))
                optimizer.zero_grad()
                (-bound).backward()
                optimizer.step()
        assert bound.item() == pytest.approx(math.log(2), abs=0.15)
