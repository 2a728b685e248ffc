"""Tensors that have a shape and a type but no values: what can be known of a training without running it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from unittest import mock

from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode


@contextlib.contextmanager
def no_values() -> Iterator[None]:
    """Tensors made inside have none, whatever their device; on the CPU there is a backward pass too."""
    copies = mock.patch.object(FakeTensor, "__deepcopy__", _copied, create=True)
    with mock.patch.object(nn.Module, "_apply", _moved), copies, FakeTensorMode():
        yield


def _copied(tensor: FakeTensor, memo: dict[int, object]) -> Tensor:
    """As a tensor's own ``__deepcopy__``, which would copy the mode that it was made in too."""
    made: Tensor = tensor.detach().clone()
    if isinstance(tensor, nn.Parameter):
        made = nn.Parameter(made, tensor.requires_grad)
    memo[id(tensor)] = made
    return made


def _moved(module: nn.Module, move: Callable[[Tensor], Tensor], recurse: bool = True) -> nn.Module:
    """As ``nn.Module._apply``, which swaps parameters in place; those without values cannot be swapped."""
    for child in module.children() if recurse else ():
        _moved(child, move)
    for name, parameter in module._parameters.items():
        if parameter is not None and not _alike(there := move(parameter.detach()), parameter):
            module._parameters[name] = nn.Parameter(there, parameter.requires_grad)
    for name, buffer in module._buffers.items():
        module._buffers[name] = None if buffer is None else move(buffer)
    return module


def _alike(one: Tensor, other: Tensor) -> bool:
    return (one.device, one.dtype, one.stride()) == (other.device, other.dtype, other.stride())
