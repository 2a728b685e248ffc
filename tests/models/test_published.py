"""The nets as their papers' code builds them: parameters and taps."""

import pytest
import torch

from fairtune.models import Net


@pytest.mark.parametrize(
    ("name", "shape", "num_classes", "parameters"),
    [
        ("cnn", (3, 32, 32), 10, 814_122),
        ("resnet18", (3, 176, 176), 3, 11_178_051),
        ("resnet18", (3, 224, 224), 2, 11_177_538),
        ("shufflenet_v2", (3, 176, 176), 2, 1_255_654),
        ("slimcnn", (3, 218, 178), 40, 571_304),
        ("lenet", (3, 28, 28), 10, 665_610),
        ("simple_convnet", (3, 28, 28), 10, 531_210),
        ("mlp3", (3, 28, 28), 10, 256_510),
        ("resnet50_128", (3, 224, 224), 2, 23_508_032 + 12_845_184 + 258),
        ("efficientnet_b1", (3, 200, 200), 2, 7_794_184 + 2_002),
    ],
)
def test_has_the_published_number_of_parameters(name, shape, num_classes, parameters):
    net = Net.load(name).build(shape, num_classes)
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


@pytest.mark.parametrize(
    ("name", "shape", "options", "features", "maps"),
    [
        ("cnn", (3, 32, 32), {}, 256, (128, 8, 8)),
        ("resnet18", (3, 176, 176), {}, 512 * 6 * 6, (512, 6, 6)),
        ("resnet18", (3, 176, 176), {"tap": "pooled"}, 512, (512, 6, 6)),
        ("shufflenet_v2", (3, 176, 176), {}, 1024 * 6 * 6, (1024, 6, 6)),
        ("shufflenet_v2", (3, 176, 176), {"tap": "pooled"}, 1024, (1024, 6, 6)),
        ("slimcnn", (3, 218, 178), {}, 192, (192, 5, 4)),
        ("slimcnn", (3, 218, 178), {"tap": "flat"}, 192 * 5 * 4, (192, 5, 4)),
        ("lenet", (3, 28, 28), {}, 64, (64, 8, 8)),
        ("simple_convnet", (3, 28, 28), {}, 128, (128, 28, 28)),
        ("simple_convnet", (3, 28, 28), {"tap": "flat"}, 128 * 28 * 28, (128, 28, 28)),
        ("mlp3", (3, 28, 28), {}, 100, None),
        ("mlp1", (108,), {}, 64, None),
        ("mlp1", (108,), {"width": 7}, 7, None),
        ("resnet50_128", (3, 224, 224), {}, 128, (2048, 7, 7)),
        ("efficientnet_b1", (3, 200, 200), {}, 1000, (1280, 8, 8)),
    ],
)
def test_has_the_published_taps(name, shape, options, features, maps):
    net = Net.load(name).build(shape, 2, **options).eval()
    with torch.no_grad():
        out = net(torch.rand(1, *shape), want_maps=True)
    assert out.features.shape == (1, features)
    assert (None if out.maps is None else tuple(out.maps.shape[1:])) == maps


@pytest.mark.parametrize("name", ["resnet18", "shufflenet_v2", "simple_convnet"])
def test_the_pooled_tap_is_the_mean_of_the_flat_one(name):
    shape = (3, 64, 64)
    net = Net.load(name).build(shape, 2, tap="flat").eval()
    out = net(torch.rand(2, *shape), want_maps=True)
    assert torch.equal(out.features, out.maps.flatten(1))
    torch.testing.assert_close(out.embedding, out.maps.mean((2, 3)))
