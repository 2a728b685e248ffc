"""A net that starts as another is."""

from __future__ import annotations

import copy
from typing import TypeVar

from torch import nn

M = TypeVar("M", bound=nn.Module)


def copied(net: M) -> M:
    """A copy of a net with weights and buffers of its own.

    They are cloned, not copied with what else a tensor refers to: tensors without values share the mode that they are made in.
    """
    own: dict[int, object] = {id(p): nn.Parameter(p.detach().clone(), p.requires_grad) for p in net.parameters()}
    own |= {id(buffer): buffer.clone() for buffer in net.buffers()}
    return copy.deepcopy(net, own)
