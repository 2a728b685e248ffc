import torch
from torchvision.models import resnet50

from fairtune.models.resnet50_128 import ResNet50Neck


def test_the_neck_is_as_large_as_the_map():
    net = ResNet50Neck((3, 33, 64), 2).eval()
    assert net.neck.kernel_size == (2, 2)
    out = net(torch.rand(1, 3, 33, 64), want_maps=True)
    assert out.maps.shape == (1, 2048, 2, 2)
    full = out.maps.flatten(1) @ net.neck.weight.flatten(1).T + net.neck.bias
    torch.testing.assert_close(out.features, full.relu())


def test_weights_of_torchvision_leave_the_neck_as_it_is(tmp_path):
    published = {
        name: torch.rand_like(value) if value.is_floating_point() else value for name, value in resnet50().state_dict().items()
    }
    torch.save(published, file := tmp_path / "resnet50.pth")
    net = ResNet50Neck((3, 33, 64), 2)
    neck, head = net.neck.weight.clone(), net.head.weight.clone()
    net.pretrain(str(file))
    assert torch.equal(net.state_dict()["body.layer4.2.conv3.weight"], published["layer4.2.conv3.weight"])
    assert torch.equal(net.neck.weight, neck)
    assert torch.equal(net.head.weight, head)


def test_its_own_weights_bring_the_neck(tmp_path):
    trained = ResNet50Neck((3, 33, 64), 2)
    torch.save(trained.state_dict(), file := tmp_path / "own.pth")
    net = ResNet50Neck((3, 33, 64), 2)
    net.pretrain(str(file))
    assert torch.equal(net.neck.weight, trained.neck.weight)
