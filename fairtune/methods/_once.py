"""What the methods share that change the trained baseline once and train nothing."""

from __future__ import annotations

from typing import ClassVar

from fairtune.methods._base import Method


class ChangesOnce(Method):
    """Starts from the baseline's weights, changes them at the end of one epoch, and is done."""

    trains_net: ClassVar[bool] = False

    @property
    def starts_from_teacher(self) -> bool:
        """It changes the baseline."""
        return True

    @property
    def finished(self) -> bool:
        """After one epoch."""
        return True
