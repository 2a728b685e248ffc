import torch
import torch.nn.functional as F

from fairtune.evaluate import evaluate
from fairtune.trial import build_net
from tests.builders import CPU, A, E, K, digits_spec, digits_splits, digits_training, random_example, started, train_epochs

Y, GROUPS = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 1, 0, 1, 1])


def heads_of(training_or_composite):
    method = getattr(training_or_composite, "method", training_or_composite)
    heads = method.parts["domain_independent"].heads
    return heads.weight.unflatten(0, (A, -1)), heads.bias.unflatten(0, (A, -1))


def test_every_sample_is_seen_by_the_head_of_its_group():
    composite, example = started("domain_independent"), random_example(Y, GROUPS)
    weight, bias = heads_of(composite)
    logits = torch.stack([weight[g] @ z + bias[g] for z, g in zip(example.student.embedding, GROUPS, strict=True)])
    torch.testing.assert_close(composite.task_loss(example.student, example.batch), F.cross_entropy(logits, Y))


def test_a_sample_trains_the_head_of_its_group_alone():
    composite = started("domain_independent")
    example = random_example(Y, torch.ones_like(Y))
    composite.task_loss(example.student, example.batch).backward()
    for parameter in composite.parts["domain_independent"].heads.parameters():
        absent, present = parameter.grad.unflatten(0, (A, -1))
        assert not absent.any()
        assert present.any()
    assert example.student.logits.grad is None


def test_the_net_s_head_is_the_sum_of_the_heads_after_every_step():
    training = digits_training("domain_independent")
    training._order = torch.from_numpy(training.batch_order())
    for index in training._order[:3]:
        training.step(index, None)
        for own, parts in zip((training.net.head.weight, training.net.head.bias), heads_of(training), strict=True):
            torch.testing.assert_close(own, parts.sum(0), rtol=0, atol=0)


def test_the_trained_net_is_a_plain_net_that_adds_the_heads_up():
    training = digits_training("domain_independent")
    train_epochs(training, 2)
    net = build_net(digits_spec(seed=5), digits_splits()["info"], CPU)
    net.load_state_dict(training.net.state_dict())
    with torch.no_grad():
        outputs = net(training.validation.batch(torch.arange(20)).x)
        weight, bias = heads_of(training)
        expected = sum(F.linear(outputs.embedding, weight[g], bias[g]) for g in range(A))
    torch.testing.assert_close(outputs.logits, expected)
    counts, _, _ = evaluate(net, training.validation, num_groups=2, precision="fp32")
    assert counts.hard.tolist() == training.counts.hard.tolist()


def test_it_learns():
    training = digits_training("domain_independent", epochs=12)
    records = train_epochs(training, 12)
    assert records[-1]["val.loss"] < 0.5 * records[0]["val.loss"]


def test_terms_of_other_methods_see_the_sum():
    composite = started("domain_independent+hkd")
    example = random_example(Y, GROUPS)
    sum(example.terms(composite).values()).backward()
    assert example.student.logits.grad.any()
    assert all(parameter.grad is None for parameter in composite.parts["domain_independent"].modules.parameters())


def test_the_rate_of_the_heads_is_their_own():
    training = digits_training("domain_independent", {"domain_independent.lr": 1e-8})
    weight, _ = (part.clone() for part in heads_of(training))
    train_epochs(training, 1)
    assert (heads_of(training)[0] - weight).abs().max() < 1e-5


def test_it_has_one_head_per_group_on_the_embedding():
    weight, bias = heads_of(started("domain_independent"))
    assert (weight.shape, bias.shape) == ((A, K, E), (A, K))
