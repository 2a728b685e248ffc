"""Sharpness-aware minimisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from fairtune.methods._base import Loop, Method, Objective
from fairtune.records import Batch
from fairtune.space import Options, Real, hyperparameter

_TINY = 1e-12


def ascent(weights: list[Tensor], gradients: list[Tensor], radius: float, *, adaptive: bool) -> list[Tensor]:
    """The displacements of the weights that raise the loss most within a radius, to first order.

    radius * T^2 g / |T g|, T = 1 or, ``adaptive``, |w|; the norm is over all weights together. 0 where the gradient is.

    References:
        P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-Aware Minimization for Efficiently Improving Generalization", ICLR
        2021; J. Kwon et al., "ASAM", ICML 2021, without its constant.
    """
    scaled = [w.abs() * g if adaptive else g for w, g in zip(weights, gradients, strict=True)]
    norm = torch.stack([torch.linalg.vector_norm(part) for part in scaled]).norm() + _TINY
    return [(w.abs() * s if adaptive else s) * (radius / norm) for w, s in zip(weights, scaled, strict=True)]


@dataclass
class SAM(Method):
    """Descends the gradient at the worst point nearby, for flat minima (SAM); needs no groups.

    w' = w + radius * g / |g| with the gradient g of the batch's whole loss, terms of other methods included; the step is taken from
    w with the gradient at w'. ``radius`` 0 is plain training. Modules that methods own are trained by the gradient at w. Source:
    P. Foret et al., ICLR 2021, radius 0.05; J. Kwon et al., ICML 2021, for ``adaptive``, radius 2. Costs two passes a step; running
    statistics and memories are those of the first, dropout draws anew in the second.
    """

    citation: ClassVar[str] = (
        "P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, Sharpness-Aware Minimization for Efficiently Improving Generalization, "
        "ICLR 2021"
    )

    steps_net: ClassVar[bool] = True

    radius: float = hyperparameter(
        0.05, Real(low=0, high=10, log=True), search=Real(low=0.01, high=0.5, log=True), help="how far to look for the worst point"
    )
    adaptive: bool = hyperparameter(False, Options(values=(False, True)), help="measure distances relative to the weights")

    def before_update(self, loop: Loop, batch: Batch, objective: Objective) -> None:
        """Put the gradient at the worst point nearby in the place of the one here."""
        parameters = [parameter for parameter in loop.net.parameters() if parameter.grad is not None]
        if self.radius == 0 or not parameters:
            return
        here = [parameter.detach().clone() for parameter in parameters]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        with torch.no_grad():
            for parameter, step in zip(parameters, ascent(here, gradients, self.radius, adaptive=self.adaptive), strict=True):
                parameter.add_(step)
        there = torch.autograd.grad(objective(), parameters, allow_unused=True)
        with torch.no_grad():
            for parameter, weight, gradient in zip(parameters, here, there, strict=True):
                parameter.copy_(weight)
                parameter.grad = gradient
