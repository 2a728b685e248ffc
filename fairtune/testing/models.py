"""What every net must do."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.models import NO_WEIGHTS, Net
from fairtune.plugins import Pluggable
from fairtune.records import Outputs
from fairtune.seeding import torch_stream
from fairtune.space import Value
from fairtune.testing.fake_gpu import fake_gpu, no_waiting
from fairtune.testing.plug_ins import PlugInContract
from fairtune.testing.trainings import CPU

NUM_CLASSES = 5


class Case:
    """A net on small inputs.

    Args:
        plug_in: the class.
        shape: of one input; small, so that the suite is fast.
        options: other ones than the defaults, where a small input wants them.
    """

    def __init__(self, plug_in: type[Net], shape: tuple[int, ...], options: Mapping[str, Value]) -> None:
        self.plug_in = plug_in
        self.shape = shape
        self.options = options
        self._construct = lru_cache(lambda seed: self.construct(seed, **options))

    def construct(self, seed: int, **options: Value) -> Net:
        """A net whose weights are drawn from the stream of this seed."""
        with torch_stream(CPU, seed, "init"):
            return self.plug_in.build(self.shape, NUM_CLASSES, **options)

    def build(self, seed: int = 0) -> Net:
        """A net in evaluation mode, the test's own."""
        return copy.deepcopy(self._construct(seed)).eval()

    def inputs(self, batch: int = 2, dtype: torch.dtype = torch.float32) -> Tensor:
        """Inputs in [0, 1]."""
        return torch.rand(batch, *self.shape, generator=torch.Generator().manual_seed(0)).to(dtype)

    def refusal(self, shape: tuple[int, ...]) -> str | None:
        """Why the net refuses a shape; None if it runs."""
        try:
            net = self.plug_in.build(shape, NUM_CLASSES)
        except InvalidInput as error:
            return str(error)
        assert net.eval()(torch.rand(1, *shape)).logits.shape == (1, NUM_CLASSES)
        return None


class ModelContract(PlugInContract):
    """What a net must do.

    Attributes:
        plug_in: the class.
        shape: of one input; small, so that the suite is fast.
        options: other ones than the defaults, where a small input wants them.
    """

    plug_in: ClassVar[type[Net]]
    shape: ClassVar[tuple[int, ...]] = (3, 32, 32)
    options: ClassVar[Mapping[str, Value]] = {}

    @pytest.fixture
    def model(self) -> Case:
        """The net, on inputs of the shape."""
        return Case(self.plug_in, self.shape, self.options)

    @pytest.fixture
    def plug_ins(self, model: Case) -> Sequence[type[Pluggable]]:
        """The class."""
        return [model.plug_in]

    @pytest.mark.parametrize("batch", [1, 2])
    def test_outputs_have_the_promised_shapes(self, model: Case, batch: int) -> None:
        net = model.build()
        out = net(model.inputs(batch))
        assert isinstance(out, Outputs)
        assert out.logits.shape == (batch, NUM_CLASSES)
        assert out.features.shape[0] == batch
        assert out.embedding is not None
        assert out.embedding.shape == (batch, net.head.in_features)
        assert out.maps is None

    def test_maps_are_four_dimensional_where_there_are_any(self, model: Case) -> None:
        maps = model.build()(model.inputs(), want_maps=True).maps
        assert maps is None or (maps.ndim == 4 and len(maps) == 2)

    def test_asking_for_maps_changes_nothing_else(self, model: Case) -> None:
        net = model.build()
        plain, with_maps = net(model.inputs()), net(model.inputs(), want_maps=True)
        assert torch.equal(plain.logits, with_maps.logits)
        assert torch.equal(plain.features, with_maps.features)

    @pytest.mark.parametrize("training", [True, False])
    def test_the_head_makes_the_logits_of_the_embedding(self, model: Case, training: bool) -> None:
        net = model.build().train(training)
        out = net(model.inputs())
        assert torch.equal(net.head(out.embedding), out.logits)

    def test_float64_gives_float64_and_the_same_values(self, model: Case) -> None:
        net = model.build()
        single = net(model.inputs())
        double = net.double()(model.inputs(dtype=torch.float64))
        assert double.logits.dtype == double.features.dtype == torch.float64
        torch.testing.assert_close(single.logits.double(), double.logits, rtol=1e-3, atol=1e-4)

    def test_bfloat16_gives_nearly_the_same_values(self, model: Case) -> None:
        net = model.build()
        with torch.no_grad():
            single = net(model.inputs()).logits
            with torch.autocast("cpu", torch.bfloat16):
                half = net(model.inputs()).logits
        torch.testing.assert_close(half.float(), single, rtol=0, atol=0.05 * float(single.abs().max()))

    def test_a_gpu_runs_it_in_bfloat16_and_waits_for_nothing(self, model: Case) -> None:
        with fake_gpu() as device:
            net = model.construct(0, **model.options).to(device).train()
            x = model.inputs(4).to(device)
            with no_waiting(), torch.autocast("cuda", torch.bfloat16):
                out = net(x, want_maps=True)
        assert {part.device.type for part in out if part is not None} == {"cuda"}
        assert out.logits.dtype == torch.bfloat16
        assert {parameter.dtype for parameter in net.parameters()} == {torch.float32}

    def test_every_parameter_gets_a_gradient(self, model: Case) -> None:
        net = model.build()  # in evaluation: a bias before batch normalisation has none in training
        net(model.inputs(8)).logits.square().sum().backward()
        assert [key for key, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []

    def test_a_step_in_training_is_finite(self, model: Case) -> None:
        net = model.build().train()
        out = net(model.inputs(), want_maps=True)
        (out.logits.square().sum() + out.features.square().mean()).backward()
        assert all(value.grad is None or value.grad.isfinite().all() for value in net.parameters())

    def test_evaluation_is_deterministic_and_changes_nothing(self, model: Case) -> None:
        net = model.build()
        before = {key: value.clone() for key, value in net.state_dict().items()}
        first, again = net(model.inputs()), net(model.inputs())
        assert torch.equal(first.logits, again.logits)
        assert torch.equal(first.features, again.features)
        assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())

    def test_samples_do_not_see_each_other_in_evaluation(self, model: Case) -> None:
        net = model.build()
        torch.testing.assert_close(net(model.inputs(3)).logits[2:3], net(model.inputs(3)[2:3]).logits, rtol=1e-4, atol=1e-5)

    def test_the_stream_decides_the_weights(self, model: Case) -> None:
        first, again, other = (model.construct(seed).state_dict() for seed in (1, 1, 2))
        assert all(torch.equal(value, again[key]) for key, value in first.items())
        assert not torch.equal(first["head.weight"], other["head.weight"])

    def test_channels_last_memory_changes_no_value(self, model: Case) -> None:
        if len(model.shape) != 3:
            pytest.skip("it takes no images")
        net, x = model.build(), model.inputs()
        plain = net(x).logits
        other = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last)).logits
        torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)

    def test_the_state_dict_is_all_there_is(self, model: Case, tmp_path: Path) -> None:
        net, other = model.build(), model.build(seed=1)
        _save(net, tmp_path / "net.safetensors")
        other.load_state_dict(load_file(tmp_path / "net.safetensors"))
        assert torch.equal(other(model.inputs()).logits, net(model.inputs()).logits)

    def test_no_branch_on_data_and_nothing_else_breaks_the_graph(self, model: Case) -> None:
        net = model.build()
        compiled = torch.compile(net, backend="eager", fullgraph=True)
        torch.testing.assert_close(compiled(model.inputs()).logits, net(model.inputs()).logits)
        torch.compiler.reset()

    def test_declared_options_are_the_constructors(self, model: Case) -> None:
        keywords = {
            key: parameter.default
            for key, parameter in inspect.signature(model.plug_in).parameters.items()
            if parameter.kind is inspect.Parameter.KEYWORD_ONLY
        }
        assert model.plug_in.complete({}) == keywords | {"weights": NO_WEIGHTS}

    @pytest.mark.parametrize("shape", [(12,), (3, 1, 1), (1, 24, 24), (3, 24, 8)])
    def test_a_shape_is_taken_or_refused_with_a_way_out(self, model: Case, shape: tuple[int, ...]) -> None:
        text = model.refusal(shape)
        assert text is None or (str(shape) in text and "try " in text)

    def test_inputs_are_standardised_once(self, model: Case) -> None:
        net, x = model.build(), model.inputs()
        mean, std = (_rising(low, net.normalise.mean) for low in (0.4, 0.2))
        expected = net((x - mean) / std).logits
        net.normalise.set(mean.flatten().tolist(), std.flatten().tolist())
        torch.testing.assert_close(net(x).logits, expected, rtol=1e-4, atol=1e-4)

    def test_any_net_may_start_from_another_of_its_kind(self, model: Case, tmp_path: Path) -> None:
        teacher, net = model.build(), model.build(seed=1)
        channels = net.normalise.mean.numel()
        teacher.normalise.set([0.4] * channels, [0.2] * channels)
        net.normalise.set([0.1] * channels, [0.5] * channels)
        _save(teacher, tmp_path / "net.safetensors")
        net.pretrain(str(net.complete({"weights": str(tmp_path / "net.safetensors")})["weights"]))
        assert torch.equal(net(model.inputs()).logits, teacher(model.inputs()).logits)


def _rising(low: float, like: Tensor) -> Tensor:
    return torch.linspace(low, low + 0.2, like.numel()).view_as(like)


def _save(net: Net, file: Path) -> None:
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, file)
