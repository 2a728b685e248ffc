"""Methods joined with ``+``: ``ss+hkd`` samples as ``ss`` does and adds the terms of ``hkd``."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from fairtune.errors import InvalidInput
from fairtune.methods._base import Context, Method, Progress
from fairtune.plugins import load
from fairtune.records import Batch, Outputs
from fairtune.space import Value


def components(method: str) -> dict[str, type[Method]]:
    """The parts of a method's name, in order, by their short name.

    Raises:
        InvalidInput: a part is unknown, empty, or named twice.
    """
    parts = [part.strip() for part in method.split("+")]
    if not all(parts):
        raise InvalidInput(f"cannot read the method {method!r}: write one name, or names joined by +, such as ss+hkd")
    if twice := sorted({part for part in parts if parts.count(part) > 1}):
        raise InvalidInput(f"the method {method!r} names {', '.join(twice)} twice: a component can be used once")
    short = [part.rpartition(":")[2] for part in parts]
    if len(set(short)) < len(short):
        raise InvalidInput(f"the method {method!r} joins two components of one name: rename a class")
    return {name: load("method", part) for name, part in zip(short, parts, strict=True)}


def compose(method: str, values: Mapping[str, Value]) -> Composite:
    """Build a method from its name and its hyperparameters.

    Args:
        method: a name, or names joined by ``+``.
        values: by full name, ``component.hyperparameter``; those left out keep their default.
    """
    parts = {}
    for name, plugin in components(method).items():
        own = {key.removeprefix(f"{name}."): value for key, value in values.items() if key.startswith(f"{name}.")}
        parts[name] = plugin(**own)
    return Composite(parts)


class Composite:
    """One or more methods trained as one.

    Args:
        parts: the components by name.
    """

    def __init__(self, parts: Mapping[str, Method]) -> None:
        self.parts = dict(parts)
        self.balanced = any(part.sampling == "balanced" for part in self.parts.values())
        self.needs_teacher = any(part.needs_teacher for part in self.parts.values())
        self.needs_maps = any(part.needs_maps for part in self.parts.values())

    def start(self, context: Context) -> None:
        for part in self.parts.values():
            part.start(context)

    def loss(self, student: Outputs, teacher: Outputs | None, batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """All components' terms, each under its own name, prefixed by its component's where two would clash."""
        terms: dict[str, Tensor] = {}
        for name, part in self.parts.items():
            for term, value in part.loss(student, teacher, batch, progress).items():
                clashes = term in terms or term == "ce"
                terms[f"{name}.{term}" if clashes else term] = value
        return terms

    @property
    def optimizers(self) -> list[torch.optim.Optimizer]:
        """The optimisers that the components own."""
        return [optimizer for part in self.parts.values() for optimizer in part.optimizers]

    def state_dict(self) -> dict[str, object]:
        """Owned modules and their optimisers."""
        return {
            name: {"modules": part.modules.state_dict(), "optimizers": [own.state_dict() for own in part.optimizers]}
            for name, part in self.parts.items()
        }

    def load_state_dict(self, state: Mapping[str, dict[str, object]]) -> None:
        for name, part in self.parts.items():
            part.modules.load_state_dict(state[name]["modules"])  # type: ignore[arg-type]
            for own, saved in zip(part.optimizers, state[name]["optimizers"], strict=True):  # type: ignore[call-overload]
                own.load_state_dict(saved)
