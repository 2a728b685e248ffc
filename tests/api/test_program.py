"""Every net can be exported, whatever it was trained by, in whichever precision."""

import numpy as np
import pytest
import torch

from fairtune.api.program import program_of, save_onnx, save_program
from fairtune.api.raw import RawModel
from fairtune.datasets import Reading
from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.plugins import names
from fairtune.records import Outputs
from fairtune.testing.trainings import CPU, tiny_splits, tiny_training
from fairtune.training.assembly import build_net
from fairtune.training.device import parameter_dtype

STORED = Reading((8, 8))
LARGE = {"lenet": 32, "simple_convnet": 32, "slimcnn": 136, "efficientnet_b1": 64, "resnet50_128": 64, "shufflenet_v2": 64}


def raw_of(name, shape, reading=STORED, precision="fp32", classes=3):
    torch.manual_seed(0)
    net = Net.load(name).build(shape, classes)
    dtype = parameter_dtype(precision)
    return RawModel(net.to(dtype), shape, reading, dtype).eval()


def agree(raw, shape, images, path):
    """The program, written and read, gives what the model gives."""
    save_program(program_of(raw, shape, "net"), path)
    with torch.no_grad():
        found = torch.export.load(path).module()(images)
        torch.testing.assert_close(found, raw(images), rtol=0, atol=1e-6)
    return found


def drawn(*shape):
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize(("precision", "is_single"), [("bf16", True), ("float64", False)])
def test_it_computes_in_the_precision_that_was_scored(precision, is_single, tmp_path):
    raw = raw_of("mlp", (3, 8, 8), precision=precision)
    found = agree(raw, (3, 8, 8), drawn(5, 20, 11, 3), tmp_path / "model.pt2")
    single = raw_of("mlp", (3, 8, 8))(drawn(5, 20, 11, 3))
    assert torch.equal(found, single) == is_single


def test_images_are_cropped_stored_larger_than_seen_and_gray(tmp_path):
    agree(raw_of("cnn", (1, 8, 8), Reading((12, 12), "crop")), (1, 8, 8), drawn(4, 30, 21, 1), tmp_path / "model.pt2")


def test_vectors(tmp_path):
    raw = raw_of("mlp3", (6,), None)
    agree(raw, (6,), torch.randn(7, 6), tmp_path / "model.pt2")


def test_onnx_gives_the_same(tmp_path):
    pytest.importorskip("onnxscript", reason="ONNX is not installed")
    runtime = pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed")
    raw = raw_of("mlp", (3, 8, 8))
    save_onnx(program_of(raw, (3, 8, 8), "mlp"), tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx")
    for images in (drawn(1, 8, 8, 3), drawn(5, 40, 13, 3)):
        (found,) = session.run(["probabilities"], {"inputs": images.numpy()})
        with torch.no_grad():
            np.testing.assert_allclose(found, raw(images).numpy(), atol=1e-6, rtol=0)


class Branching(Net):
    """A net that torch cannot trace."""

    def __init__(self, shape, num_classes):
        super().__init__(shape)
        self.head = torch.nn.Linear(shape[0], num_classes)

    def forward(self, x, *, want_maps=False):
        """What it does depends on values."""
        if x.sum() > 0:
            x = -x
        return Outputs(self.head(x), x, None, x)


def test_a_net_that_cannot_be_traced_is_refused_with_a_sentence():
    raw = RawModel(Branching((4,), 2), (4,), None, torch.float32)
    with pytest.raises(InvalidInput, match=r"the net mine cannot be exported \(\w+: .*\): its forward must be made"):
        program_of(raw, (4,), "mine")


def finished(method):
    """A net that a method has trained and left behind, as it is loaded from its file."""
    training = tiny_training(method, epochs=1)
    training.run_epoch()
    assert training.done
    net = build_net(training.spec, tiny_splits()["info"], CPU)
    net.load_state_dict(training.net.state_dict())
    return net


def of_method(method, path):
    raw = RawModel(finished(method).eval(), (3, 8, 8), STORED, torch.float32)
    agree(raw, (3, 8, 8), drawn(3, 20, 11, 3), path)


def test_the_net_of_a_head_for_each_group(tmp_path):
    of_method("domain_independent", tmp_path / "model.pt2")


@pytest.mark.slow
@pytest.mark.parametrize("method", names("method"))
def test_the_net_of_every_method(method, tmp_path):
    of_method(method, tmp_path / "model.pt2")


@pytest.mark.slow
@pytest.mark.parametrize("name", names("model"))
def test_every_net(name, tmp_path):
    side = LARGE.get(name, 64 if name.startswith(("torchvision", "resnet")) else 8)
    raw = raw_of(name, (3, side, side), Reading((side, side)))
    agree(raw, (3, side, side), drawn(2, 70, 50, 3), tmp_path / "model.pt2")
