import pytest
import torch

from fairtune.errors import InvalidInput
from fairtune.models.slimcnn import SlimCNN
from fairtune.testing import ModelContract


class TestTheContract(ModelContract):
    plug_in = SlimCNN
    shape = (3, 131, 131)

    @pytest.mark.slow
    def test_no_branch_on_data_and_nothing_else_breaks_the_graph(self, model):
        super().test_no_branch_on_data_and_nothing_else_breaks_the_graph(model)


def test_the_smallest_image_leaves_one_pixel():
    net = SlimCNN((3, 131, 131), 2).eval()
    out = net(torch.rand(1, 3, 131, 131), want_maps=True)
    torch.testing.assert_close(out.embedding, out.maps.amax((2, 3)))


@pytest.mark.parametrize("shape", [(3, 130, 131), (12,)])
def test_smaller_ones_are_refused_with_a_way_out(shape):
    with pytest.raises(InvalidInput, match=r"sides of at least 131, not inputs of shape .* try resnet18"):
        SlimCNN(shape, 2)


def test_weights_follow_glorots_rule():
    net = SlimCNN((3, 131, 131), 40)
    stem = net.stem[0].weight.detach()
    assert stem.abs().max() <= (6 / (3 * 49 + 96 * 49)) ** 0.5
    assert float(stem.std()) == pytest.approx((2 / (3 * 49 + 96 * 49)) ** 0.5, rel=0.02)
    assert net.head.bias.tolist() == pytest.approx([0.01] * 40)
