import torch

from fairtune.models.resnet50_128 import ResNet50Neck


def test_the_neck_is_as_large_as_the_map():
    net = ResNet50Neck((3, 33, 64), 2).eval()
    assert net.neck.kernel_size == (2, 2)
    out = net(torch.rand(1, 3, 33, 64), want_maps=True)
    assert out.maps.shape == (1, 2048, 2, 2)
    full = out.maps.flatten(1) @ net.neck.weight.flatten(1).T + net.neck.bias
    torch.testing.assert_close(out.features, full.relu())
