import pytest
import torch

from fairtune.models.efficientnet_b1 import EfficientNetB1
from fairtune.testing import ModelContract


@pytest.mark.slow
class TestTheContract(ModelContract):
    plug_in = EfficientNetB1
    options = {"side": 0}  # noqa: RUF012


@pytest.mark.parametrize(
    ("shape", "side", "map_size"),
    [((3, 40, 40), 64, (2, 2)), ((3, 80, 40), 64, (4, 2)), ((3, 96, 96), 0, (3, 3)), ((3, 64, 96), 64, (2, 3))],
)
def test_resizes_the_shorter_side(shape, side, map_size):
    maps = EfficientNetB1(shape, 2, side=side).eval()(torch.rand(1, *shape), want_maps=True).maps
    assert maps.shape[2:] == map_size


def test_the_features_are_the_imagenet_logits_and_two_linear_layers_follow_each_other():
    net = EfficientNetB1((3, 32, 32), 2, side=0).eval()
    x = torch.rand(2, 3, 32, 32)
    out = net(x)
    both = torch.nn.Linear(net.imagenet.in_features, 2)
    with torch.no_grad():
        both.weight.copy_(net.head.weight @ net.imagenet.weight)
        both.bias.copy_(net.head.weight @ net.imagenet.bias + net.head.bias)
        torch.testing.assert_close(both(net.body(x)["embedding"]), out.logits)
