import copy

import pytest
import torch
import torch.nn.functional as F

from fairtune.methods._private_head import AuthorsHead, PrivateHead, ScaledHead

GROUPS, SIZE, SAMPLES = 3, 64, 600
kinds = pytest.mark.parametrize("kind", [AuthorsHead, ScaledHead])


def told(norm=28.0, seed=0):
    """Batches of embeddings that tell the groups with errors; of this norm, and with a common mean as after a ReLU."""
    torch.manual_seed(seed)
    a = torch.randint(GROUPS, (SAMPLES,))
    z = 1 + 0.3 * torch.randn(SAMPLES, SIZE) + 0.6 * F.one_hot(a, SIZE)
    z = z * (norm / z.square().sum(1).mean().sqrt())
    return [*zip(z.split(50), a.split(50), strict=True)]


def together(batches):
    return tuple(torch.cat(parts) for parts in zip(*batches, strict=True))


def fitted(kind, batches, seed=0):
    torch.manual_seed(seed)
    head = kind(SIZE, GROUPS)
    head.fit(batches)
    return head


def loss(head: PrivateHead, batches):
    z, a = together(batches)
    return float(F.cross_entropy(head(z), a).detach())


def right(head, batches):
    z, a = together(batches)
    return float((head(z).argmax(1) == a).float().mean())


@pytest.mark.parametrize("norm", [1e-3, 1.0, 28.0, 1e4])
def test_what_a_fitted_head_knows_does_not_depend_on_the_size_of_embeddings(norm):
    of_one, of_norm = told(1.0), told(norm)
    logits = [fitted(ScaledHead, batches)(together(batches)[0]) for batches in (of_one, of_norm)]
    torch.testing.assert_close(*logits, rtol=0, atol=0.02)
    assert right(fitted(ScaledHead, of_norm), of_norm) > 0.75


def test_what_a_fitted_head_knows_depends_neither_on_where_it_starts_nor_on_the_order_of_batches():
    batches = told()
    z, _ = together(batches)
    head = fitted(ScaledHead, batches)(z)
    torch.testing.assert_close(fitted(ScaledHead, batches, seed=1)(z), head, rtol=0, atol=0.02)
    torch.testing.assert_close(fitted(ScaledHead, batches[::-1])(z), head, rtol=0, atol=0.02)


def test_rounding_does_not_change_what_a_fitted_head_knows():
    batches = told()
    torch.manual_seed(2)
    rounded = [(z * (1 + 1e-6 * torch.randn_like(z)), a) for z, a in batches]
    z, _ = together(batches)
    torch.testing.assert_close(fitted(ScaledHead, batches)(z), fitted(ScaledHead, rounded)(z), rtol=0, atol=0.02)


def test_the_fit_is_the_best_that_decayed_weights_allow():
    batches = told()
    z, a = together(batches)
    head = fitted(ScaledHead, batches)
    total = F.cross_entropy(head(z), a) + 5e-5 * sum(p.square().sum() for p in head.parameters())
    assert max(float(gradient.abs().max()) for gradient in torch.autograd.grad(total, [*head.parameters()])) < 1e-4


@kinds
def test_beside_the_net_the_head_learns_by_its_own_steps(kind):
    batches = told(norm=2.0 if kind is AuthorsHead else 28.0)
    torch.manual_seed(0)
    head = kind(SIZE, GROUPS)
    before, optimizer = loss(head, batches), head.optimizer(head.parameters())
    losses = []
    for z, a in batches * 20:
        optimizer.zero_grad()
        F.cross_entropy(head(z), a).backward()
        optimizer.step()
        losses.append(loss(head, batches))
    assert losses[-1] < 0.75 * before
    assert max(losses) < 1.5 * before


@kinds
def test_a_guess_is_the_head_s_and_hands_it_no_gradient(kind):
    (z, _), *_ = told()
    head = kind(SIZE, GROUPS)
    z.requires_grad_()
    guess = head.guess(z)
    torch.testing.assert_close(guess, head(z).softmax(1))
    guess[:, 0].sum().backward()
    assert z.grad is not None
    assert z.grad.any()
    assert head.weight.grad is None
    assert head.bias.grad is None


def test_embeddings_of_zeros_are_taken_as_they_are():
    head = ScaledHead(SIZE, GROUPS)
    z = torch.zeros(4, SIZE, requires_grad=True)
    logits = head(z)
    torch.testing.assert_close(logits, head.bias.expand(4, GROUPS))
    logits.sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()
    head.fit([(z.detach(), torch.tensor([0, 1, 2, 0]))])
    assert head.weight.isfinite().all()


def test_the_authors_head_is_trained_by_their_steps():
    batches = told(norm=3.0)
    head = fitted(AuthorsHead, batches)
    torch.manual_seed(0)
    weights = AuthorsHead(SIZE, GROUPS)
    plain = torch.nn.Linear(SIZE, GROUPS)
    plain.load_state_dict(copy.deepcopy(weights.state_dict()))
    sgd = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    best, waited, epochs = float("inf"), 0, 0
    while waited <= 5 and epochs < 200:
        total = 0.0
        for z, a in batches:
            sgd.zero_grad()
            step = F.cross_entropy(plain(z), a)
            step.backward()
            sgd.step()
            total += float(step.detach())
        best, waited = (total, 0) if total < best * (1 - 1e-3) else (best, waited + 1)
        epochs += 1
    torch.testing.assert_close(head.weight, plain.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_embeddings_of_a_net_that_has_diverged_leave_the_head_as_it_is(value):
    batches = told()
    batches[0][0][0, 0] = value
    torch.manual_seed(0)
    head = ScaledHead(SIZE, GROUPS)
    before = head.weight.detach().clone()
    head.fit(batches)
    assert torch.equal(head.weight, before)
