"""Where a trained net looks: Grad-CAM (R. R. Selvaraju et al., ICCV 2017), computed by captum."""

from __future__ import annotations

from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.records import Floats, Ints

HOW = 'Grad-CAM needs captum: pip install "fairtune[figures]"'


class Attention(NamedTuple):
    """What a net looks at in some samples.

    Attributes:
        heat: for the class predicted, how much each place speaks for it ``(n, h, w)``, at least 0.
        predicted: that class ``(n,)``.
    """

    heat: Floats
    predicted: Ints


def check_attention() -> None:
    """Check that Grad-CAM can be computed here.

    Raises:
        InvalidInput: captum is not installed.
    """
    if find_spec("captum") is None:
        raise InvalidInput(HOW)


def attention(net: Net, x: Tensor) -> Attention:
    """Grad-CAM of a net's last convolution, for the class that it predicts.

    The layer is the last whose output is as large as the map that :meth:`fairtune.models.Net.forward` calls the last convolution's.

    Args:
        net: a trained net; left in evaluation mode.
        x: images ``(n, C, H, W)`` in [0, 1], on the net's device.

    Raises:
        InvalidInput: the net has no such map, or captum is not installed.
    """
    check_attention()
    from captum.attr import LayerGradCam

    layer = _last_map(net.eval(), x)
    with torch.no_grad():
        predicted = net(x).logits.argmax(1)
    heat = LayerGradCam(lambda given: net(given).logits, layer).attribute(x, predicted, relu_attributions=True)
    assert isinstance(heat, Tensor)
    return Attention(heat.detach().squeeze(1).double().cpu().numpy(), predicted.cpu().numpy())


@torch.no_grad()
def _last_map(net: Net, x: Tensor) -> nn.Module:
    maps = net(x[:1], want_maps=True).maps
    found: list[nn.Module] = []

    def note(module: nn.Module, given: object, out: object) -> None:
        if maps is not None and isinstance(out, Tensor) and out.shape[2:] == maps.shape[2:] and out[0, 0].numel() > 1:
            found.append(module)

    hooks = [module.register_forward_hook(note) for module in net.modules() if module is not net]
    try:
        net(x[:1])
    finally:
        for hook in hooks:
            hook.remove()
    if not found:
        raise InvalidInput(
            f"Grad-CAM tells places apart, and the net {type(net).__name__} has none for these inputs: use a convolutional one"
        )
    return found[-1]
