"""What a trained net's embedding says about the group, measured afresh, with one budget for every method.

The estimate that a method minimises while it trains is the last that should be believed afterwards. Here a new classifier of the
group, which no method has seen, is trained on one half of the held-out samples and scored on the other. Its budget, its seed and
its random draws are the same whatever the method.

Reported as I(Z; a) is the classifier's bound H(a) - CE(a | z), in nats (D. Barber, F. Agakov, "The IM Algorithm", NeurIPS 2003).
It is Donsker and Varadhan's bound, which MINE estimates, at the critic ln q(a | z) - ln p(a): groups are few, so that critic's
normaliser is known exactly and its logarithm of a mean of exponentials, the noisy and upward-biased part of MINE's estimate, is
zero. Both are tight at the same critic. On samples that the classifier has not seen, the bound errs downwards, by
what the classifier failed to learn.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.adamw import adamw

from fairtune.batches.memory import moved
from fairtune.batches.split import SCORING_BATCH, DeviceSplit
from fairtune.errors import Diverged, InvalidInput
from fairtune.metrics import Weighting
from fairtune.records import Ints
from fairtune.seeding import generator, stream_seed

MAX_SAMPLES = 5000
MIN_SAMPLES = 20
_MEMBERS, _WIDTH, _EPOCHS, _PATIENCE = 4, 128, 40, 8
_STEP_BATCH, _LR, _WEIGHT_DECAY = 128, 2e-3, 1.0
_CLIP = 8.0


class Embedded(NamedTuple):
    """Samples as the probe sees them, on the CPU.

    Attributes:
        z: embeddings ``(n, D)``.
        a: groups ``(n,)``, int64.
        weight: of each sample ``(n,)``, with mean 1.
        num_groups: A.
    """

    z: Tensor
    a: Tensor
    weight: Tensor
    num_groups: int

    def take(self, keep: Tensor) -> Embedded:
        """The samples at the positions ``keep``."""
        return Embedded(self.z[keep], self.a[keep], self.weight[keep], self.num_groups)


def probe(
    net: nn.Module,
    split: DeviceSplit,
    *,
    weighting: Weighting = "samples",
    seed: int = 0,
) -> dict[str, float]:
    """Ask a net's embedding for the group.

    Of a split with more than 5000 samples, 5000 are drawn at random. Every (y, a) cell is halved between training and
    scoring. Takes a fifth of a second at most for embeddings of 128 units, on one core and beside the net's own forward pass.

    Args:
        net: a trained net; left in evaluation mode.
        split: samples that the net was not trained on.
        weighting: ``cells`` weighs every non-empty (y, a) cell alike, as :func:`fairtune.metrics.scores` does: on a skewed split
            the label itself tells of the group, and a fair net would be blamed for it.
        seed: of the ``probe`` stream; leave it, so that all methods are measured alike.

    Returns:
        See :func:`score_embedding`; all NaN for fewer than 20 samples.

    Raises:
        InvalidInput: the net returns no embedding.
        Diverged: it is not finite.
    """
    rng = generator(seed, "probe")
    kept = rng.permutation(len(split))[:MAX_SAMPLES]
    y, a = (labels.cpu().numpy()[kept] for labels in (split.y, split.a))
    cell = np.unique(np.stack([y, a]), axis=1, return_inverse=True)[1].ravel()
    if len(kept) < MIN_SAMPLES:
        return dict.fromkeys(("mutual_information", "private_accuracy", "private_auc"), math.nan)
    z = embed(net, split, torch.from_numpy(kept))
    order = np.argsort(cell, kind="stable")
    everything = Embedded(z, torch.from_numpy(a), torch.ones(len(a)), split.num_groups)
    halves = (_weighted(everything, cell, order[start::2], weighting) for start in (0, 1))
    return score_embedding(*halves, seed=seed)


def score_embedding(fit: Embedded, held: Embedded, *, seed: int = 0) -> dict[str, float]:
    """Train the probe on some samples and score it on others.

    Args:
        fit: what it is trained on.
        held: what it is scored on.
        seed: of the ``probe`` stream.

    Returns:
        ``mutual_information``, a lower bound of I(Z; a) in nats, from 0 (the probe knows no more than the groups' shares) to H(a),
        at most ln A; ``private_accuracy``, its accuracy in [0, 1], where the share of the largest group is chance;
        ``private_auc``, the area under its ROC curve, the mean of one group against the rest for more than two, where 0.5 is
        chance. Low is fair in all three. All are NaN if either half holds a single group.
    """
    if min(len(_present(half.a)) for half in (fit, held)) < 2:
        return dict.fromkeys(("mutual_information", "private_accuracy", "private_auc"), math.nan)
    predicted = predict_groups(fit, held.z, seed=seed)
    return {
        "mutual_information": mutual_information(predicted, held),
        "private_accuracy": private_accuracy(predicted, held),
        "private_auc": auc(predicted, held),
    }


def mutual_information(predicted: Tensor, held: Embedded) -> float:
    """H(a) - CE(a | z) in nats, at least 0; ``predicted`` are log-probabilities ``(n, A)`` of samples the probe has not seen."""
    share = torch.zeros(predicted.shape[1], dtype=torch.float64).index_add(0, held.a, held.weight.double()) / held.weight.sum()
    log_likelihood = predicted.double().gather(1, held.a[:, None]).squeeze(1)
    return max(0.0, float(torch.special.entr(share).sum() + (held.weight * log_likelihood).mean()))


def private_accuracy(predicted: Tensor, held: Embedded) -> float:
    """Share of samples whose group is the most probable one, in [0, 1]."""
    return float((held.weight * (predicted.argmax(1) == held.a)).mean())


def auc(predicted: Tensor, held: Embedded) -> float:
    """Area under the ROC curve, mean over the groups present of each against the rest; for two groups both areas are one."""
    from sklearn.metrics import roc_auc_score  # here, so that a worker that takes a trial over is there soon

    areas = [roc_auc_score(held.a == group, predicted[:, group], sample_weight=held.weight) for group in _present(held.a)]
    return float(np.mean(areas))


def embed(net: nn.Module, split: DeviceSplit, positions: Tensor) -> Tensor:
    """A net's embeddings ``(n, D)`` of some samples, computed in the weights' precision, float64 on the CPU.

    Raises:
        InvalidInput: the net returns no embedding.
        Diverged: it is not finite.
    """
    z = embed_there(net, split, positions).cpu().double()
    if broken := int((~z.isfinite()).any(dim=1).sum()):
        raise Diverged(f"the embeddings of {broken} of {len(z)} samples are not finite")
    return z


@torch.no_grad()
def embed_there(net: nn.Module, split: DeviceSplit, positions: Tensor) -> Tensor:
    """The same on the split's device, in whatever type the net gives them."""
    net.eval()
    parts = []
    for index in torch.split(moved(positions, split.home), SCORING_BATCH):
        embedding = net(split.batch(index).x).embedding
        if embedding is None:
            raise InvalidInput(f"the model {type(net).__name__} returns no embedding: fill the field of its Outputs")
        parts.append(embedding.flatten(1))
    return torch.cat(parts)


def predict_groups(fit: Embedded, z: Tensor, *, seed: int = 0) -> Tensor:
    """Train the probe, and have it predict the group.

    Four perceptrons with one hidden layer of 128 whose predicted probabilities are averaged. Each leaves out another quarter of the
    samples and keeps the epoch, of at most 40, that predicts this quarter best. It starts from the groups' shares, so where
    there is nothing to learn it says so.

    Args:
        fit: samples to train on; at least 4.
        z: embeddings to predict from ``(n, D)``.
        seed: of the ``probe`` stream.

    Returns:
        Log-probabilities ``(n, A)``.
    """
    inputs = _standardised(z, fit.z)
    fit = fit._replace(z=_standardised(fit.z, fit.z), weight=fit.weight.float())
    order = torch.from_numpy(generator(seed, "probe", 0).permutation(len(fit.a)))
    quarter = len(order) // _MEMBERS
    turned = torch.stack([order.roll(-quarter * member) for member in range(_MEMBERS)])
    source = torch.Generator().manual_seed(stream_seed(seed, "probe", 1))
    parameters = _perceptrons(fit, source)
    parameters = _train(parameters, fit, used=turned[:, quarter:], left_out=turned[:, :quarter], source=source)
    members = F.log_softmax(_logits(parameters, inputs.expand(_MEMBERS, -1, -1)), dim=1)
    return torch.logsumexp(members, dim=0).T - math.log(_MEMBERS)


def _present(a: Tensor) -> list[int]:
    """The groups that have samples."""
    return [group for group, samples in enumerate(torch.bincount(a).tolist()) if samples]


def _weighted(samples: Embedded, cell: Ints, rows: Ints, weighting: Weighting) -> Embedded:
    """Some of the samples, weighted among themselves."""
    weight = np.ones(len(rows)) if weighting == "samples" else 1.0 / np.bincount(cell[rows])[cell[rows]]
    return samples.take(torch.from_numpy(rows))._replace(weight=torch.from_numpy(weight / weight.mean()))


def _standardised(z: Tensor, reference: Tensor) -> Tensor:
    """Scaled by the reference's mean and deviation, clipped so that a unit that is rarely active cannot decide alone; a unit that
    is constant in the reference gives 0.
    """
    mean, deviation = reference.mean(0), reference.std(0)
    varies = deviation > 1e-6 * reference.abs().amax(0)
    return ((z - mean) / torch.where(varies, deviation, torch.inf)).clamp(-_CLIP, _CLIP).float()


def _perceptrons(fit: Embedded, source: torch.Generator) -> list[Tensor]:
    """Weights ``(4, out, in)`` and biases ``(4, out, 1)`` of the four members' two layers, drawn as torch draws a linear layer.

    They predict the groups' shares, each sample and one more of every group counted, whatever their input.
    """
    size = fit.z.shape[1]
    hidden = [torch.empty(_MEMBERS, _WIDTH, width).uniform_(-1, 1, generator=source) / math.sqrt(size) for width in (size, 1)]
    share = torch.ones(fit.num_groups).index_add(0, fit.a, fit.weight)
    bias = (share / share.sum()).log()[:, None].repeat(_MEMBERS, 1, 1)
    return [*hidden, torch.zeros(_MEMBERS, fit.num_groups, _WIDTH), bias]


def _logits(parameters: list[Tensor], z: Tensor) -> Tensor:
    """Every member's ``(4, A, B)`` of its own samples ``(4, B, D)``; with the samples last, a training step is a fifth faster."""
    weight, bias, last_weight, last_bias = parameters
    return torch.baddbmm(last_bias, last_weight, torch.baddbmm(bias, weight, z.mT).relu())


def _losses(parameters: list[Tensor], samples: Embedded) -> Tensor:
    """Every member's mean loss ``(4,)`` on its own samples."""
    return (samples.weight * F.cross_entropy(_logits(parameters, samples.z), samples.a, reduction="none")).mean(1)


def _train(parameters: list[Tensor], fit: Embedded, *, used: Tensor, left_out: Tensor, source: torch.Generator) -> list[Tensor]:
    """Train all members side by side, each on the samples at its row of ``used``; a member is done when it has not predicted those
    at its row of ``left_out`` better for 8 epochs.

    Returns:
        Every member's parameters after its own best epoch.
    """
    judged = fit.take(left_out)
    kept, best, best_epoch = parameters, _losses(parameters, judged), torch.zeros(_MEMBERS)
    parameters = [parameter.clone().requires_grad_() for parameter in parameters]
    moments = _Moments.before_the_first_step(parameters)
    for epoch in range(1, _EPOCHS + 1):
        for columns in torch.split(torch.randperm(used.shape[1], generator=source), _STEP_BATCH):
            loss = _losses(parameters, fit.take(used[:, columns]))
            _step(parameters, list(torch.autograd.grad(loss.sum(), parameters)), moments)
        with torch.no_grad():
            loss = _losses(parameters, judged)
            better = (loss < best) & (epoch - best_epoch <= _PATIENCE)
            best, best_epoch = torch.where(better, loss, best), torch.where(better, epoch, best_epoch)
            kept = [torch.where(better[:, None, None], *pair) for pair in zip(parameters, kept, strict=True)]
        if epoch - best_epoch.max() >= _PATIENCE:
            break
    return kept


class _Moments(NamedTuple):
    """What AdamW remembers of every parameter, in the order in which torch's function takes it."""

    mean: list[Tensor]
    mean_square: list[Tensor]
    largest_mean_square: list[Tensor]
    steps: list[Tensor]

    @classmethod
    def before_the_first_step(cls, parameters: list[Tensor]) -> _Moments:
        mean, mean_square = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
        return cls(mean, mean_square, [], [torch.zeros(()) for _ in parameters])


@torch.no_grad()
def _step(parameters: list[Tensor], gradients: list[Tensor], moments: _Moments) -> None:
    """One step of AdamW, in place. The first ``torch.optim.AdamW`` of a process would import torch's compiler, for a second."""
    adamw(
        parameters,
        gradients,
        *moments,
        lr=_LR,
        weight_decay=_WEIGHT_DECAY,
        beta1=0.9,
        beta2=0.999,
        eps=1e-8,
        amsgrad=False,
        maximize=False,
        fused=True,
    )
