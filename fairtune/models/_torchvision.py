"""Nets whose body is a classifier of torchvision, from scratch or pretrained."""

from __future__ import annotations

import contextlib
import pickle
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor, fx, nn
from torchvision.models import WeightsEnum

from fairtune.errors import InvalidInput
from fairtune.models._base import NO_WEIGHTS, Net, weights_option
from fairtune.models._normalisation import PREFIX
from fairtune.models._tap import Tap, tap_option
from fairtune.records import Outputs

IMAGENET = "imagenet"
_POOLS = ("mean", F.adaptive_avg_pool2d)
_WITH_AUXILIARY_HEADS = ("googlenet", "inception_v3")
_AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
_TIMEOUT_S = 20


class TorchvisionNet(Net):
    """A net that begins with a torchvision classifier cut before its last linear layer.

    ``body`` gives a mapping with ``embedding``, the vector of width ``width`` that torchvision's last layer sees, and ``map``, what
    its last pooling sees; there is none in architectures without one (vision transformers).

    Weights named ``imagenet`` are the first that torchvision published for the architecture, those of the papers' time. They, and
    files with torchvision's names, bring the mean and deviation of the images that torchvision trained on. Googlenet and
    inception_v3 have no auxiliary heads here.

    Attributes:
        architecture: torchvision's name.
        last_layer: which layer of ours takes over torchvision's last linear one from pretrained weights; None for no layer.
    """

    weights: str = weights_option(NO_WEIGHTS, IMAGENET)
    architecture: ClassVar[str]
    last_layer: ClassVar[str | None] = "head"

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(shape)
        model = _random(self.architecture)
        _check_shape(self.architecture, model, shape)
        self._last, last, self.body = _cut(model)
        self.width = last.in_features

    def state_of(self, weights: str) -> dict[str, Tensor]:
        """The state dict under this net's names; torchvision's own names are translated."""
        state = imagenet(self.architecture) if weights == IMAGENET else super().state_of(weights)
        if any(name.startswith("body.") for name in state):
            return state
        mean, std = _statistics(self.architecture)
        ours = {**self._beside_torchvision(), f"{PREFIX}mean": mean, f"{PREFIX}std": std}
        for name, value in state.items():
            layer, _, parameter = name.rpartition(".")
            if layer == self._last:
                ours |= {f"{self.last_layer}.{parameter}": value} if self.last_layer is not None else {}
            elif not name.startswith(_AUXILIARY):
                ours[f"body.{name}"] = value
        return ours

    def _beside_torchvision(self) -> dict[str, Tensor]:
        """The layers that torchvision does not have, as they are; the head is nobody's but the data's."""
        others = ("body.", PREFIX, "head.", f"{self.last_layer}.")
        return {name: value for name, value in self.state_dict().items() if not name.startswith(others)}


class Classifier(TorchvisionNet):
    """Any classifier of torchvision, its last linear layer replaced by one with K outputs.

    Args:
        shape: ``(3, H, W)``, large enough for the architecture.
        num_classes: K.
        tap: the features: ``flat``, the last map before the pooling, flattened, as S. Jung et al. (CVPR 2021) use it in their code;
            or ``pooled``, the vector that the head sees, as their paper says. The same where there is no map.
    """

    tap: Tap = tap_option("flat")

    def __init__(self, shape: tuple[int, ...], num_classes: int, *, tap: Tap = "flat") -> None:
        super().__init__(shape)
        self.flat = tap == "flat"
        self.head = nn.Linear(self.width, num_classes)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Features: by ``tap``. Maps: what the last pooling sees, or None."""
        found = self.body(x)
        embedding, maps = found["embedding"], found.get("map")
        features = maps.flatten(1) if self.flat and maps is not None else embedding
        return Outputs(self.head(embedding), features, maps if want_maps else None, embedding)


def imagenet(architecture: str) -> dict[str, Tensor]:
    """The state dict of torchvision's pretrained classifier, downloaded into torch's own cache unless it lies there.

    Raises:
        InvalidInput: it cannot be fetched or read; says what to do without a network.
    """
    weights = _published(architecture)
    file = Path(torch.hub.get_dir()) / "checkpoints" / Path(weights.url).name
    there = file.is_file()
    try:
        with _impatient():
            state: dict[str, Tensor] = torchvision.models.get_model(architecture, weights=weights, progress=False).state_dict()
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(getattr(error, "reason", error)).partition("\n")[0]
        if there:
            raise InvalidInput(f"cannot read the weights {file} ({reason}): delete the file and fetch it anew") from error
        raise InvalidInput(
            f"cannot fetch the weights {weights.url} ({reason}): without a network put that file at {file}, or take one from "
            "elsewhere with --set weights=FILE"
        ) from error
    return state


def _published(architecture: str) -> WeightsEnum:
    return next(iter(torchvision.models.get_model_weights(architecture)))


def _statistics(architecture: str) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the images that the pretrained weights want, each ``(3, 1, 1)``."""
    if architecture in _WITH_AUXILIARY_HEADS:
        half = torch.full((3, 1, 1), 0.5)
        return half, half
    images = _published(architecture).transforms()
    return torch.tensor(images.mean).view(3, 1, 1), torch.tensor(images.std).view(3, 1, 1)


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Give up on a server that is silent; torch itself would wait for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _random(architecture: str) -> nn.Module:
    options = {"aux_logits": False, "init_weights": True} if architecture in _WITH_AUXILIARY_HEADS else {}
    model: nn.Module = torchvision.models.get_model(architecture, weights=None, **options)
    return model


def _check_shape(architecture: str, model: nn.Module, shape: tuple[int, ...]) -> None:
    """Run one black image through the model: its code alone knows which sizes it takes."""
    if len(shape) != 3 or shape[0] != 3:
        raise InvalidInput(
            f"the model {architecture} takes RGB images (3, H, W), not inputs of shape {shape}: "
            "try cnn for other images, mlp for vectors"
        )
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *shape))
    except (RuntimeError, AssertionError) as error:
        height, width = _published(architecture).meta["min_size"]
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InvalidInput(
            f"the model {architecture} cannot take images of shape {shape} ({reason}): it was made for {height}x{width} or more; "
            "try resnet18, which takes any size"
        ) from error


def _cut(model: nn.Module) -> tuple[str, nn.Linear, nn.Module]:
    """Cut a classifier before its last linear layer.

    Returns:
        The layer's name, the layer, and a module from images to ``embedding`` and, where there is one, ``map``. It keeps
        torchvision's names of parameters.
    """
    modules = dict(model.named_modules())
    graph = _Tracer().trace(model.eval())
    last = [node for node in graph.nodes if _calls(node, modules, nn.Linear)][-1]
    pools = [node for node in graph.nodes if _calls(node, modules, nn.AdaptiveAvgPool2d) or node.target in _POOLS]
    parts = {"embedding": last.args[0]} | ({"map": pools[-1].args[0]} if pools else {})
    graph.erase_node(graph.output_node())
    graph.output(parts)
    body = fx.GraphModule(model, graph)
    graph.eliminate_dead_code()
    body.delete_all_unused_submodules()
    body.recompile()
    layer = modules[str(last.target)]
    assert isinstance(layer, nn.Linear)
    return str(last.target), layer, body.train()


def _calls(node: fx.Node, modules: Mapping[str, nn.Module], kind: type[nn.Module]) -> bool:
    return node.op == "call_module" and isinstance(modules[str(node.target)], kind)


class _Tracer(fx.Tracer):
    """Follows a classifier's own code, but not into torch's and torchvision's building blocks, which ask whether they train."""

    proxy_buffer_attributes = True

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or m.__module__.startswith("torchvision.ops")
