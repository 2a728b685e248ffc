"""What every net must do."""

import inspect

import pytest
import torch
from safetensors.torch import load_file, save_file

from fairtune.errors import InvalidInput
from fairtune.models import NO_WEIGHTS
from fairtune.plugins import load, names
from fairtune.records import Outputs
from tests.models.small import NUM_CLASSES, build, construct, images

HEAVY = ("efficientnet_b1", "resnet50_128")
LONG_TO_TRACE = (*HEAVY, "shufflenet_v2", "slimcnn")


def models(slow):
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names("model")]
    )


every_model = models(slow=HEAVY)


def refusal(name, shape):
    """Why a model refuses a shape; None if it runs."""
    try:
        net = load("model", name)(shape, NUM_CLASSES)
    except InvalidInput as error:
        return str(error)
    assert net.eval()(torch.rand(1, *shape)).logits.shape == (1, NUM_CLASSES)
    return None


@every_model
@pytest.mark.parametrize("batch", [1, 2])
def test_outputs_have_the_promised_shapes(name, batch):
    net = build(name)
    out = net(images(name, batch))
    assert isinstance(out, Outputs)
    assert out.logits.shape == (batch, NUM_CLASSES)
    assert out.features.shape[0] == batch
    assert out.embedding.shape == (batch, net.head.in_features)
    assert out.maps is None


@every_model
def test_maps_are_four_dimensional_where_there_are_any(name):
    maps = build(name)(images(name), want_maps=True).maps
    assert maps is None or (maps.ndim == 4 and len(maps) == 2)


@every_model
def test_asking_for_maps_changes_nothing_else(name):
    net = build(name)
    plain, with_maps = net(images(name)), net(images(name), want_maps=True)
    assert torch.equal(plain.logits, with_maps.logits)
    assert torch.equal(plain.features, with_maps.features)


@every_model
@pytest.mark.parametrize("training", [True, False])
def test_the_head_makes_the_logits_of_the_embedding(name, training):
    net = build(name).train(training)
    out = net(images(name))
    assert torch.equal(net.head(out.embedding), out.logits)


@every_model
def test_float64_gives_float64_and_the_same_values(name):
    net = build(name)
    single = net(images(name))
    double = net.double()(images(name, dtype=torch.float64))
    assert double.logits.dtype == double.features.dtype == torch.float64
    torch.testing.assert_close(single.logits.double(), double.logits, rtol=1e-3, atol=1e-4)


@every_model
def test_bfloat16_gives_nearly_the_same_values(name):
    net = build(name)
    with torch.no_grad():
        single = net(images(name)).logits
        with torch.autocast("cpu", torch.bfloat16):
            half = net(images(name)).logits
    torch.testing.assert_close(half.float(), single, rtol=0, atol=0.05 * float(single.abs().max()))


@every_model
def test_every_parameter_gets_a_gradient(name):
    net = build(name)  # in evaluation: a bias before batch normalisation has none in training
    net(images(name, 8)).logits.square().sum().backward()
    assert [key for key, value in net.named_parameters() if value.grad is None or not value.grad.any()] == []


@every_model
def test_a_step_in_training_is_finite(name):
    net = build(name).train()
    out = net(images(name), want_maps=True)
    (out.logits.square().sum() + out.features.square().mean()).backward()
    assert all(value.grad is None or value.grad.isfinite().all() for value in net.parameters())


@every_model
def test_evaluation_is_deterministic_and_changes_nothing(name):
    net = build(name)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    first, again = net(images(name)), net(images(name))
    assert torch.equal(first.logits, again.logits)
    assert torch.equal(first.features, again.features)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


@every_model
def test_samples_do_not_see_each_other_in_evaluation(name):
    net = build(name)
    torch.testing.assert_close(net(images(name, 3)).logits[2:3], net(images(name, 3)[2:3]).logits, rtol=1e-4, atol=1e-5)


@every_model
def test_the_stream_decides_the_weights(name):
    first, again, other = (construct(name, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(value, again[key]) for key, value in first.items())
    assert not torch.equal(first["head.weight"], other["head.weight"])


@every_model
def test_channels_last_memory_changes_no_value(name):
    net, x = build(name), images(name)
    plain = net(x).logits
    other = net.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last)).logits
    torch.testing.assert_close(other, plain, rtol=1e-4, atol=1e-5)


@every_model
def test_the_state_dict_is_all_there_is(name, tmp_path):
    net, other = build(name), build(name, seed=1)
    save_file({key: value.contiguous() for key, value in net.state_dict().items()}, tmp_path / "net.safetensors")
    other.load_state_dict(load_file(tmp_path / "net.safetensors"))
    assert torch.equal(other(images(name)).logits, net(images(name)).logits)


@models(slow=LONG_TO_TRACE)
def test_no_branch_on_data_and_nothing_else_breaks_the_graph(name):
    net = build(name)
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images(name)).logits, net(images(name)).logits)
    torch.compiler.reset()


@every_model
def test_declared_options_are_the_constructors(name):
    plugin = load("model", name)
    assert all(option.legal.contains(option.default) for option in plugin.options.values())
    keywords = {
        key: parameter.default
        for key, parameter in inspect.signature(plugin).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert plugin.complete({}) == keywords | {"weights": NO_WEIGHTS}


@every_model
@pytest.mark.parametrize("shape", [(12,), (3, 1, 1), (1, 24, 24), (3, 24, 8)])
def test_a_shape_is_taken_or_refused_with_a_way_out(name, shape):
    text = refusal(name, shape)
    assert text is None or (str(shape) in text and "try " in text)


@every_model
def test_inputs_are_standardised_once(name):
    net, x = build(name), images(name)
    mean, std = (torch.tensor(values)[:, None, None] for values in ([0.4, 0.5, 0.6], [0.2, 0.3, 0.4]))
    expected = net((x - mean) / std).logits
    net.normalise.set(mean.flatten().tolist(), std.flatten().tolist())
    torch.testing.assert_close(net(x).logits, expected, rtol=1e-4, atol=1e-4)


@every_model
def test_any_net_may_start_from_another_of_its_kind(name, tmp_path):
    teacher, net = build(name), build(name, seed=1)
    teacher.normalise.set([0.4, 0.5, 0.6], [0.2, 0.3, 0.4])
    net.normalise.set([0.1, 0.1, 0.1], [0.5, 0.5, 0.5])
    save_file({key: value.contiguous() for key, value in teacher.state_dict().items()}, tmp_path / "net.safetensors")
    net.pretrain(net.complete({"weights": str(tmp_path / "net.safetensors")})["weights"])
    assert torch.equal(net(images(name)).logits, teacher(images(name)).logits)
