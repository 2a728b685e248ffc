import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import parametrize

from fairtune.methods import Progress
from fairtune.spec import Optimizer
from fairtune.testing.examples import A, E, K, random_example, started
from fairtune.testing.trainings import CPU, digits_spec, digits_splits, digits_training, tiny_training, train_epochs
from fairtune.training.assembly import build_net
from fairtune.training.evaluate import evaluate
from tests.builders import open_trial, trained_baseline

Y, GROUPS = torch.tensor([0, 1, 2, 0, 1]), torch.tensor([0, 1, 0, 1, 1])


def heads_of(training_or_composite):
    method = getattr(training_or_composite, "method", training_or_composite)
    return method.parts["domain_independent"].heads


def apart(composite):
    """A method whose heads differ."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in heads_of(composite):
            tensor.copy_(torch.randn(tensor.shape, generator=rng))
    return composite


def test_every_sample_is_seen_by_the_head_of_its_group():
    composite, example = apart(started("domain_independent")), random_example(Y, GROUPS)
    weight, bias = heads_of(composite)
    assert example.student.embedding is not None
    logits = torch.stack([weight[g] @ z + bias[g] for z, g in zip(example.student.embedding, GROUPS, strict=True)])
    torch.testing.assert_close(composite.task_loss(example.student, example.batch), F.cross_entropy(logits, Y))


def test_a_sample_trains_the_head_of_its_group_alone():
    composite = started("domain_independent")
    example = random_example(Y, torch.ones_like(Y))
    composite.task_loss(example.student, example.batch).backward()
    for parameter in heads_of(composite):
        absent, present = parameter.grad
        assert not absent.any()
        assert present.any()
    assert example.student.logits.grad is None


@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_the_net_s_logits_are_the_mean_of_the_heads_and_for_the_authors_their_sum(protocol):
    training = digits_training("domain_independent", protocol=protocol)
    train_epochs(training, 1)
    with torch.no_grad():
        outputs = training.net.eval()(training.validation.batch(torch.arange(20)).x)
        joined = sum(F.linear(outputs.embedding, weight, bias) for weight, bias in zip(*heads_of(training), strict=True))
    assert not torch.equal(*heads_of(training)[0])
    torch.testing.assert_close(outputs.logits, joined / (1 if protocol == "official" else A))


@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_heads_start_as_the_head_of_the_net_they_are_put_on(protocol):
    training, plain = (digits_training(method, protocol=protocol) for method in ("domain_independent", "scratch"))
    x = training.train.batch(torch.arange(20)).x
    torch.testing.assert_close(training.net(x).logits, plain.net(x).logits)


def test_joined_with_a_method_that_starts_from_the_baseline_it_starts_as_good(tmp_path):
    teacher = trained_baseline(tmp_path, epochs=10)
    spec = digits_spec("domain_independent+dp_l2", teacher=teacher)
    training = open_trial(spec, tmp_path).training

    def correct():
        return int(evaluate(training.net, training.validation).counts.hard.diagonal(0, 1, 2).sum())

    before = correct()
    assert before > 0.7 * len(training.validation)
    training._order = torch.from_numpy(training.batch_order())
    training.net.train()
    training.step(training._order[0])
    assert correct() > 0.9 * before


def test_terms_of_other_methods_train_the_heads():
    training = digits_training("domain_independent+hkd")
    batch = training.train.batch(torch.arange(30))
    student = training.forward(batch)
    terms = training.method.loss(student, training.teacher.outputs(batch, ()), batch, Progress(0, 4))
    weight, bias = heads_of(training)
    gradients = torch.autograd.grad(terms["hkd"], [student.logits, weight, bias], retain_graph=True)
    of_logits = gradients[0]
    torch.testing.assert_close(gradients[2], (of_logits.sum(0) / A).expand(A, -1))
    torch.testing.assert_close(gradients[1], (of_logits.T @ student.embedding / A).expand(A, -1, -1))


def test_the_trained_net_is_a_plain_net():
    training = digits_training("domain_independent", epochs=2)
    train_epochs(training, 2)
    assert not parametrize.is_parametrized(training.net.head)
    net = build_net(digits_spec(seed=5), digits_splits()["info"], CPU)
    net.load_state_dict(training.net.state_dict())
    counts, *_ = evaluate(net, training.validation)
    assert counts.hard.tolist() == training.counts.hard.tolist()


def test_it_learns():
    training = digits_training("domain_independent", epochs=12)
    records = train_epochs(training, 12)
    assert records[-1]["val.loss"] < 0.5 * records[0]["val.loss"]


def test_the_rate_of_the_heads_is_their_own():
    training = digits_training("domain_independent", {"domain_independent.lr": 1e-8})
    weight = heads_of(training)[0].clone()
    train_epochs(training, 1)
    assert (heads_of(training)[0] - weight).abs().max() < 1e-5


def test_the_weight_decay_of_the_net_s_optimizer_is_that_of_the_heads():
    sizes = []
    for weight_decay in (0.0, 1.0):
        training = tiny_training("domain_independent", optimizer=Optimizer(weight_decay=weight_decay), epochs=20)
        train_epochs(training, 10)
        sizes.append(float(heads_of(training)[0].detach().norm()))
    assert sizes[1] < 0.9 * sizes[0]


def test_it_has_one_head_per_group_on_the_embedding():
    weight, bias = heads_of(started("domain_independent"))
    assert (weight.shape, bias.shape) == ((A, K, E), (A, K))
