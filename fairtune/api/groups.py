"""The groups of what a model predicts, where it decides by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from fairtune.datasets import column, read_listed
from fairtune.errors import InvalidInput

_SHOWN = 5


def numbers_of(given: Sequence[str] | None, known: Sequence[str] | None, count: int) -> Tensor | None:
    """The number of each sample's group ``(count,)``; None where no group is asked for.

    Args:
        given: the name of each sample's group.
        known: names of the groups that the model tells apart; None for a model that does not decide by group.
        count: of samples.

    Raises:
        InvalidInput: they are missing, there are too many or too few, they are of no such group, or the model has no use for them.
    """
    if known is None:
        if given is not None:
            raise InvalidInput("the model does not decide by group: leave the groups out")
        return None
    if given is None:
        raise InvalidInput(f"the model decides by group: give the group of each sample, one of {', '.join(known)}")
    if len(given) != count:
        raise InvalidInput(f"{len(given)} groups were given for {count} samples: give the group of each sample")
    if unknown := sorted({str(name) for name in given} - set(known)):
        raise InvalidInput(f"no such group: {', '.join(map(repr, unknown[:_SHOWN]))}; the model knows {', '.join(known)}")
    number = {name: position for position, name in enumerate(known)}
    return torch.tensor([number[str(name)] for name in given], dtype=torch.int64)


def read_groups(table: Path, files: Sequence[Path]) -> list[str]:
    """The group of each file, from a table with the columns ``path``, from the table's own folder or absolute, and ``group``.

    Raises:
        InvalidInput: there is no such table, or it lacks files; which.
        DataError: it cannot be read, or lacks a column.
    """
    if not table.is_file():
        raise InvalidInput(f"--groups {table}: there is no such file; give a table with the columns path and group")
    rows = read_listed(table).rows
    paths, groups = (column(rows, name, table) for name in ("path", "group"))
    named = [((table.parent / str(path)).resolve(), str(group)) for path, group in zip(paths, groups, strict=True)]
    known = dict(named)
    if several := [str(path) for path, group in named if group != known[path]]:
        raise InvalidInput(f"--groups {table}: two groups for {', '.join(several[:_SHOWN])}; keep one row for each file")
    if lacking := [str(file) for file in files if file.resolve() not in known]:
        more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
        raise InvalidInput(
            f"--groups {table}: no group for {', '.join(lacking[:_SHOWN])}{more}; the column path holds paths from the table's own "
            "folder, or absolute ones"
        )
    return [known[file.resolve()] for file in files]
