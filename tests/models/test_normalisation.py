import torch
from safetensors.torch import save_file

from fairtune.models._normalisation import Normalisation
from fairtune.models.cnn import CNN
from fairtune.models.resnet18 import ResNet18

MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
SHAPE = (3, 8, 8)


def test_each_channel_is_standardised():
    module, x = Normalisation(SHAPE), torch.rand(2, *SHAPE)
    assert torch.equal(module(x), x)
    module.set(MEAN, STD)
    for channel in range(3):
        torch.testing.assert_close(module(x)[:, channel], (x[:, channel] - MEAN[channel]) / STD[channel])


def test_a_vector_is_standardised_as_a_whole():
    module, x = Normalisation((4,)), torch.rand(2, 4)
    assert torch.equal(module(x), x)
    module.set([0.5], [2.0])
    torch.testing.assert_close(module(x), (x - 0.5) / 2)


def test_float64_is_as_exact_as_float64():
    module = Normalisation(SHAPE).double()
    module.set(MEAN, STD)
    assert module.mean.flatten().tolist() == MEAN


def test_weights_that_do_not_say_leave_the_net_s_own(tmp_path):
    for kind in (CNN, ResNet18):
        net, source = kind(SHAPE, 2), kind(SHAPE, 2)
        net.normalise.set(MEAN, STD)
        state = {name: value.contiguous() for name, value in source.state_dict().items() if not name.startswith("normalise.")}
        save_file(state, tmp_path / "net.safetensors")
        net.pretrain(str(tmp_path / "net.safetensors"))
        torch.testing.assert_close(net.normalise.mean.flatten(), torch.tensor(MEAN))
        assert torch.equal(net.head.weight, source.head.weight)
