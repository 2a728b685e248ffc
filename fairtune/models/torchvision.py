"""The classifiers of torchvision, by the names that they have there."""

from __future__ import annotations

import torchvision

from fairtune.errors import InvalidInput, unknown_name
from fairtune.models._base import Net
from fairtune.models._torchvision import Classifier
from fairtune.plugins import Family


class TorchvisionClassifiers(Family):
    """Any classifier of torchvision, its last linear layer replaced by one with K outputs."""

    @classmethod
    def member(cls, name: str) -> type[Net]:
        """The net of any classifier that torchvision knows by name.

        Raises:
            InvalidInput: it knows none of that name (with near misses), or the classifier does not end in a linear layer.
        """
        known = torchvision.models.list_models(module=torchvision.models)
        if name not in known:
            raise InvalidInput(unknown_name("torchvision model", name, known))
        if name.startswith("squeezenet"):
            raise InvalidInput(
                f"the model torchvision:{name} ends in a convolution, not a linear layer: try torchvision:mobilenet_v2"
            )
        return type(name, (Classifier,), {"architecture": name, "__doc__": f"{name} of torchvision, with a head for K classes."})
