"""What a net's embedding says about the group: the scores that :mod:`fairtune.training.probe` measures."""

import math

from fairtune.metrics._score import Score

MUTUAL_INFORMATION = Score(
    "mutual_information",
    "mutual information",
    "lower",
    "I(Z; a) in nats between the net's embedding and the group, a lower bound by a classifier that is trained afresh on half of "
    "the split and scored on the other",
    source="probe",
    high=math.inf,
    gap=True,
)
PRIVATE_ACCURACY = Score(
    "private_accuracy",
    "private accuracy",
    "lower",
    "accuracy in telling the group from the embedding, by that classifier; the share of the largest group is chance",
    source="probe",
)
PRIVATE_AUC = Score(
    "private_auc",
    "private auc",
    "lower",
    "area under the ROC curve in telling the group from the embedding, by that classifier; 0.5 is chance",
    source="probe",
)
