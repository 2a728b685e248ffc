import urllib.request

import pytest
import torch
import torchvision

from fairtune.errors import InvalidInput
from fairtune.models import Net, _torchvision
from fairtune.models.resnet18 import ResNet18
from fairtune.models.torchvision import TorchvisionClassifiers
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU

FAMILIES = [
    ("alexnet", 64),
    ("convnext_tiny", 32),
    ("densenet121", 32),
    ("efficientnet_b0", 32),
    ("efficientnet_v2_s", 32),
    ("googlenet", 32),
    ("inception_v3", 96),
    ("maxvit_t", 224),
    ("mnasnet0_5", 32),
    ("mobilenet_v2", 32),
    ("mobilenet_v3_small", 32),
    ("regnet_y_400mf", 32),
    ("resnet34", 32),
    ("resnext50_32x4d", 32),
    ("shufflenet_v2_x0_5", 32),
    ("swin_t", 32),
    ("swin_v2_t", 32),
    ("vgg11", 32),
    ("vit_b_32", 224),
    ("wide_resnet50_2", 32),
]
QUICK = ("mobilenet_v3_small", "regnet_y_400mf", "resnet34")
SHAPE = (3, 32, 32)


def images(side, batch=2):
    return torch.rand(batch, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "side"), [pytest.param(*family, marks=[pytest.mark.slow] * (family[0] not in QUICK)) for family in FAMILIES]
)
def test_cutting_a_classifier_changes_no_value(name, side):
    """Of every family: with torchvision's weights and 1000 classes ours is torchvision's, dropping and normalising included."""
    theirs = _torchvision._random(name)
    ours = TorchvisionClassifiers.member(name).build((3, side, side), 1000)
    state = theirs.state_dict()
    last = next(key.rpartition(".")[0] for key in reversed(state))
    renamed = {f"head.{k.removeprefix(last + '.')}" if k.startswith(f"{last}.") else f"body.{k}": v for k, v in state.items()}
    assert set(renamed) ^ set(ours.state_dict()) <= {"normalise.mean", "normalise.std", "head.bias"}
    torch.nn.init.zeros_(ours.head.bias)
    ours.load_state_dict(renamed, strict=False)
    for training in (False, True):
        outputs = []
        for net in (ours.train(training), theirs.train(training)):
            with torch_stream(CPU, 0, "noise"):
                outputs.append(net(images(side)))
        torch.testing.assert_close(outputs[0].logits, outputs[1])


@pytest.mark.parametrize(
    ("name", "maps", "width"),
    [
        ("mobilenet_v3_small", (576, 2, 2), 1024),
        ("mobilenet_v2", (1280, 2, 2), 1280),
        ("mnasnet0_5", (1280, 2, 2), 1280),
        ("resnet34", (512, 2, 2), 512),
        pytest.param("densenet121", (1024, 2, 2), 1024, marks=pytest.mark.slow),
        pytest.param("swin_t", (768, 2, 2), 768, marks=pytest.mark.slow),
        pytest.param("convnext_tiny", (768, 2, 2), 768, marks=pytest.mark.slow),
    ],
)
def test_the_map_is_what_the_last_pooling_sees(name, maps, width):
    net = TorchvisionClassifiers.member(name).build((3, 64, 64), 2).eval()
    out = net(images(64), want_maps=True)
    assert out.maps.shape == (2, *maps)
    assert torch.equal(out.features, out.maps.flatten(1))
    assert out.embedding.shape == (2, width)


@pytest.mark.slow
def test_a_vision_transformer_has_no_map():
    net = TorchvisionClassifiers.member("vit_b_32").build((3, 224, 224), 2, tap="flat").eval()
    out = net(images(224), want_maps=True)
    assert out.maps is None
    assert torch.equal(out.features, out.embedding)


def test_is_loaded_by_its_address():
    plugin = Net.load("torchvision:resnet34")
    assert plugin.declared() == ResNet18.declared()
    assert plugin.summary() == "resnet34 of torchvision, with a head for K classes."


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("convnext_tiy", "unknown torchvision model 'convnext_tiy': did you mean 'convnext_tiny'"),
        ("fcn_resnet50", "unknown torchvision model 'fcn_resnet50': did you mean "),
        ("", "unknown torchvision model '': known: alexnet, "),
        ("squeezenet1_1", "ends in a convolution, not a linear layer: try torchvision:mobilenet_v2"),
    ],
)
def test_an_unknown_classifier_is_refused_with_near_misses(name, reason):
    with pytest.raises(InvalidInput, match=reason):
        Net.load(f"torchvision:{name}")


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        (
            "resnet18",
            (12,),
            r"takes RGB images \(3, H, W\), not inputs of shape \(12,\): try cnn for other images, mlp for vectors",
        ),
        ("resnet18", (1, 28, 28), r"takes RGB images \(3, H, W\), not inputs of shape \(1, 28, 28\): try cnn"),
        ("alexnet", (3, 32, 32), r"cannot take images of shape \(3, 32, 32\) \(.*\): it was made for 63x63 or more; try resnet18"),
        pytest.param("vit_b_32", SHAPE, r"\(Wrong image height! Expected 224 but got 32!\).* 224x224", marks=pytest.mark.slow),
    ],
)
def test_images_that_do_not_fit_are_refused_with_a_way_out(name, shape, reason):
    with pytest.raises(InvalidInput, match=rf"the model {name} {reason}" if name != "vit_b_32" else reason):
        TorchvisionClassifiers.member(name).build(shape, 2)


def test_looking_at_the_shape_leaves_no_trace():
    net = TorchvisionClassifiers.member("resnet34").build(SHAPE, 2)
    assert all(module.training for module in net.modules())
    assert int(net.state_dict()["body.bn1.num_batches_tracked"]) == 0


def test_without_weights_images_stay_as_they_are():
    net = ResNet18(SHAPE, 2)
    assert torch.equal(net.normalise(images(32)), images(32))


class TestImageNet:
    @pytest.fixture(autouse=True)
    def _home(self, tmp_path, monkeypatch):
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        self.file = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
        self.file.parent.mkdir(parents=True)

    def put(self, seed=7):
        """The file of torchvision where torch looks for it, with weights of our own."""
        with torch_stream(CPU, seed, "init"):
            model = torchvision.models.resnet18()
        torch.save(model.state_dict(), self.file)
        return model.eval()

    def test_weights_are_taken_over_and_images_standardised(self):
        theirs, net = self.put(), ResNet18(SHAPE, 1000)
        net.pretrain("imagenet")
        standardised = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
        x = torchvision.transforms.functional.normalize(images(32), standardised.mean, standardised.std)
        torch.testing.assert_close(net.eval()(images(32)).logits, theirs(x))

    def test_another_number_of_classes_starts_with_a_head_of_its_own_without_a_word(self, caplog):
        theirs, net = self.put(), ResNet18(SHAPE, 5)
        head = net.head.weight.clone()
        net.pretrain("imagenet")
        assert torch.equal(net.head.weight, head)
        assert caplog.messages == []
        assert torch.equal(net.body.get_parameter("layer4.1.conv2.weight"), theirs.layer4[1].conv2.weight)

    def test_without_a_network_both_ways_are_named(self, monkeypatch):
        monkeypatch.setattr(urllib.request, "_opener", None)  # urllib keeps the proxies of its first request for the whole process
        for scheme in ("http", "https"):
            monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
            monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(InvalidInput, match=r"cannot fetch the weights https://download.pytorch.org/models/resnet18-") as error:
            ResNet18(SHAPE, 5).pretrain("imagenet")
        assert f"put that file at {self.file}" in str(error.value)
        assert "--set weights=FILE" in str(error.value)
        assert list(self.file.parent.iterdir()) == []

    def test_a_damaged_file_is_named(self):
        self.file.write_bytes(b"half a download")
        with pytest.raises(InvalidInput, match=rf"cannot read the weights {self.file} .*: delete the file"):
            ResNet18(SHAPE, 5).pretrain("imagenet")


@pytest.mark.parametrize(("name", "mean"), [("resnet18", 0.485), ("googlenet", 0.5)])
def test_a_file_with_torchvisions_names_wants_standardised_images(tmp_path, name, mean):
    theirs = _torchvision._random(name)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    net = TorchvisionClassifiers.member(name).build(SHAPE, 1000)
    net.pretrain(str(net.complete({"weights": str(tmp_path / "weights.pth")})["weights"]))
    assert float(net.normalise.mean[0, 0, 0]) == pytest.approx(mean)
    torch.testing.assert_close(net.eval()(images(32)).logits, theirs.eval()(net.normalise(images(32))))


def test_auxiliary_heads_are_left_out(tmp_path):
    theirs = torchvision.models.googlenet(init_weights=False, aux_logits=True)
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    net = TorchvisionClassifiers.member("googlenet").build(SHAPE, 2)
    net.pretrain(str(tmp_path / "weights.pth"))
    assert torch.equal(net.get_parameter("body.conv1.conv.weight"), theirs.conv1.conv.weight)


def test_torchvisions_last_layer_stays_where_the_paper_keeps_it(tmp_path):
    theirs = torchvision.models.efficientnet_b1()
    torch.save(theirs.state_dict(), tmp_path / "weights.pth")
    net = Net.load("efficientnet_b1").build(SHAPE, 2, side=0)
    net.pretrain(str(tmp_path / "weights.pth"))
    theirs, net = theirs.eval(), net.eval()
    torch.testing.assert_close(net(images(32)).features, theirs(net.normalise(images(32))))
