"""What a net is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn

from fairtune.models._normalisation import Normalisation
from fairtune.models._weights import fit, pin, read, say_headless
from fairtune.plugins import Pluggable
from fairtune.records import Outputs
from fairtune.space import OptionsOrFile, Value, hyperparameter

NO_WEIGHTS = "none"


def weights_option(*named: str) -> str:
    """The option ``weights`` of a net that knows these by name, the first by default, and files by their path."""
    return hyperparameter(named[0], OptionsOrFile(values=named), help="what training starts from")


class Net(Pluggable, nn.Module):
    """A classifier that also returns its features.

    A subclass is constructed as ``Net(shape, num_classes, **options)``: the shape of one input, ``(C, H, W)`` or ``(F,)``, K, and
    every option it declares but ``weights``, each a keyword with the declared default. It refuses shapes it cannot take and draws
    its parameters from torch's default generator.

    Images come in [0, 1], and it is the net that standardises them, before ``forward`` sees them: two nets of different weights
    look at the same batch each in its own way, and a saved net needs nothing beside its state dict. By what is said once: by
    the weights that it starts from; where there are none, or they don't say, by ``Info.normalise`` of the dataset.

    Args:
        shape: of one input.

    Attributes:
        weights: what training starts from; like all that is declared by :func:`fairtune.space.hyperparameter`, it is set with
            ``--set NAME=VALUE`` or ``--set model.NAME=VALUE``.
        head: the last layer, from the embedding to the logits.
        normalise: what inputs are standardised by.
    """

    kind: ClassVar = "model"
    weights: str = weights_option(NO_WEIGHTS)

    head: nn.Linear

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.normalise = Normalisation(shape)
        self.register_forward_pre_hook(_normalised)

    @classmethod
    def complete(cls, given: Mapping[str, Value]) -> dict[str, Value]:
        """The options with defaults filled in and a file of weights pinned by its content.

        Raises:
            InvalidInput: there is no such file; else as of every plug-in.
        """
        options = super().complete(given)
        weights = str(options["weights"])
        return options | {"weights": weights if weights in cls._named_weights() else pin(weights, cls._named_weights())}

    @classmethod
    def _named_weights(cls) -> list[str]:
        legal = cls.declared()["weights"].legal
        return [str(name) for name in legal.values] if isinstance(legal, OptionsOrFile) else []

    @abstractmethod
    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Run the net.

        Args:
            x: ``(B, *shape)``, standardised.
            want_maps: also return the last convolution's map, which may cost extra.

        Returns:
            Logits, the features that feature methods use, the embedding that ``head`` is given, and maps where asked for; None
            for maps where there are none.
        """

    def pretrain(self, weights: str) -> None:
        """Take over weights in place of the random ones.

        Where they have no head, or one for another number of classes, the head stays as it is, and of a file a warning says so;
        where they don't say by what inputs are standardised, that stays as it is; all else must fit.

        Args:
            weights: the option of that name, completed.

        Raises:
            InvalidInput: the weights cannot be had, cannot be read, have changed since they were pinned, or do not fit.
        """
        if weights == NO_WEIGHTS:
            return
        with_head = fit(self, self.state_of(weights), weights)
        if not with_head and weights not in self._named_weights():
            say_headless(weights)

    def state_of(self, weights: str) -> dict[str, Tensor]:
        """The state dict that ``weights`` stands for, under this net's names."""
        return read(weights)


def _normalised(net: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    assert isinstance(net, Net)
    x, *others = inputs
    return net.normalise(x), *others
