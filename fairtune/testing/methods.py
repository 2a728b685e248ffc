"""What every method must do: each test comes from a bug seen in this field's code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import pytest
import torch
from torch import Tensor

from fairtune import plugins
from fairtune.methods import Composite, Method, Progress, components, compose, overrides
from fairtune.plugins import Pluggable
from fairtune.records import Batch, Outputs
from fairtune.space import Value
from fairtune.testing.examples import Example, random_example, started
from fairtune.testing.fake_gpu import fake_gpu, no_waiting
from fairtune.testing.plug_ins import PlugInContract
from fairtune.testing.trainings import CPU, digits_spec, parameters, saved_and_loaded, tiny_splits, tiny_training, train_epochs
from fairtune.training.assembly import build_net
from fairtune.training.evaluate import evaluate
from fairtune.training.loop import Training
from fairtune.training.replay import bindings, changed
from fairtune.training.teacher import LiveTeacher
from fairtune.training.valueless import no_values

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


class MethodContract(PlugInContract):
    """What a method must do, alone or joined with others by ``+``.

    Attributes:
        plug_in: the class, or the name of the method.
    """

    plug_in: ClassVar[type[Method] | str]

    @pytest.fixture
    def method(self) -> str:
        """The method's name."""
        return self.plug_in if isinstance(self.plug_in, str) else plugins.give("method", self.plug_in)

    @pytest.fixture
    def plug_ins(self, method: str) -> Sequence[type[Pluggable]]:
        """The components."""
        return list(components(method).values())

    @pytest.mark.parametrize("cells", CELLS.values(), ids=CELLS)
    @pytest.mark.parametrize("scale", [1.0, 0.0])
    def test_loss_is_finite_and_has_a_gradient_whatever_cells_are_missing(
        self, method: str, cells: list[tuple[int, int]], scale: float
    ) -> None:
        example = _example_of(cells, scale=scale)
        composite = started(method)
        leaves = (*example.leaves, *composite.parameters)
        for term in example.terms(composite).values():
            assert term.shape == ()
            assert torch.isfinite(term)
            gradients = torch.autograd.grad(term, leaves, allow_unused=True, retain_graph=True)
            assert any(gradient is not None for gradient in gradients)
            assert all(torch.isfinite(gradient).all() for gradient in gradients if gradient is not None)

    def test_terms_leave_the_cross_entropy_alone(self, method: str) -> None:
        assert "ce" not in _example_of(FULL).terms(started(method), Progress(0, 4))

    def test_order_of_the_batch_does_not_matter(self, method: str) -> None:
        example = _example_of(FULL)
        shuffled = example.reordered(torch.randperm(len(FULL), generator=torch.Generator().manual_seed(0)))
        composite = started(method)
        before, after = (e.terms(composite) for e in (example, shuffled))
        torch.testing.assert_close(before, after, rtol=1e-10, atol=1e-12)

    def test_compiled_loss_agrees_with_eager_on_one_graph(self, method: str) -> None:
        composite = started(method)

        def total(student: Outputs, teacher: Mapping[str, Tensor], batch: Batch) -> Tensor:
            terms = composite.loss(student, teacher, batch, Progress(1, 4))
            return sum(terms.values(), start=student.logits.sum())

        def value_and_gradient(total_: Callable[..., Tensor], example: Example) -> tuple[Tensor, Tensor]:
            value = total_(example.student, composite.from_teacher(example.teacher), example.batch)
            return value, torch.autograd.grad(value, example.student.logits)[0]

        torch.compiler.reset()
        compiled = torch.compile(total, fullgraph=True, backend="eager", dynamic=False)
        for cells in (FULL, [(2, 1)] * len(FULL)):
            example = _example_of(cells)
            torch.testing.assert_close(value_and_gradient(compiled, example), value_and_gradient(total, example))

    def test_an_epoch_on_a_gpu_waits_for_nothing(self, method: str) -> None:
        tiny_splits()
        with fake_gpu() as device:
            training = tiny_training(method, device=device, precision="bf16", batch_size=40)
            with no_waiting():
                terms = training.take_steps()
            assert {(term.device.type, term.dtype) for term in terms.values()} == {("cuda", torch.float32)}

    def test_a_step_changes_tensors_alone_so_that_a_gpu_can_replay_it(self, method: str) -> None:
        training = tiny_training(method)
        training.take_steps()
        training.counter = lambda: torch.zeros(1, dtype=torch.int64)  # type: ignore[method-assign]
        training.take_steps()
        before = bindings(training.method, training.net)
        training.step_of(0)
        assert changed(before, bindings(training.method, training.net)) == []

    def test_no_step_of_its_optimizers_asks_for_the_value_of_a_tensor(self, method: str) -> None:
        tiny_splits()
        with no_values():
            training = tiny_training(method, batch_size=40)
            training.take_steps()

    def test_a_batch_in_parts_has_the_loss_of_the_whole_where_it_says_so(self, method: str) -> None:
        composite = started(method)
        if not composite.per_sample:
            pytest.skip("its loss is one of the batch as a whole, which cannot be computed in parts")
        example, parts = _example_of(FULL), torch.arange(len(FULL)).split(7)
        value, gradients = _loss_of(composite, example)
        shares = [len(rows) / len(FULL) for rows in parts]
        found = [_loss_of(composite, example.reordered(rows)) for rows in parts]
        torch.testing.assert_close(sum(share * own for share, (own, _) in zip(shares, found, strict=True)), value)
        for number, gradient in enumerate(gradients):
            joined = torch.cat([share * own[number] for share, (_, own) in zip(shares, found, strict=True)])
            torch.testing.assert_close(joined, gradient)
        assert not any(overrides(part, hook) for part in composite.parts.values() for hook in ("inner_step", "before_update"))

    def test_weight_zero_is_the_baseline_with_the_same_sampling(self, method: str) -> None:
        values = _weights_of(method, 0.0)
        composite = compose(method, values)
        if not values or not composite.trains_net:
            pytest.skip("it has no weight that leaves the plain training where it is 0")
        training = tiny_training(method, values)
        baseline = tiny_training("ss" if composite.balances(digits_spec().dataset) else "scratch", model=training.spec.model)
        train_epochs(training, 3)
        train_epochs(baseline, 3)
        _assert_equal(dict(training.net.state_dict()), dict(baseline.net.state_dict()))
        assert training.optimizer is not None
        assert baseline.optimizer is not None
        _assert_equal(dict(training.optimizer.state_dict()["state"][0]), dict(baseline.optimizer.state_dict()["state"][0]))

    def test_a_weight_changes_the_training(self, method: str) -> None:
        if not _weights_of(method, 1.0):
            pytest.skip("it has no weight")
        trainings = [tiny_training(method, _weights_of(method, weight)) for weight in (0.0, 1.0)]
        for training in trainings:
            train_epochs(training, 1)
        before, after = (dict(training.net.named_parameters()) for training in trainings)
        assert any(not torch.equal(before[name], after[name]) for name in before)

    def test_steps_of_the_first_and_last_epoch_move_every_parameter_that_is_trained_and_no_other(self, method: str) -> None:
        training = tiny_training(method)
        before = parameters(training)
        for epoch in {0, training.spec.epochs - 1}:
            training.epoch = epoch
            _take_steps(training, 2)
        after = parameters(training)
        still = {name for name in before if torch.equal(before[name], after[name])}
        frozen = {name for name, parameter in training.net.named_parameters() if not parameter.requires_grad}
        assert still == (frozen if training.method.optimizers or training.optimizer else set(before))

    def test_optimizers_of_the_loop_share_no_parameter_and_none_is_left_out(self, method: str) -> None:
        training = tiny_training(method)
        loop = [*([training.optimizer] if training.optimizer else []), *training.method.optimizers]
        inner = [optimizer for part in training.method.parts.values() for optimizer in part.inner_optimizers]
        held, inside = ([id(p) for o in some for group in o.param_groups for p in group["params"]] for some in (loop, inner))
        assert len(held) == len(set(held))
        learning = [p for p in training.net.parameters() if p.requires_grad] if training.method.trains_net else []
        assert {*held, *inside} == {id(parameter) for parameter in (*learning, *training.method.parameters)}

    def test_the_teacher_stays_as_it_is(self, method: str) -> None:
        if not compose(method, {}).needs_teacher:
            pytest.skip("it has no teacher")
        training = tiny_training(method)
        assert isinstance(training.teacher, LiveTeacher)
        net = training.teacher.net
        before = {name: value.clone() for name, value in net.state_dict().items()}
        train_epochs(training, 1)
        _assert_equal(before, net.state_dict())

    def test_same_seed_gives_the_same_trace_and_another_seed_another(self, method: str) -> None:
        first, second = tiny_training(method, seed=1), tiny_training(method, seed=1)
        records = train_epochs(first, 2)
        torch.rand(3)
        assert train_epochs(second, 2) == records
        _assert_equal(parameters(first), parameters(second))
        assert train_epochs(tiny_training(method, seed=2), 2) != records

    def test_training_restored_after_two_epochs_goes_on_exactly(self, method: str) -> None:
        whole = tiny_training(method)
        train_epochs(whole, 2)
        state = saved_and_loaded(whole.state_dict())
        restored = tiny_training(method)
        restored.load_state_dict(state)
        assert restored.epoch == 2
        assert train_epochs(restored, 2) == train_epochs(whole, 2)
        _assert_equal(parameters(restored), parameters(whole))

    def test_what_is_saved_scores_what_was_last_reported(self, method: str) -> None:
        training = tiny_training(method, epochs=2)
        while not training.done:
            last = training.run_epoch()
        saved = build_net(training.spec, tiny_splits()["info"], CPU)
        saved.load_state_dict(saved_and_loaded(training.net.state_dict()))
        assert evaluate(saved, training.validation).scores(training.weighting) == last.val

    def test_float64_trains(self, method: str) -> None:
        training = tiny_training(method, precision="float64")
        train_epochs(training, 1)
        assert {value.dtype for value in parameters(training).values()} == {torch.float64}


def _example_of(cells: list[tuple[int, int]], *, scale: float = 1.0) -> Example:
    y, a = torch.tensor(cells).T.contiguous()
    return random_example(y, a, scale=scale)


def _loss_of(composite: Composite, example: Example) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The whole loss of a batch, and its gradient for each of the student's outputs."""
    terms = [composite.task_loss(example.student, example.batch), *example.terms(composite).values()]
    loss = torch.stack(terms).sum()
    return loss, torch.autograd.grad(loss, example.leaves, materialize_grads=True)


def _weights_of(method: str, weight: float) -> dict[str, Value]:
    """Every weight of a method: what its terms are multiplied with."""
    return {
        f"{part}.{name}": weight
        for part, plugin in components(method).items()
        for name in plugin.declared()
        if name == "weight" or name.endswith("_weight")
    }


def _assert_equal(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0, msg=name)


def _take_steps(training: Training, steps: int) -> None:
    training._order = torch.from_numpy(training.batch_order())
    training.net.train(training.method.trains_net)
    for index in training._order[:steps]:
        training.step(index)
