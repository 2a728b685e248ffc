"""What every method must do: each test comes from a bug seen in this field's code."""

import pytest
import torch

from fairtune.methods import Progress, components, compose
from fairtune.plugins import names
from fairtune.space import declared
from tests.builders import digits_training, parameters, random_example, saved_and_loaded, started, train_epochs

OUTSIDE = "tests.methods.outside:Adversary"
METHODS = [*names("method"), "ss+hkd", "mfd+hkd", OUTSIDE]
every_method = pytest.mark.parametrize("method", METHODS)

FULL = [(y, a) for y in range(3) for a in range(2) for _ in range(3)]
CELLS = {
    "every cell": FULL,
    "an empty cell": [cell for cell in FULL if cell != (1, 0)],
    "a single sample in a cell": [cell for cell in FULL if cell != (1, 0)] + [(1, 0)],
    "an absent class": [cell for cell in FULL if cell[0] != 2],
    "an absent group": [cell for cell in FULL if cell[1] != 1],
    "one cell only": [(2, 1)] * 6,
    "one sample": [(0, 1)],
}


def example_of(cells, **changes):
    y, a = torch.tensor(cells).T.contiguous()
    return random_example(y, a, **changes)


def weights_of(method, weight):
    """Every weight of a method: what its terms are multiplied with."""
    return {
        f"{part}.{name}": weight
        for part, plugin in components(method).items()
        for name in declared(plugin)
        if name == "weight" or name.endswith("_weight")
    }


WITH_WEIGHT = [method for method in METHODS if weights_of(method, 0.0)]


def assert_equal_parameters(one, other):
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, msg=name)


@every_method
@pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_loss_is_finite_and_has_a_gradient_whatever_cells_are_missing(method, cells, scale):
    example = example_of(cells, scale=scale)
    composite = started(method)
    leaves = (*example.leaves, *composite.parameters)
    for term in example.terms(composite).values():
        assert term.shape == ()
        assert torch.isfinite(term)
        gradients = torch.autograd.grad(term, leaves, allow_unused=True, retain_graph=True)
        assert any(gradient is not None for gradient in gradients)
        assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)


@every_method
def test_terms_leave_the_cross_entropy_alone(method):
    example = example_of(FULL)
    assert "ce" not in example.terms(started(method), Progress(0, 4))


@every_method
def test_order_of_the_batch_does_not_matter(method):
    example = example_of(FULL)
    shuffled = example.reordered(torch.randperm(len(FULL), generator=torch.Generator().manual_seed(0)))
    composite = started(method)
    before, after = (e.terms(composite) for e in (example, shuffled))
    torch.testing.assert_close(before, after, rtol=1e-10, atol=1e-12)


@every_method
def test_compiled_loss_agrees_with_eager_on_one_graph(method):
    composite = started(method)

    def total(student, teacher, batch):
        terms = composite.loss(student, teacher, batch, Progress(1, 4))
        return sum(terms.values(), start=student.logits.sum())

    def value_and_gradient(function, example):
        value = function(example.student, composite.from_teacher(example.teacher), example.batch)
        return value, torch.autograd.grad(value, example.student.logits)[0]

    torch._dynamo.reset()
    compiled = torch.compile(total, fullgraph=True, backend="eager", dynamic=False)
    for cells in (FULL, [(2, 1)] * len(FULL)):
        example = example_of(cells)
        torch.testing.assert_close(value_and_gradient(compiled, example), value_and_gradient(total, example))


@pytest.mark.parametrize("method", [*(method for method in WITH_WEIGHT if compose(method, {}).trains_net), "scratch", "ss"])
def test_weight_zero_is_the_baseline_with_the_same_sampling(method):
    values = weights_of(method, 0.0)
    training = digits_training(method, values)
    baseline = digits_training("ss" if training.method.balanced else "scratch", model=training.spec.model)
    train_epochs(training, 3)
    train_epochs(baseline, 3)
    assert_equal_parameters(dict(training.net.state_dict()), dict(baseline.net.state_dict()))
    assert_equal_parameters(dict(training.optimizer.state_dict()["state"][0]), dict(baseline.optimizer.state_dict()["state"][0]))


@pytest.mark.parametrize("method", WITH_WEIGHT)
def test_a_weight_changes_the_training(method):
    trainings = [digits_training(method, weights_of(method, weight)) for weight in (0.0, 1.0)]
    for training in trainings:
        train_epochs(training, 1)
    before, after = (dict(training.net.named_parameters()) for training in trainings)
    assert any(not torch.equal(before[name], after[name]) for name in before)


@every_method
def test_two_steps_move_every_parameter_that_is_trained_and_no_other(method):
    training = digits_training(method)
    training.epoch = training.spec.epochs - 1
    before = parameters(training)
    take_steps(training, 2)
    after = parameters(training)
    still = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name, parameter in training.net.named_parameters() if not parameter.requires_grad}
    assert still == (frozen if training.method.optimizers or training.optimizer else set(before))


def take_steps(training, steps):
    training._order = torch.from_numpy(training.batch_order())
    training.net.train(training.method.trains_net)
    for index in training._order[:steps]:
        training.step(index, None)


@every_method
def test_optimizers_of_the_loop_share_no_parameter_and_none_is_left_out(method):
    training = digits_training(method)
    loop = [*([training.optimizer] if training.optimizer else []), *training.method.optimizers]
    inner = [optimizer for part in training.method.parts.values() for optimizer in part.inner_optimizers]
    held, inside = ([id(p) for o in some for group in o.param_groups for p in group["params"]] for some in (loop, inner))
    assert len(held) == len(set(held))
    learning = [p for p in training.net.parameters() if p.requires_grad] if training.method.trains_net else []
    assert {*held, *inside} == {id(parameter) for parameter in (*learning, *training.method.parameters)}


@pytest.mark.parametrize("method", [method for method in METHODS if compose(method, {}).needs_teacher])
def test_the_teacher_stays_as_it_is(method):
    training = digits_training(method)
    before = {name: value.clone() for name, value in training.teacher.net.state_dict().items()}
    train_epochs(training, 1)
    assert_equal_parameters(before, training.teacher.net.state_dict())


@every_method
def test_same_seed_gives_the_same_trace_and_another_seed_another(method):
    first, second = digits_training(method, seed=1), digits_training(method, seed=1)
    records = train_epochs(first, 2)
    torch.rand(3)
    assert train_epochs(second, 2) == records
    assert_equal_parameters(parameters(first), parameters(second))
    assert train_epochs(digits_training(method, seed=2), 2) != records


@every_method
def test_training_restored_after_two_epochs_goes_on_exactly(method):
    whole = digits_training(method)
    train_epochs(whole, 2)
    state = saved_and_loaded(whole.state_dict())
    restored = digits_training(method)
    restored.load_state_dict(state)
    assert restored.epoch == 2
    assert train_epochs(restored, 2) == train_epochs(whole, 2)
    assert_equal_parameters(parameters(restored), parameters(whole))


@every_method
def test_float64_trains(method):
    training = digits_training(method, precision="float64")
    train_epochs(training, 1)
    assert {value.dtype for value in parameters(training).values()} == {torch.float64}


@pytest.mark.parametrize("method", names("method"))
def test_every_searched_range_is_legal_and_holds_finite_ends(method):
    for part, plugin in components(method).items():
        for name, hyperparameter in declared(plugin).items():
            if hyperparameter.search is not None:
                assert hyperparameter.search.faults() == [], f"{part}.{name}"
                assert hyperparameter.search.within(hyperparameter.legal), f"{part}.{name}"
