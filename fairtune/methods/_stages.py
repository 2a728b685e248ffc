"""What the methods share that train in two stages."""

from __future__ import annotations

from fairtune.errors import InvalidInput


def first_epochs(share: float, epochs: int) -> int:
    """Epochs of the first stage: this share of all, rounded, so that each stage has one at least."""
    return min(max(1, round(share * epochs)), epochs - 1)


def check_epochs(method: str, epochs: int) -> None:
    """Check that there is an epoch for each of two stages; 0 are not known.

    Raises:
        InvalidInput: there is not.
    """
    if epochs == 1:
        raise InvalidInput(f"{method} trains in two stages, of an epoch at least: raise --epochs from {epochs} to 2 or more")
