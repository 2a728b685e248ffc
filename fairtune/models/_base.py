"""What a net is."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn

from fairtune.records import Outputs


class Net(nn.Module):
    """A classifier that also returns its features.

    A subclass is constructed as ``Net(shape, num_classes)``: the shape of one input, ``(C, H, W)`` or ``(F,)``, and K.

    Attributes:
        head: the last layer, from the embedding to the logits.
    """

    head: nn.Linear

    @abstractmethod
    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Run the net.

        Args:
            x: ``(B, *shape)``.
            want_maps: also return the last convolution's map, which may cost extra.

        Returns:
            Logits, the features that feature methods use, the embedding that ``head`` is given, and maps where asked for; None
            for maps where there are none.
        """
