"""Rooms of the package that are functions of the Python API too: ``fairtune.search(...)`` beside ``fairtune.search.plan``."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable
from types import ModuleType


class CallableRoom(ModuleType):
    def __call__(self, *args: object, **kwargs: object) -> object:
        """Call the function that the room stands for."""
        return self._function(*args, **kwargs)

    @property
    def _function(self) -> Callable[..., object]:
        module, _, name = vars(self)["_stands_for"].partition(":")
        function: Callable[..., object] = getattr(importlib.import_module(module), name)
        return function

    def __reduce__(self) -> tuple[Callable[[str], ModuleType], tuple[str]]:
        return importlib.import_module, (self.__name__,)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)

    @property
    def __doc__(self) -> str:  # type: ignore[override]  # a plain attribute of every other module
        """What ``help`` shows: the function, then the room."""
        name, room = self.__name__, vars(self)["__doc__"]
        return f"{room.partition(chr(10))[0]}\n\n{name}{inspect.signature(self)}\n\n{inspect.getdoc(self._function)}"


def stands_for(room: str, function: str) -> None:
    """Let a package be called, however it was imported.

    Args:
        room: the package's ``__name__``.
        function: ``module:name`` of what a call goes to; imported when it is called first.
    """
    module = sys.modules[room]
    vars(module)["_stands_for"] = function
    module.__class__ = CallableRoom
