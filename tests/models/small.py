"""Every model on the smallest images that it takes, so that its contract is cheap to test."""

import copy
from functools import lru_cache

import torch

from fairtune.models import Net
from fairtune.plugins import load
from fairtune.records import Outputs
from fairtune.seeding import torch_stream
from fairtune.testing.trainings import CPU

NUM_CLASSES = 5
_SHAPES = {"slimcnn": (3, 131, 131)}
_OPTIONS = {"efficientnet_b1": {"side": 0}}


def shape_of(name):
    return _SHAPES.get(name, (3, 32, 32))


def construct(name, seed):
    with torch_stream(CPU, seed, "init"):
        return load("model", name)(shape_of(name), NUM_CLASSES, **_OPTIONS.get(name, {}))


_constructed_once = lru_cache(maxsize=12)(construct)


def build(name, seed=0):
    """A net in evaluation mode, the test's own."""
    return copy.deepcopy(_constructed_once(name, seed)).eval()


def images(name, batch=2, dtype=torch.float32):
    return torch.rand(batch, *shape_of(name), generator=torch.Generator().manual_seed(0)).to(dtype)


class ChannelMeans(Net):
    """The smallest net there is: a linear layer on the mean of every channel, of images of any size."""

    def __init__(self, shape, num_classes):
        super().__init__(shape)
        self.head = torch.nn.Linear(shape[0], num_classes)

    def forward(self, x, *, want_maps=False):
        means = x.mean((2, 3))
        return Outputs(self.head(means), means, None, means)
