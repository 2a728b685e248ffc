"""Whether a training fits a card, and what would where it does not."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from fairtune.errors import InvalidInput
from fairtune.methods import compose
from fairtune.report.plan import DRIVER_GIB, SLACK
from fairtune.sizes import GIB
from fairtune.spec import SearchSpec, TrialSpec
from fairtune.study.teacher import teacher_beside
from fairtune.training.cards import Card
from fairtune.training.cost import Cost, NotCounted, Shape, cost_of

_log = logging.getLogger(__name__)


def trials_of(spec: SearchSpec) -> dict[str, TrialSpec]:
    """A trial of each method of a search, what is searched at its default."""
    fixed = {method: space.fixed for method, space in spec.spaces.items()}
    return {
        method: spec.trial(method, values, needs_baseline=compose(method, values).needs_baseline)
        for method, values in fixed.items()
    }


def checked_cost(trial: TrialSpec, shape: Shape, card: Card) -> tuple[Cost, float]:
    """What a training takes, and of a card's memory, GiB.

    Raises:
        InvalidInput: it does not fit, and what would; or it cannot be counted.
    """
    cost = cost_of(trial, shape, torch.device("cuda"))
    gib = gib_on(card, cost, shape)
    if gib > card.gib:
        raise InvalidInput(too_large(trial, shape, card, gib))
    return cost, gib


def expected_memory(spec: SearchSpec, shape: Shape, card: Card) -> str:
    """What the trainings of a search take of a card, in words, as far as it is known; warns of one that may not fit.

    It is counted and assumed, not measured, so that it keeps nothing from being tried.
    """
    teacher = teacher_beside(spec)
    trainings = {"the baseline": spec.baseline(), **({} if teacher is None else {"the teacher": teacher}), **trials_of(spec)}
    each = "; ".join(f"{name} {_expected(trial, shape, card)}" for name, trial in trainings.items())
    return f"for a training: {each}; each has {card.gib:.3g} GiB of {card.name}"


def _expected(trial: TrialSpec, shape: Shape, card: Card) -> str:
    try:
        cost = cost_of(trial, shape, torch.device("cuda"))
    except NotCounted:
        return "not known, as its steps depend on values"
    if (gib := gib_on(card, cost, shape)) > card.gib:
        _log.warning(f"{too_large(trial, shape, card, gib)}; that is an estimate, so it is tried all the same")
    return f"{cost.flops / 1e15:.3g} PFLOP and {gib:.3g} GiB"


def gib_on(card: Card, cost: Cost, shape: Shape) -> float:
    """Memory of one training on a card: the images of both splits too, each where it takes at most half of what is free."""
    tensors = cost.peak_bytes * SLACK / GIB + DRIVER_GIB
    for samples in (shape.train, shape.validation):
        images = samples * shape.sample_bytes / GIB
        tensors += images if images <= (card.gib - tensors) / 2 else 0
    outputs = cost.outputs_bytes / GIB
    return tensors + (outputs if outputs <= (card.gib - tensors) / 2 else 0)


def too_large(trial: TrialSpec, shape: Shape, card: Card, gib: float) -> str:
    """That a training does not fit a card, and what would."""
    would = ", or ".join(_fitting(trial, shape, card)) or "nothing smaller of this model fits: take a smaller one, or a larger card"
    return f"a training of {trial.method} with {trial.model.name} takes about {gib:.3g} GiB, {card.name} has {card.gib:g}: {would}"


def _fitting(trial: TrialSpec, shape: Shape, card: Card) -> Iterator[str]:
    def fits(changed: TrialSpec, seen: Shape = shape) -> bool:
        try:
            return gib_on(card, cost_of(changed, seen, torch.device("cuda")), seen) <= card.gib
        except InvalidInput:
            return False

    def too_large(field: str, size: int) -> bool:
        return not fits(trial.model_copy(update={field: size}))

    sizes = [2**power for power in range((trial.batch_size - 1).bit_length())]
    for option, field in (("--batch-size", "batch_size"), ("--micro-batch", "micro_batch")):
        largest = bisect_left(sizes, True, key=partial(too_large, field))
        if largest:
            yield f"{option} {sizes[largest - 1]}"
    if trial.precision != "bf16" and card.bf16 and fits(trial.model_copy(update={"precision": "bf16"})):
        yield "--precision bf16"
    if len(shape.info.shape) == 3:
        channels, height, width = shape.info.shape
        half = shape._replace(info=replace(shape.info, shape=(channels, height // 2, width // 2)))
        if fits(trial, half):
            yield f"images of {height // 2}x{width // 2}"
