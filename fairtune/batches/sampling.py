"""The order of training: which samples form which batch of an epoch, as one matrix of positions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fairtune.batches.split import DeviceSplit
from fairtune.errors import DataError, InvalidInput
from fairtune.names import Names
from fairtune.records import Floats, Ints, Split


def uniform(samples: int, batch_size: int, rng: np.random.Generator) -> Ints:
    """Shuffled batches; the last, short one is dropped.

    Args:
        samples: samples in the split.
        batch_size: B, at most ``samples``.
        rng: draws the order.

    Returns:
        Positions ``(steps, B)`` with ``steps = samples // B``; no position twice.

    Raises:
        InvalidInput: the split cannot fill one batch.
    """
    check_batch_size(samples, batch_size)
    steps = samples // batch_size
    return rng.permutation(samples)[: steps * batch_size].reshape(steps, batch_size)


def check_batch_size(samples: int, batch_size: int) -> None:
    """Raise InvalidInput if the split cannot fill one batch."""
    if batch_size > samples:
        raise InvalidInput(f"a batch of {batch_size} cannot be filled from {samples} training samples: lower --batch-size")


def cell_positions(split: Split | DeviceSplit) -> list[Ints]:
    """Positions of each cell's samples, group-major (a * K + y)."""
    cell = split.cell if isinstance(split, DeviceSplit) else split.a * split.num_classes + split.y
    return [np.flatnonzero(cell == c) for c in range(split.num_groups * split.num_classes)]


def check_cells(cells: Ints, batch_size: int, names: Names | None = None) -> None:
    """Check that balanced batches can be filled.

    Args:
        cells: samples per cell ``(A, K)``.
        batch_size: B.
        names: of classes and groups, for the message.

    Raises:
        InvalidInput: the batch is smaller than the number of cells.
        DataError: a cell holds fewer samples than one batch takes from it.
    """
    if batch_size < cells.size:
        raise InvalidInput(f"a balanced batch needs a sample of each of {cells.size} cells: raise --batch-size from {batch_size}")
    quota = -(-batch_size // cells.size)
    short = [(y, a, cells[a, y]) for a, y in np.argwhere(cells < quota)]
    if short:
        called = names or Names()
        named = "; ".join(f"{called.cell(y, a)} has {n}" for y, a, n in short[:10])
        raise DataError(
            f"balanced batches of {batch_size} take {quota} samples of each of {cells.size} cells, but {named}"
            f"{' and others' if len(short) > 10 else ''}: {_fitting(cells)}raise --train-fraction, or use a method that does not "
            "balance its batches"
        )


def _fitting(cells: Ints) -> str:
    """Which batches could be filled, if any."""
    smallest = int(cells.min())
    return f"lower --batch-size to {smallest * cells.size}, " if smallest else ""


def balanced(cells: Sequence[Ints], batch_size: int, steps: int, rng: np.random.Generator) -> Ints:
    """Batches with equally many samples of every cell.

    Each batch takes ``B // cells`` of every cell; the remainder goes to cells drawn at random, at most one more each. Within a cell
    samples come in fresh permutations, one after the other, so that all are seen before any comes again.

    Args:
        cells: positions of each cell's samples, see :func:`cell_positions`.
        batch_size: B, at least the number of cells.
        steps: batches in the epoch.
        rng: draws the order.

    Returns:
        Positions ``(steps, B)``.
    """
    quota = np.full((steps, len(cells)), batch_size // len(cells))
    if remainder := batch_size % len(cells):
        favoured = rng.permuted(np.tile(np.arange(len(cells)), (steps, 1)), axis=1)[:, :remainder]
        np.put_along_axis(quota, favoured, quota[0, 0] + 1, axis=1)
    cell_of = np.repeat(np.tile(np.arange(len(cells)), steps), quota.ravel()).reshape(steps, batch_size)
    positions = np.empty((steps, batch_size), dtype=np.int64)
    for c, members in enumerate(cells):
        slots = cell_of == c
        positions[slots] = _repeated_permutations(members, int(slots.sum()), rng)
    return positions


def official_balanced(cells: Sequence[Ints], num_groups: int, batch_size: int, rng: np.random.Generator) -> Ints:
    """The balanced batches of the authors' code (S. Jung et al., CVPR 2021), kept for ``protocol: official``.

    A stream of blocks with ``B // cells`` samples of each cell in turn is cut into batches of B, so that a batch is balanced only
    if the number of cells divides B. The epoch is as long as the largest cell demands; but its index is computed as
    ``a * A + y`` where ``a * K + y`` is meant, so that another cell's length can be taken.

    Raises:
        InvalidInput: the batch is smaller than the number of cells, that index does not exist (both fail there too), or the cell
            taken cannot fill one batch (nothing is trained there).
    """
    num_classes = len(cells) // num_groups
    per_cell = batch_size // len(cells)
    sizes = np.array([len(cell) for cell in cells])
    largest_a, largest_y = divmod(int(sizes.argmax()), num_classes)
    mistaken = largest_a * num_groups + largest_y
    length = int(sizes[mistaken]) if mistaken < len(cells) else 0
    blocks = length // per_cell if per_cell else 0
    if blocks * per_cell * len(cells) < batch_size:
        raise InvalidInput("the authors' sampler fails on these cell counts and batch size: use --protocol fixed")
    streams = [_repeated_permutations(cell, max(length, len(cell)), rng)[: blocks * per_cell] for cell in cells]
    stream = np.stack([part.reshape(blocks, per_cell) for part in streams], axis=1).ravel()
    steps = len(stream) // batch_size
    return stream[: steps * batch_size].reshape(steps, batch_size)


def shares(cells: Ints, *, balanced: bool) -> Floats:
    """Share of each cell in what training draws.

    Args:
        cells: training samples per cell ``(A, K)``.
        balanced: whether batches are filled equally from every cell.

    Returns:
        ``(A, K)``, with sum 1.
    """
    drawn = (cells > 0) if balanced else cells
    found: Floats = drawn / drawn.sum()
    return found


def effective_number_weights(counts: Ints | Floats, beta: float) -> Floats:
    """Weights of the classes in a cross-entropy, by their effective number of samples.

    Y. Cui et al., "Class-Balanced Loss Based on Effective Number of Samples", CVPR 2019, eq. (10): the weight of a class with n
    samples is proportional to ``(1 - beta) / (1 - beta ** n)``. With beta 0 all classes weigh alike, towards 1 they weigh by
    1 / n. T. Hänel et al., ACCV 2022, take 0.9998 for SIIM-ISIC; their code gives the weights to the classes in order of
    frequency, whatever their labels, here each class has its own.

    Args:
        counts: training samples of each class ``(K,)``, as they are drawn.
        beta: from 0 to below 1.

    Returns:
        ``(K,)``, with sum K; 0 for a class without samples.
    """
    present = counts > 0
    weights = np.where(present, (1 - beta) / (1 - beta ** np.maximum(counts, 1).astype(np.float64)), 0.0)
    scaled: Floats = weights * len(counts) / weights.sum()
    return scaled


def _repeated_permutations(members: Ints, length: int, rng: np.random.Generator) -> Ints:
    rounds = -(-length // len(members)) if length else 0
    repeated = [rng.permutation(members) for _ in range(rounds)]
    return np.concatenate(repeated)[:length] if repeated else np.empty(0, dtype=np.int64)
