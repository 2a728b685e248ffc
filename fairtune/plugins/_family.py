"""Plug-ins that stand for many."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Family(ABC):
    """Plug-ins that are known by a name each but have no file each, such as the classifiers of torchvision.

    It takes the place of a plug-in's class: ``torchvision:resnet34`` is the member ``resnet34`` of the family ``torchvision``.
    """

    @classmethod
    @abstractmethod
    def member(cls, name: str) -> type:
        """One of them.

        Raises:
            InvalidInput: there is none of that name (with near misses).
        """
