"""Which methods can be trained as one."""

from __future__ import annotations

from collections.abc import Mapping

from fairtune.errors import InvalidInput
from fairtune.methods._base import Method

_ACTS = (
    "setup",
    "prepare",
    "task_loss",
    "sample_weights",
    "loss",
    "before_update",
    "begin_epoch",
    "inner_step",
    "end_epoch",
    "finish",
)
_SEES_LABELS = ("task_loss", "sample_weights", "loss")


def overrides(part: Method, hook: str) -> bool:
    """Whether a method has a hook of its own."""
    return getattr(type(part), hook) is not getattr(Method, hook)


def check_joined(parts: Mapping[str, Method]) -> None:
    """Check that no component excludes another or leaves it without effect.

    Args:
        parts: the components by name.

    Raises:
        InvalidInput: which ones, why, and what to write.
    """
    if len(parts) == 1:
        return
    _check_effects(parts)
    _check_kinds(parts)
    _check_mixed(parts)
    stepping = [name for name, part in parts.items() if part.steps_net]
    frozen = [name for name, part in parts.items() if not part.trains_net]
    if stepping and frozen:
        raise InvalidInput(f"{frozen[0]} freezes the net that {stepping[0]} updates: they cannot be combined")


def _check_effects(parts: Mapping[str, Method]) -> None:
    """Every component must have something to act on that the others leave to it."""
    for name, part in parts.items():
        others = {other: method for other, method in parts.items() if other != name}
        joined = "+".join(others)
        if part.alone:
            raise InvalidInput(f"{name} has to be used alone, because {part.alone}: beside it {joined} would have no effect")
        balanced = next((other for other, method in others.items() if method.sampling == "balanced"), None)
        if balanced and part.only_balances:
            raise InvalidInput(f"{name} weighs what the batches of {balanced} have balanced already: write {joined}")
        wanted = {want for method in others.values() for want in method.needs}
        if wanted.issuperset(part.needs) and not any(overrides(part, hook) for hook in _ACTS):
            already = f", because {balanced} balances its batches itself" if balanced and part.sampling == "balanced" else ""
            raise InvalidInput(f"{name} adds nothing to {joined}{already}: write {joined}")


def _check_kinds(parts: Mapping[str, Method]) -> None:
    """What can be done once only is done by one component."""
    kinds = {
        "replace the cross-entropy": [name for name, part in parts.items() if overrides(part, "task_loss")],
        "weigh the samples": [name for name, part in parts.items() if overrides(part, "sample_weights")],
        "freeze the trained baseline": [name for name, part in parts.items() if not part.trains_net],
        "leave another net than they trained": [name for name, part in parts.items() if overrides(part, "finish")],
        "mix the samples": [name for name, part in parts.items() if part.mixes],
        "have a stage in which they train alone": [name for name, part in parts.items() if overrides(part, "trains_alone")],
    }
    for doing, names in kinds.items():
        if len(names) > 1:
            raise InvalidInput(f"{' and '.join(names)} each {doing}: combine one of them with other methods")


def _check_mixed(parts: Mapping[str, Method]) -> None:
    """Mixed samples have no label and group that others could go by."""
    mixing = next((name for name, part in parts.items() if part.mixes), None)
    for name, part in parts.items():
        sees = part.needs_teacher or any(overrides(part, hook) for hook in _SEES_LABELS)
        if mixing and sees and not part.mixes:
            raise InvalidInput(f"{mixing} mixes samples, of which {name} needs the label and the group of each: use one of the two")
