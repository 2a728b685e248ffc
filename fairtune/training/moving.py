"""A trained net's decisions moved without training, and what that scores."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from fairtune.batches.split import SCORING_BATCH, DeviceSplit
from fairtune.errors import InvalidInput
from fairtune.metrics import scores
from fairtune.spec import Moved
from fairtune.thresholds import Scored, adjust
from fairtune.training.data import Data


def move(net: nn.Module, validation: DeviceSplit, test: DeviceSplit, data: Data) -> tuple[Moved, ...]:
    """Fit every way of :mod:`fairtune.thresholds` to a trained net's validation outputs, and score it on the test split.

    Args:
        net: left in evaluation mode.
        validation: what the ways are fitted on.
        test: what they are scored on.
        data: says how validation accuracy is weighted.

    Raises:
        DataError: a group has too few validation samples.
    """
    said = (outputs(net, split) for split in (validation, test))
    return tuple(
        Moved(
            way=point.way,
            weight=point.weight,
            val=scores(point.val, weighting=data.weighting),
            test=scores(point.test),
            test_counts=point.test,
        )
        for point in adjust(*said, weighting=data.weighting, groups=data.info.groups)
    )


@torch.no_grad()
def outputs(net: nn.Module, split: DeviceSplit) -> Scored:
    """What a net says of every sample of a split, at full precision.

    Raises:
        InvalidInput: the net returns no embedding.
    """
    net.eval()
    logits, embeddings = [], []
    for index in torch.split(torch.arange(len(split), device=split.home), SCORING_BATCH):
        out = net(split.batch(index).x)
        if out.embedding is None:
            raise InvalidInput("the net returns no embedding: a net of fairtune does (see docs/plugins.md)")
        logits.append(out.logits.double().cpu())
        embeddings.append(out.embedding.flatten(1).double().cpu())
    y, a = (part.cpu().numpy().astype(np.int64) for part in (split.y, split.a))
    return Scored(torch.cat(logits).numpy(), torch.cat(embeddings).numpy(), y, a, split.num_groups)
