"""Where a net looks: Grad-CAM by captum, beside its formula."""

import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.training.attention import attention


def built(name, shape=(3, 32, 32), classes=4):
    torch.manual_seed(0)
    return Net.load(name).build(shape, classes).eval()


def test_it_is_the_published_formula_on_the_last_convolution():
    pytest.importorskip("captum")
    net, x = built("cnn"), torch.rand(3, 3, 32, 32)
    found = attention(net, x)
    kept = []
    hook = net.pairs[-1].register_forward_hook(lambda module, given, out: kept.append(out))
    logits = net(x).logits
    hook.remove()
    np.testing.assert_array_equal(found.predicted, logits.argmax(1).numpy())
    (slopes,) = torch.autograd.grad(logits.gather(1, logits.argmax(1, keepdim=True)).sum(), kept)
    expected = F.relu((slopes.mean((2, 3), keepdim=True) * kept[0]).sum(1))
    np.testing.assert_allclose(found.heat, expected.detach().numpy(), rtol=1e-5, atol=1e-9)
    assert found.heat.shape == (3, 8, 8)
    assert found.heat.max() > 0


@pytest.mark.parametrize("name", ["resnet18", "lenet", "shufflenet_v2"])
def test_every_convolutional_net_has_a_map_of_its_own_size(name):
    pytest.importorskip("captum")
    net, x = built(name, shape=(3, 64, 64)), torch.rand(2, 3, 64, 64)
    maps = net(x, want_maps=True).maps
    assert attention(net, x).heat.shape == (2, *maps.shape[2:])


def test_a_net_without_places_is_refused():
    pytest.importorskip("captum")
    with pytest.raises(InvalidInput, match=r"the net MLP has none for these inputs: use a convolutional one"):
        attention(built("mlp"), torch.rand(1, 3, 32, 32))


def test_without_captum_it_says_how_to_have_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(InvalidInput, match=r'pip install "fairtune\[figures\]"'):
        attention(built("cnn"), torch.rand(1, 3, 32, 32))
