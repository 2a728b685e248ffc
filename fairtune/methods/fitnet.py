"""FitNet: distillation of features, then of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from fairtune.methods._base import Method, Progress
from fairtune.methods._stages import check_epochs
from fairtune.methods.hkd import annealed_weight, hkd_loss
from fairtune.records import Batch, Outputs
from fairtune.space import Options, Real, hyperparameter


def fitnet_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Half the mean squared difference of two tensors of features ``(B, ...)``, over all their elements.

    Args:
        student: with gradient.
        teacher: of the same shape, without gradient.

    References:
        A. Romero et al., "FitNets: Hints for Thin Deep Nets", ICLR 2015, eq. (3), without its regressor: teacher and student have
        the same architecture here.
    """
    return (student - teacher.detach()).square().mean() / 2


@dataclass
class FitNet(Method):
    """Distils the baseline's features first, its softened predictions after (FitNet); improves accuracy, not fairness.

    Stage 1, the first third of the epochs: feature_weight * 1/2 mean (f^S - f^T)^2 alone, without cross-entropy; the head learns
    nothing and the learning rate is not scheduled. Stage 2: CE + w(epoch) * T^2 * KL(p^T || p^S), as ``hkd``. In one stage:
    both at once, CE + feature_weight * F + w(epoch) * T^2 * KL. Alone the method has two stages, joined with others one, as
    in the published ``ad+fitnet``.

    Source: A. Romero et al., ICLR 2015, as trained by S. Jung et al., CVPR 2021. Where we differ from the latter's code: its 25
    epochs of stage 1 come on top of the 50 of every other method; ours are part of the budget, so that methods are compared at
    equal cost, and ``--epochs 75`` gives theirs. ``protocol: official`` anneals w as for ``hkd``.
    """

    citation: ClassVar[str] = (
        "A. Romero, N. Ballas, S. E. Kahou, A. Chassang, C. Gatta, Y. Bengio, FitNets: Hints for Thin Deep Nets, ICLR 2015"
    )

    needs_teacher: ClassVar[bool] = True
    per_sample: ClassVar[bool] = True

    weight: float = hyperparameter(
        4.0, Real(low=0, log=True), search=Real(low=0.4, high=40, log=True), help="KL weight in the first epoch of stage 2"
    )
    temperature: float = hyperparameter(
        3.0, Real(low=0.1, high=100, log=True), search=Options(values=(1.0, 3.0, 5.0, 10.0)), help="softens both predictions"
    )
    feature_weight: float = hyperparameter(1.0, Real(low=0, log=True), help="weight of the features' difference")
    stages: str = hyperparameter("auto", Options(values=("auto", "one", "two")), help="auto: two alone, one with other methods")

    def setup(self) -> None:
        """Check the epochs.

        Raises:
            InvalidInput: there are too few for two stages.
        """
        if self._in_two_stages:
            check_epochs("fitnet", self.context.epochs)

    def from_teacher(self, teacher: Outputs) -> dict[str, Tensor]:
        """The logits and the features."""
        return {"logits": teacher.logits, "features": teacher.features}

    def trains_alone(self, progress: Progress) -> bool:
        """In stage 1."""
        return progress.epoch < self._first_epochs(progress)

    def loss(self, student: Outputs, teacher: Mapping[str, Tensor], batch: Batch, progress: Progress) -> dict[str, Tensor]:
        """The weighted terms of the stage."""
        features = self.feature_weight * fitnet_loss(student.features, teacher["features"])
        if self.trains_alone(progress):
            return {"fitnet": features}
        first = self._first_epochs(progress)
        later = Progress(progress.epoch - first, progress.epochs - first)
        weight = annealed_weight(self.weight, later, official=self.context.protocol == "official")
        predictions = weight * hkd_loss(student.logits, teacher["logits"], temperature=self.temperature)
        return {"hkd": predictions} if first else {"fitnet": features, "hkd": predictions}

    def _first_epochs(self, progress: Progress) -> int:
        """Length of stage 1, an epoch at least."""
        return min(max(1, progress.epochs // 3), progress.epochs - 1) if self._in_two_stages else 0

    @property
    def _in_two_stages(self) -> bool:
        """With a weight of 0 the first has nothing to learn and is left out."""
        wanted = self.stages == "two" or (self.stages == "auto" and not self.combined)
        return wanted and self.feature_weight > 0
