"""How many trials a GPU holds, from the memory that the first of them took."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import ray
import torch

from fairtune.errors import SearchFault
from fairtune.sizes import MIB
from fairtune.spec import Place, SearchSpec
from fairtune.study.study import SearchStudy
from fairtune.training.sharing import TURNS, compute_at_once

_log = logging.getLogger(__name__)
MOST_PER_GPU = 8
"""More trials would wait for each other's kernels and for the machine's cores."""
_CONTEXT_MB = 600.0
"""What a process takes of a card beside what its tensors do: CUDA's context and its libraries'."""
_MARGIN = 1.25
"""Blocks of memory that are not quite filled, and settings that take more than those that were measured."""
_ANSWER_S = 120


def share_of_gpu(peak_mb: float, card_mb: float) -> float:
    """The share of a GPU that a trial needs: 1 over a whole number, so that trials fill the card.

    Args:
        peak_mb: most that a trial's tensors took, in MiB, above 0.
        card_mb: memory of the card, in MiB.
    """
    fit = int(card_mb / (_MARGIN * peak_mb + _CONTEXT_MB))
    return 1 / min(max(fit, 1), MOST_PER_GPU)


def are_measured(spec: SearchSpec, study: SearchStudy) -> bool:
    """Whether what a trial takes is known: one of each method has ended here, as far as there will be any, or trials are over.

    There will be none of a method whose settings an earlier run has trained, each of them. In a joint search the sampler may leave
    a method out: twice as many trials as methods are enough.
    """
    if study.choice is not None:
        return True
    measured = [method for method, _ in _measured(study)]
    tried = Counter(record.method for record in study.records())
    to_come = [method for method, space in spec.spaces.items() if method not in measured and tried[method] < space.size]
    waited_for = {record.method for record in study.records() if record.state == "running"} - {*measured}
    return len(measured) >= 2 * len(spec.spaces) or not (to_come or waited_for)


def packed(place: Place, study: SearchStudy) -> Place:
    """Where a search runs once its trials are measured: with as many on each GPU as it holds.

    Args:
        place: where they were measured, each with a GPU of its own.
        study: their record; the hungriest counts.

    Raises:
        SearchFault: no GPU of the cluster answers.
    """
    known = [*_measured(study), *_taken_over(study)]
    peak_mb = max((peak_mb for _, peak_mb in known), default=0.0)
    if peak_mb == 0:
        return place.model_copy(update={"gpus_per_trial": 1.0, "packs": False})
    card = _card()
    share = share_of_gpu(peak_mb, card.mb)
    _log.warning(f"a trial takes up to {peak_mb:,.0f} MiB of {card.mb:,.0f}: from now on {1 / share:.0f} on each GPU")
    if share < 1 and not card.computes_at_once:
        _log.warning(TURNS)
    return place.model_copy(update={"gpus_per_trial": share, "packs": False})


def _measured(study: SearchStudy) -> Iterator[tuple[str, float]]:
    """The method of each trial that has ended, and what it took; not of those that an earlier run trained, perhaps elsewhere."""
    for record in study.records():
        if record.result is not None and record.result.taken_from is None:
            yield record.method, record.result.peak_memory_mb


def _taken_over(study: SearchStudy) -> Iterator[tuple[str, float]]:
    """Likewise of the trials of earlier runs, of the methods that have no other: what tensors take hardly hangs on the card."""
    measured = {method for method, _ in _measured(study)}
    for record in study.records():
        if record.result is not None and record.method not in measured:
            yield record.method, record.result.peak_memory_mb


class _Card(NamedTuple):
    """A GPU of the cluster.

    Attributes:
        mb: its memory, in MiB.
        computes_at_once: whether processes that share it do not take turns.
    """

    mb: float
    computes_at_once: bool


def _card() -> _Card:
    asked = ray.remote(num_gpus=1, num_cpus=0)(_look).remote()
    try:
        return _Card(*ray.get(asked, timeout=_ANSWER_S))
    except ray.exceptions.RayError as error:
        raise SearchFault(f"--gpus-per-trial auto: no GPU says how much memory it has; give a number ({error})") from error


def _look() -> tuple[float, bool]:
    return torch.cuda.get_device_properties(0).total_memory / MIB, compute_at_once()
