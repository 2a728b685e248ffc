"""The loss, as the training loop measures it."""

import math

from fairtune.metrics._score import Score

LOSS = Score("loss", "loss", "lower", "mean cross-entropy", source="loop", high=math.inf)
