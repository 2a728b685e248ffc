"""A GPU without a GPU: tensors of its device that have a shape and a type but no values.

Whatever would make a program wait for a real one has no answer here, so it is refused: the value of a tensor (``.item()``, ``if``,
``float``), a shape that depends on values (boolean indexing), operands of two devices. What torch can do on such tensors is the
forward pass; it has no backward for a device that is not there, so that here a backward pass leaves no gradient.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from unittest import mock

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from fairtune.training.valueless import no_values

CUDA = torch.device("cuda", 0)
_MEMORY = 2**40


@contextlib.contextmanager
def fake_gpu() -> Iterator[torch.device]:
    """The device of a GPU, which tensors and modules can be made on and moved to, whatever this machine has."""
    with contextlib.ExitStack() as stack:
        for home, name, stand_in in _DRIVER:
            stack.enter_context(mock.patch.object(home, name, stand_in))
        stack.enter_context(no_values())
        yield CUDA


@contextlib.contextmanager
def no_waiting() -> Iterator[None]:
    """Refuse, with the operation and its traceback, whatever makes a GPU wait for the host or the host for a GPU."""
    with _Watch():  # type: ignore[no-untyped-call]
        yield


class _Watch(TorchDispatchMode):
    def __torch_dispatch__(
        self,
        func: OpOverload[..., object],
        types: Sequence[type],
        args: Sequence[object] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        given = kwargs or {}
        if func.overloadpacket is torch.ops.aten.index_put_ and isinstance(args[2], Tensor):
            assert args[2].device.type == "cuda", f"{func} is given a number of the host, for which the GPU waits: use index_fill_"
        out = func(*args, **given)
        came, gone = (_devices(some) for some in ((args, given), out))
        assert not ("cuda" in came and "cpu" in gone), f"{func} brings values of the GPU to the host, which waits for them"
        if "cpu" in came and "cuda" in gone:
            assert given.get("non_blocking"), f"{func} is given a tensor of the host, for which the GPU waits"
        return out


def _devices(values: object) -> set[str]:
    return {leaf.device.type for leaf in tree_leaves(values) if isinstance(leaf, Tensor)}


_DRIVER: tuple[tuple[object, str, object], ...] = (
    (Tensor, "pin_memory", lambda tensor: tensor),
    (torch.cuda, "mem_get_info", lambda device=None: (_MEMORY, _MEMORY)),
    (torch.cuda, "memory_reserved", lambda device=None: 0),
    (torch.cuda, "memory_allocated", lambda device=None: 0),
    (torch.cuda, "device", lambda device: contextlib.nullcontext()),
    (torch.cuda, "manual_seed", lambda seed: None),
    (torch.cuda, "get_rng_state", lambda device=None: None),
    (torch.cuda, "set_rng_state", lambda state, device=None: None),
    (torch.cuda, "is_bf16_supported", lambda including_emulation=True: True),
    (torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
    (Tensor, "backward", lambda tensor: None),
    (torch.autograd, "grad", lambda outputs, inputs, allow_unused=False: [torch.zeros_like(of) for of in inputs]),
)
"""What a driver and its memory would answer, and what torch cannot do with tensors of a device that is not there."""
