"""The trial whose features say least about the group, if it is accurate enough."""

from __future__ import annotations

from typing import ClassVar

from fairtune.rules._one_score import OneScore


class LowestMutualInformation(OneScore):
    """Lowest mutual information of embedding and group among the feasible; of equals the most accurate, then the earliest.

    I(Z; a) in nats is estimated after training, on the validation split, by a classifier that no method has seen (see
    :mod:`fairtune.training.probe`). R. Ragonesi et al., 2021, choose so where no unbiased validation data are at hand, by the
    estimate that their method minimises; that one is the last to be believed.
    """

    citation: ClassVar[str] = (
        "R. Ragonesi, R. Volpi, J. Cavazza, V. Murino, Learning Unbiased Representations via Mutual Information "
        "Backpropagation, 2021"
    )

    objectives: ClassVar = ("accuracy", "mutual_information")
