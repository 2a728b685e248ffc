"""torch's Adam, SGD and L-BFGS without its compiler, which the first of them in a process would import.

torch hides what an optimiser does from compiled code, and the wrappers that do so import ``torch._dynamo``, with it sympy and
inductor: more than a third of what a worker computes before its trial can train. No step of an optimiser is compiled here.
"""

from __future__ import annotations

import inspect
from typing import ClassVar

import torch
from torch.optim import LBFGS as _LBFGS
from torch.optim import SGD as _SGD
from torch.optim import Adam as _Adam
from torch.optim import Optimizer

_TO_BE_BARE = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


class _Eager(Optimizer):
    """Takes torch's wrappers off the methods of an optimiser: numbers are the same."""

    like: ClassVar[type[Optimizer]]

    def __init_subclass__(cls) -> None:
        for name in _TO_BE_BARE:
            setattr(cls, name, inspect.unwrap(getattr(cls.like, name)))
        cls.step = torch.no_grad()(inspect.unwrap(cls.like.step))  # type: ignore[method-assign]


class Adam(_Eager, _Adam):
    """:class:`torch.optim.Adam`."""

    like = _Adam


class SGD(_Eager, _SGD):
    """:class:`torch.optim.SGD`."""

    like = _SGD


class LBFGS(_Eager, _LBFGS):
    """:class:`torch.optim.LBFGS`."""

    like = _LBFGS
