"""What a net sees of a file on the disk, the whole way, against torchvision's own preprocessing."""

import copy

import pytest
import torch
import torchvision
import torchvision.transforms.functional as TF
from PIL import Image
from safetensors.torch import save_file

from fairtune.batches.transforms import IMAGENET
from fairtune.datasets import Dataset
from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.models._torchvision import TorchvisionNet
from fairtune.models.efficientnet_b1 import EfficientNetB1
from fairtune.plugins import names
from fairtune.seeding import torch_stream
from fairtune.spec import PlugIn, TrialSpec
from fairtune.testing.trainings import CPU
from fairtune.training.assembly import build_net, load_net
from fairtune.training.data import Data
from fairtune.training.folder import TrialFolder, baseline_folder
from fairtune.training.trial import Trial, run_trial

SAMPLES = 4
NETS = ["resnet18", "shufflenet_v2", "torchvision:mobilenet_v3_small", "torchvision:regnet_y_400mf"]


PAIRS = [
    pytest.param(dataset, model, marks=[] if model == NETS[place % len(NETS)] or dataset == "celeba" else pytest.mark.slow)
    for place, dataset in enumerate(names("dataset"))
    for model in NETS
]
"""Every dataset with a net, and every net with a dataset: what a file's pixels become and how a net takes them are told apart."""


def spec_of(model, weights="none", **changes):
    plugin = PlugIn(name=model, options=Net.load(model).complete({"weights": str(weights)}))
    fields = {"dataset": PlugIn(name="any"), "model": plugin, "method": "scratch", "epochs": 1, "batch_size": 16}
    return TrialSpec.model_validate(fields | changes)


def _architecture(model):
    plugin = Net.load(model)
    assert issubclass(plugin, TorchvisionNet)
    return plugin.architecture


def torchvision_net(model, classes, file):
    """A classifier of torchvision, its state dict in a file."""
    with torch_stream(CPU, 7, "init"):
        net = torchvision.models.get_model(_architecture(model), num_classes=classes)
    torch.save(net.state_dict(), file)
    return net.eval()


@pytest.fixture(scope="module", params=names("dataset"))
def drawn(request, pools):
    """A dataset's info, some samples as a trial's net is given them, and the same as torchvision prepares them, in [0, 1]."""
    dataset = Dataset.load(request.param)()
    pool, info = pools(request.param)["test"], pools.info(request.param)
    if len(info.shape) != 3 or info.shape[0] != 3:
        pytest.skip(f"{request.param} has no RGB images")
    split = dataset.test_split(pool, info)
    x = Data(info, split, split).on(CPU, torch.float32, split).batch(torch.arange(SAMPLES)).x
    stored = [TF.to_tensor(Image.fromarray(split.pool[row])) for row in split.rows[:SAMPLES]]
    return info, x, torch.stack([TF.resize(image, list(info.shape[1:]), antialias=True) for image in stored])


def standardised(images, mean, std):
    return torch.stack([TF.normalize(image, mean, std) for image in images])


def by_torchvision(model, images):
    recipe = next(iter(torchvision.models.get_model_weights(_architecture(model)))).transforms()
    return standardised(images, recipe.mean, recipe.std)


@torch.no_grad()
@pytest.mark.parametrize(("drawn", "model"), PAIRS, indirect=["drawn"])
def test_weights_of_torchvision_see_what_torchvision_shows_them(drawn, model, tmp_path):
    info, x, prepared = drawn
    theirs = torchvision_net(model, len(info.classes), tmp_path / "theirs.pt")
    net = build_net(spec_of(model, tmp_path / "theirs.pt"), info, CPU).eval()
    torch.testing.assert_close(net(x).logits, theirs(by_torchvision(model, prepared)), rtol=1e-3, atol=1e-3)


@torch.no_grad()
@pytest.mark.slow
@pytest.mark.parametrize("model", ["resnet50_128", "efficientnet_b1"])
def test_so_do_those_whose_last_layer_is_another(drawn, model, tmp_path):
    info, x, prepared = drawn
    if min(info.shape[1:]) < 32 and model == "resnet50_128":
        pytest.skip("too small for the last map to be one of more than a pixel")
    theirs = torchvision_net(model, 1000, tmp_path / "theirs.pt")
    net = build_net(spec_of(model, tmp_path / "theirs.pt"), info, CPU).eval()
    if model == "efficientnet_b1":
        assert isinstance(net, EfficientNetB1)
        prepared = TF.resize(prepared, list(net.size), antialias=True)
        ours, expected = net(x).features, theirs(by_torchvision(model, prepared))
    else:
        ours = net(x, want_maps=True).maps.mean((2, 3))
        theirs.fc = torch.nn.Identity()
        expected = theirs(by_torchvision(model, prepared))
    torch.testing.assert_close(ours, expected, rtol=1e-2, atol=1e-2)


@torch.no_grad()
def test_a_net_of_our_own_sees_what_the_dataset_says_unless_its_weights_do(drawn, tmp_path):
    model = "tests.models.small:ChannelMeans"
    info, x, prepared = drawn
    net = build_net(spec_of(model), info, CPU).eval()
    mean, std = ([0.0] * 3, [1.0] * 3) if info.normalise is None else (info.normalise.mean, info.normalise.std)
    plain = Net.load(model).build(info.shape, len(info.classes)).eval()
    plain.load_state_dict(net.state_dict())
    plain.normalise.set([0.0] * 3, [1.0] * 3)
    torch.testing.assert_close(net(x).logits, plain(standardised(prepared, mean, std)).logits, rtol=1e-4, atol=1e-4)
    plain.normalise.set([0.1, 0.2, 0.3], [0.4, 0.5, 0.6])
    save_file({name: value.contiguous() for name, value in plain.state_dict().items()}, tmp_path / "trained.safetensors")
    again = build_net(spec_of(model, tmp_path / "trained.safetensors", seed=3), info, CPU).eval()
    torch.testing.assert_close(again(x).logits, plain(prepared).logits, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_a_teacher_and_its_student_see_one_batch_each_in_its_own_way_also_once_loaded(small_mnist, tmp_path):
    options = Dataset.load("biased_mnist").complete({"rho": 0.9})
    changes = {"dataset": PlugIn(name="biased_mnist", options=options), "train_fraction": 0.03}
    teacher = spec_of("lenet", **changes)
    torchvision_net("resnet18", 10, tmp_path / "theirs.pt")
    student = spec_of("resnet18", tmp_path / "theirs.pt", method="hkd", teacher=teacher, **changes)
    trained = {}
    for spec, folder in ((teacher, baseline_folder(tmp_path, teacher)), (student, TrialFolder(tmp_path / "student"))):
        with torch.enable_grad():
            trial = Trial(spec, folder, data_root=small_mnist, runs=tmp_path, device=CPU)
            assert run_trial(trial).error is None
        trained[spec.method] = trial
    trial, info = trained["hkd"], trained["hkd"].data.info
    nets = [trained["scratch"].training.net, trial.training.net]
    batch = trial.training.train.batch(torch.arange(SAMPLES))
    stored = [TF.to_tensor(Image.fromarray(trial.data.train.pool[row])) for row in trial.data.train.rows[:SAMPLES]]
    expected = [(0.5, 0.5), (IMAGENET.mean, IMAGENET.std)]
    for net, folder, (mean, std) in zip(nets, (baseline_folder(tmp_path, teacher), trial.folder), expected, strict=True):
        loaded = load_net(teacher if net is nets[0] else student, info, folder, CPU).eval()
        plain = copy.deepcopy(net).eval()
        plain.normalise.set([0.0] * 3, [1.0] * 3)
        seen = torch.stack(
            [TF.normalize(image, torch.tensor(mean).expand(3).tolist(), torch.tensor(std).expand(3).tolist()) for image in stored]
        )
        torch.testing.assert_close(loaded(batch.x).logits, plain(seen).logits, rtol=1e-3, atol=1e-3)
    cached = trial.training.teacher.outputs(batch, ())["logits"]
    torch.testing.assert_close(cached, nets[0].eval()(batch.x).logits, rtol=1e-4, atol=1e-4)


def test_a_net_of_another_version_is_refused_with_a_way_out(tmp_path):
    spec, folder, info = spec_of("mlp"), TrialFolder(tmp_path), Dataset.load("digits")().describe(tmp_path)
    net = build_net(spec, info, CPU)
    save_file({name: value for name, value in net.state_dict().items() if "normalise" not in name}, folder.weights)
    with pytest.raises(InvalidInput, match=r"or of another version of fairtune: delete .* to train it anew"):
        load_net(spec, info, folder, CPU)
