"""Several nets as one: the mean of their probabilities."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fairtune.errors import InvalidInput
from fairtune.models import Net
from fairtune.names import counted
from fairtune.records import Outputs
from fairtune.spec import Place, SearchSpec
from fairtune.study.folders import RunFolder, database_of
from fairtune.study.handed import HandedNet, confirmed_nets
from fairtune.study.study import SearchStudy


class Ensemble(Net):
    """The mean of the probabilities of several nets that see the same inputs, each of which standardises them by itself.

    Its logits are the logarithm of that mean, in double precision; its features and its embedding are those of all nets in a row.
    It has no head of its own.

    Args:
        members: the nets, of one architecture, at least one.
    """

    def __init__(self, members: Sequence[Net]) -> None:
        nn.Module.__init__(self)  # not what a net of its own has: each member standardises its inputs
        self.members = nn.ModuleList(members)

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        """Run all nets on inputs ``(B, *shape)``; there are no maps of several."""
        said: list[Outputs] = [member(x) for member in self.members]
        log_probabilities = torch.stack([F.log_softmax(one.logits.double(), dim=1) for one in said])
        logits = log_probabilities.logsumexp(dim=0) - math.log(len(said))
        features = torch.cat([one.features.flatten(1) for one in said], dim=1)
        embeddings = [one.embedding.flatten(1) for one in said if one.embedding is not None]
        return Outputs(logits, features, embedding=torch.cat(embeddings, dim=1) if len(embeddings) == len(said) else None)


def confirmed_together(spec: SearchSpec, place: Place) -> list[HandedNet]:
    """The nets of all retrainings that confirm a search's choice, in the order of their seeds.

    Raises:
        InvalidInput: there are fewer than two, or not all are kept.
    """
    found = confirmed_nets(spec, SearchStudy(database_of(place), spec), RunFolder.of(place))
    if len(found) < 2:
        raise InvalidInput(
            f"--ensemble: the choice of {place.name} is confirmed on {counted(len(found), 'seed')}, and a mean is of two or more: "
            "search with more --final-seeds"
        )
    if gone := [str(seed) for seed, net in found.items() if net is None]:
        raise InvalidInput(
            f"--ensemble: of the {len(found)} retrainings of the choice of {place.name} the nets of seeds {', '.join(gone)} are "
            "not kept: fairtune search --keep-finals keeps them"
        )
    return [net for net in found.values() if net is not None]


def check_single(thresholds: str, *, ensemble: bool) -> None:
    """Check that thresholds are moved of one net.

    Raises:
        InvalidInput: an ensemble is asked for.
    """
    if ensemble:
        raise InvalidInput(
            f"--ensemble and --thresholds {thresholds}: thresholds are moved of a single net, for which they are fitted and "
            "scored: leave one of the two out"
        )
