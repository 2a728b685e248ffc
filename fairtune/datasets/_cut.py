"""Who goes into which split: shares of samples that keep their proportions, and never a part of what has one source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from fairtune.records import Ints

Mask = npt.NDArray[np.bool_]


def apportioned(sizes: Ints, share: float, rng: np.random.Generator) -> Ints:
    """How many of each stratum make up a share of all: the method of largest remainders.

    Args:
        sizes: of the strata.
        share: from 0 to 1.
        rng: decides between equal remainders; what it draws elsewhere stays the same.

    Returns:
        Each stratum's share rounded down or up, so that their sum is the rounded share of all.
    """
    exact = share * sizes
    counts: Ints = np.floor(exact + 1e-9).astype(np.int64)
    order = np.lexsort((rng.spawn(1)[0].random(len(sizes)), (counts - exact).round(9)))
    counts[order[: max(0, round(share * int(sizes.sum())) - int(counts.sum()))]] += 1
    return counts


def drawn_by_source(
    source: Ints, stratum: Ints, share: float, rng: np.random.Generator, order: npt.NDArray[np.generic] | None = None
) -> Mask:
    """Draw a share of the sources of every stratum, see :func:`apportioned`, and at least one.

    A source with samples in several strata counts to the rarest of them.

    Args:
        source: of each sample.
        stratum: of each sample, from 0.
        share: from 0 to 1.
        rng: draws them.
        order: samples of a stratum are drawn evenly along it, so that those below any threshold are drawn in the same share, to
            within one; None draws them anyhow.

    Returns:
        Whether each sample's source was drawn.
    """
    _, first, unit = np.unique(source, return_index=True, return_inverse=True)
    rarity = np.bincount(stratum)[stratum]
    samples = np.lexsort((rarity, unit))
    home = samples[np.flatnonzero(np.diff(unit[samples], prepend=-1))]
    by_first = np.argsort(first)
    present, sizes = np.unique(stratum[home], return_counts=True)
    drawn = np.zeros(len(first), dtype=bool)
    for s, count in zip(present, np.maximum(1, apportioned(sizes, share, rng)), strict=True):
        members = rng.permutation(by_first[stratum[home[by_first]] == s])
        if order is None:
            drawn[members[:count]] = True
        else:
            drawn[_one_of_each_block(members[np.argsort(order[home[members]], kind="stable")], count, rng)] = True
    mask: Mask = drawn[unit]
    return mask


def stratified(y: Ints, a: Ints, source: Ints, share: float, rng: np.random.Generator) -> Ints:
    """Positions of a share of some samples, in ascending order: the share of every cell, see :func:`drawn_by_source`."""
    return np.flatnonzero(drawn_by_source(source, cells_of(y, a), share, rng))


def thinned(keys: Sequence[Ints], share: float, rng: np.random.Generator) -> Ints:
    """Positions of a share of some samples, in ascending order, that keeps the proportions.

    Args:
        keys: what the samples are told apart by, from coarse to fine.
        share: from 0 to 1. Of the samples equal in the first keys, however many, it holds to less than one sample: of all, of
            those equal in the first, in the first two, and so on. A combination with few samples may vanish.
        rng: draws them.
    """
    order = np.lexsort((rng.permutation(len(keys[0])), *reversed(keys)))
    before = np.floor(np.arange(len(order) + 1) * share + rng.random())
    return np.sort(order[np.diff(before) > 0])


def equal_cells(y: Ints, a: Ints, rng: np.random.Generator | None = None, *, share: float = 1) -> Ints:
    """Positions of as many samples of every cell as a share of the smallest one, in ascending order.

    Args:
        y: labels.
        a: groups.
        rng: draws them; None takes the first ones.
        share: from 0 to 1.
    """
    cell = cells_of(y, a)
    members = [np.flatnonzero(cell == c) for c in np.unique(cell)]
    wanted = round(share * min(map(len, members), default=0))
    kept = [(m if rng is None else rng.permutation(m))[:wanted] for m in members]
    return np.sort(np.concatenate([np.empty(0, dtype=np.int64), *kept]))


def cells_of(y: Ints, a: Ints) -> Ints:
    """Class and group of each sample as one number."""
    cell: Ints = a * (int(y.max(initial=0)) + 1) + y
    return cell


def _one_of_each_block(ordered: Ints, blocks: int, rng: np.random.Generator) -> Ints:
    """One of each of so many consecutive blocks, as equal in size as they can be."""
    block = np.arange(len(ordered)) * blocks // len(ordered)
    shuffled = np.lexsort((rng.random(len(ordered)), block))
    return ordered[shuffled[np.flatnonzero(np.diff(block, prepend=-1))]]
