"""Every golden case of the neighbouring benchmarks' code, under ``protocol: official``.

The cases are whatever the files in ``FAIRTUNE_GOLDEN/neighbours`` hold; a quantity in them that is compared nowhere is a failure.
"""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.methods import Composite, Context, Loop, Method, Progress, _hanel, compose
from fairtune.methods._comparing import strata
from fairtune.methods._mixing import mixed
from fairtune.methods._sparse import Linear, balanced_rows, head_of, sparse_logistic, targets_of
from fairtune.methods._valley import official_valley
from fairtune.methods.cell_weights import CellWeights
from fairtune.methods.cfair import CFair
from fairtune.methods.coral import coral_loss
from fairtune.methods.cvar_dro import worst_share_weights
from fairtune.methods.end import end_terms
from fairtune.methods.fairret import fairret_loss
from fairtune.methods.fscl import fscl_loss
from fairtune.methods.gap import gap_loss
from fairtune.methods.hsic import hsic_loss
from fairtune.methods.irm import group_mean_loss, irm_penalty
from fairtune.methods.jtt import JustTrainTwice, error_weights
from fairtune.methods.laftr import LAFTR
from fairtune.methods.ldam import LDAM
from fairtune.methods.lff import LearningFromFailure, amplified_losses
from fairtune.methods.lisa import official_pairs
from fairtune.methods.mmd import mmd_loss
from fairtune.methods.sam import ascent
from fairtune.methods.swad import SWAD
from fairtune.records import Batch, Ints, Outputs
from fairtune.space import Value

from .golden import CPU, DTYPES, GOLDEN, TOLERANCE, Case, assert_official, case_dtypes, read, tensors

if not (GOLDEN / "neighbours").is_dir():
    pytest.skip(f"no golden values of neighbours: {GOLDEN / 'neighbours'} does not exist", allow_module_level=True)


def stored_in(file: str) -> dict[str, Case]:
    return read(f"neighbours/{file}")


def cases(file: str, quantity: str, family: str) -> list[Any]:
    return case_dtypes(f"neighbours/{file}", quantity, family=f"{family}/")


def labels_of(stored: Case) -> tuple[Tensor, Tensor]:
    return torch.tensor(stored["labels"]), torch.tensor(stored["groups"])


def leaf(stored: Case, dtype: str, key: str) -> Tensor:
    return tensors(stored, dtype, key)[0].requires_grad_()


def assert_gradient(value: Tensor, x: Tensor, official: np.ndarray[Any, Any], dtype: str) -> None:
    """The gradient is the official one; zeros where the code gave a constant."""
    (ours,) = torch.autograd.grad(value, x, retain_graph=True)
    assert_official(ours, official, dtype)


def two_classes(logit: Tensor) -> Tensor:
    """Probabilities of two classes from one logit."""
    return torch.stack([torch.zeros_like(logit), logit], dim=1).softmax(1)


def started(
    method: str,
    values: Mapping[str, Value],
    dtype: str,
    *,
    cells: Ints,
    embedding_size: int = 1,
    net: torch.nn.Module | None = None,
    epochs: int = 0,
) -> tuple[Composite, Method]:
    """A method under ``official``, bound to data of these cells ``(A, K)``."""
    composite = compose(method, {f"{method}.{name}": value for name, value in values.items()})
    context = Context(
        num_classes=cells.shape[1],
        num_groups=cells.shape[0],
        feature_shape=(embedding_size,),
        device=CPU,
        protocol="official",
        dtype=DTYPES[dtype],
        embedding_size=embedding_size,
        cells=cells,
        shares=cells / cells.sum(),
        net=net,
        epochs=epochs,
    )
    composite.start(context)
    return composite, composite.parts[method]


def batch_of(stored: Case, dtype: str) -> Batch:
    y = torch.tensor(stored["labels"])
    a = torch.tensor(stored.get("groups", np.zeros_like(stored["labels"])))
    return Batch(torch.zeros(len(y), 1, dtype=DTYPES[dtype]), y, a, torch.arange(len(y)))


@pytest.mark.parametrize(("case", "dtype"), cases("end", "orthogonal", "end"))
def test_entangling(case, dtype):
    stored = stored_in("end")[case]
    y, a = labels_of(stored)
    u = leaf(stored, dtype, "features")
    terms = end_terms(u, y, a, num_groups=int(stored["num_groups"]), ordered=True)
    for name, term in zip(("orthogonal", "parallel"), terms, strict=True):
        assert_official(term, stored[f"{name}_{dtype}"], dtype)
        assert_gradient(term, u, stored[f"{name}_grad_{dtype}"], dtype)


CRITERIA = {"diff_dp": "dp", "diff_eodd": "eodd", "diff_eopp": "eopp"}


@pytest.mark.parametrize("quantity", CRITERIA)
@pytest.mark.parametrize(("case", "dtype"), cases("ffb", "diff_dp", "gap"))
def test_gaps(quantity, case, dtype):
    stored = stored_in("ffb")[case]
    y, a = labels_of(stored)
    logit = leaf(stored, dtype, "logit")
    sizes: dict[str, Any] = {"positive": 1, "num_classes": 2, "num_groups": 2, "dtype": DTYPES[dtype]}
    gap = gap_loss(two_classes(logit), strata(y, a, criterion=CRITERIA[quantity], **sizes), strict=True)
    assert_official(gap, stored[f"{quantity}_{dtype}"], dtype)
    assert_gradient(gap, logit, stored[f"{quantity}_grad_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("ffb", "pr", "gap"))
def test_prejudice_remover_is_the_mutual_information_times_the_samples(case, dtype):
    stored = stored_in("ffb")[case]
    logit = leaf(stored, dtype, "logit")
    p = two_classes(logit)
    information = len(logit) * _hanel.dp_mi(p, _hanel.members(*labels_of(stored), 2, 2, p.dtype), True)
    official = stored[f"pr_{dtype}"]
    np.testing.assert_allclose(information.detach().numpy(), official, rtol=1e-5, atol=1e-5)
    (ours,) = torch.autograd.grad(information, logit)
    np.testing.assert_allclose(ours.numpy(), stored[f"pr_grad_{dtype}"], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("case", "dtype"), cases("ffb", "hsic", "hsic"))
def test_hsic(case, dtype):
    stored = stored_in("ffb")[case]
    assert float(stored["sigma_y"]) == 1
    x, (codes,) = leaf(stored, dtype, "features"), tensors(stored, dtype, "group_codes")
    value = hsic_loss(x, codes, torch.ones(len(x), 1, dtype=x.dtype), scale=float(stored["sigma_x"]), strict=True)
    assert_official(value, stored[f"hsic_{dtype}"], dtype)
    if np.isfinite(stored[f"hsic_{dtype}"]):
        assert_gradient(value, x, stored[f"hsic_grad_{dtype}"], dtype)


@pytest.mark.parametrize("norm", ["1", "2", "lse"])
@pytest.mark.parametrize("statistic", ["pr", "tpr", "fpr"])
@pytest.mark.parametrize(("case", "dtype"), cases("fairret", "pr_norm1", "fairret"))
def test_relative_gaps(statistic, norm, case, dtype):
    stored = stored_in("fairret")[case]
    y, a = labels_of(stored)
    name = f"{statistic}_{norm if norm == 'lse' else f'norm{norm}'}"
    logit = leaf(stored, dtype, "logit")
    groups = int(stored["num_groups"])
    value = fairret_loss(two_classes(logit), y, a, num_groups=groups, statistic=statistic, norm=norm, strict=True)
    assert_official(value, stored[f"{name}_{dtype}"], dtype)
    assert_gradient(value, logit, stored[f"{name}_grad_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("invariance", "irm", "irm"))
def test_invariant_risk(case, dtype):
    stored = stored_in("invariance")[case]
    y, a = labels_of(stored)
    logits, groups = leaf(stored, dtype, "logits"), int(stored["num_groups"])
    weight = float(stored["irm_lambda"])
    penalty = irm_penalty(logits, y, a, num_groups=groups, halved=True)
    risk = group_mean_loss(F.cross_entropy(logits, y, reduction="none"), a, groups)
    assert_official(penalty, stored[f"irm_penalty_{dtype}"], dtype)
    assert_official(risk, stored[f"irm_nll_{dtype}"], dtype)
    cells = np.full((groups, int(stored["num_classes"])), 1)
    composite, _ = started("irm", {"weight": weight, "warm_up": 0.0}, dtype, cells=cells)
    batch = batch_of(stored, dtype)
    outputs = Outputs(logits, logits)
    terms = composite.loss(outputs, {}, batch, Progress(1, 2))
    whole = torch.stack([composite.task_loss(outputs, batch), *terms.values()]).sum()
    assert_official(whole, stored[f"irm_{dtype}"], dtype)
    assert_gradient(whole, logits, stored[f"irm_grad_{dtype}"], dtype)


DISTANCES = [
    pytest.param(name, *case.values, id=f"{case.id}") for name in ("coral", "mmd") for case in cases("invariance", name, name)
]
NOISY = {"rtol": 5e-4, "atol": 1e-6}
"""Kernels of a thousandth of the unit length in float32, and values from which a cross-entropy was subtracted."""


@pytest.mark.parametrize(("name", "case", "dtype"), DISTANCES)
def test_distances_of_groups(name, case, dtype):
    stored = stored_in("invariance")[case]
    z, a = leaf(stored, dtype, "features"), torch.tensor(stored["groups"])
    sizes: dict[str, Any] = {"positive": 0, "num_classes": 1, "num_groups": int(stored["num_groups"]), "dtype": z.dtype}
    compared = strata(torch.zeros_like(a), a, criterion="dp", **sizes)
    value = coral_loss(z, compared, strict=True) if name == "coral" else mmd_loss(z, compared)
    tolerance: dict[str, Any] = TOLERANCE["f64"] if dtype == "f64" else NOISY
    official, gradient = stored[f"{name}_{dtype}"], stored[f"{name}_grad_{dtype}"]
    np.testing.assert_allclose(value.detach().numpy(), official, **tolerance)
    if np.isfinite(official):
        (ours,) = torch.autograd.grad(value, z)
        atol = 10 * tolerance["rtol"] * max(1e-3, np.abs(gradient).max())
        np.testing.assert_allclose(ours.numpy(), gradient, rtol=tolerance["rtol"], atol=atol)


@pytest.mark.parametrize(("case", "dtype"), cases("cvar", "loss", "cvar"))
def test_worst_share(case, dtype):
    stored = stored_in("cvar")[case]
    logits, y = leaf(stored, dtype, "logits"), torch.tensor(stored["labels"])
    losses = F.cross_entropy(logits, y, reduction="none")
    alpha = float(stored["alpha"]) or 1.0
    weights = worst_share_weights(losses.detach(), alpha, break_ties=True)
    loss = (weights * losses).mean()
    assert_official(loss, stored[f"loss_{dtype}"], dtype)
    if "ties" in case:
        assert_official(weights.sort().values, np.sort(stored[f"weights_{dtype}"]), dtype)
        return
    assert_official(weights, stored[f"weights_{dtype}"], dtype)
    assert_gradient(loss, logits, stored[f"grad_{dtype}"], dtype)


BY_SIZE = {"reweight": {"weight": 1.0}, "sqrt_reweight": {"weight": 0.5}, "cb": {"weight": 1.0, "beta": 0.999}}


@pytest.mark.parametrize("name", BY_SIZE)
@pytest.mark.parametrize(("case", "dtype"), cases("imbalance", "reweight", "imbalance"))
def test_weights_of_cells(name, case, dtype):
    stored = stored_in("imbalance")[case]
    composite, part = started("cell_weights", BY_SIZE[name], dtype, cells=stored["cell_sizes"].T)
    assert_official(cast("CellWeights", part).weights.T, stored[f"{name}_weights_{dtype}"], dtype)
    logits = leaf(stored, dtype, "logits")
    loss = composite.task_loss(Outputs(logits, logits), batch_of(stored, dtype))
    assert_official(loss, stored[f"{name}_{dtype}"], dtype)
    assert_gradient(loss, logits, stored[f"{name}_grad_{dtype}"], dtype)


OF_CLASSES: dict[str, tuple[str, dict[str, Value]]] = {
    "ldam": ("ldam", {"max_margin": 0.5, "scale": 30.0}),
    "bsoftmax": ("bsoftmax", {}),
    "focal": ("focal", {"gamma": 2.0}),
    "focal_g05": ("focal", {"gamma": 0.5}),
}


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize(("case", "dtype"), cases("imbalance", "ldam", "imbalance"))
def test_losses_in_place_of_the_cross_entropy(name, case, dtype):
    stored = stored_in("imbalance")[case]
    method, values = OF_CLASSES[name]
    composite, part = started(method, values, dtype, cells=stored["cell_sizes"].T)
    logits = leaf(stored, dtype, "logits")
    loss = composite.task_loss(Outputs(logits, logits), batch_of(stored, dtype))
    assert_official(loss, stored[f"{name}_{dtype}"], dtype)
    assert_gradient(loss, logits, stored[f"{name}_grad_{dtype}"], dtype)
    if method == "ldam":
        assert_official(cast("LDAM", part).margins, stored[f"ldam_margins_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("cfair", "loss", "cfair"))
def test_conditional_adversaries(case, dtype):
    stored = stored_in("cfair")[case]
    features, y = leaf(stored, dtype, "features"), torch.tensor(stored["labels"])
    task = "balanced" if str(stored["mode"]) == "cfair" else "off"
    values: dict[str, Value] = {"weight": float(stored["mu"]), "task": task, "width": 7}
    composite, part = started("cfair", values, dtype, cells=stored["train_cells"], embedding_size=features.shape[1])
    cfair = cast("CFair", part)
    with torch.no_grad():
        for c in range(2):
            for name in ("w0", "b0", "w1", "b1"):
                getattr(cfair.adversaries, name)[c] = torch.tensor(stored[f"adv{c}_{name}"])
    head_w, head_b = tensors(stored, dtype, "head_w", "head_b")
    outputs, batch = Outputs(F.linear(features, head_w, head_b), features, None, features), batch_of(stored, dtype)
    ce, term = composite.task_loss(outputs, batch), composite.loss(outputs, {}, batch, Progress(0, 2))["cfair"]
    if task == "balanced":
        assert_official(cfair.task_weights, stored[f"task_weights_{dtype}"], dtype)
    else:
        assert (stored[f"task_weights_{dtype}"] == 1).all()
    assert_official(cfair.cell_weights.T, stored[f"adv_weights_{dtype}"], dtype)
    assert_official(ce, stored[f"ce_{dtype}"], dtype)
    assert_official(term / float(stored["mu"]), stored[f"adv_{dtype}"], dtype)
    assert_official(ce + term, stored[f"loss_{dtype}"], dtype)
    assert_gradient(ce + term, features, stored[f"grad_{dtype}"], dtype)
    w0, b1 = torch.autograd.grad(term, [cfair.adversaries.w0, cfair.adversaries.b1])
    assert_official(w0[0], stored[f"grad_adv0_w0_{dtype}"], dtype)
    assert_official(b1[1], stored[f"grad_adv1_b1_{dtype}"], dtype)
    assert torch.equal(batch.y, y)


LAFTR_KINDS = {"WeightedDemParWassGan": "dp", "WeightedEqoddsWassGan": "eodd", "WeightedEqoppWassGan": "eopp"}
LAFTR_CASES = [case for case in stored_in("laftr") if case.startswith("official/")]


@pytest.mark.parametrize("case", LAFTR_CASES)
def test_normalised_adversary(case):
    """Theirs has one output and divides the whole by 3; of two outputs the first is held at 0."""
    stored = stored_in("laftr")[case]
    kind = str(stored["model_class"])
    if kind not in LAFTR_KINDS:
        pytest.skip(f"{kind} is a cross-entropy without normalisation by group, which LAFTR's paper compares with")
    features = leaf(stored, "f32", "features")
    y = torch.tensor(stored["labels"])
    cells = np.round(stored["cell_shares"] * 1e12).astype(np.int64)
    strength, width = float(stored["fair_coeff"]), stored["adversary_w0"].shape[1]
    values: dict[str, Value] = {"weight": strength, "criterion": LAFTR_KINDS[kind], "width": width}
    _, part = started("laftr", values, "f32", cells=cells, embedding_size=features.shape[1])
    laftr = cast("LAFTR", part)
    adversary = laftr.adversary
    w0, b0, w1, b1 = tensors(stored, "f32", "adversary_w0", "adversary_b0", "adversary_w1", "adversary_b1")
    with torch.no_grad():
        label = w0[features.shape[1] :]
        of_labels = torch.cat([torch.zeros_like(label), label]) if len(label) else label
        adversary.hidden.weight.copy_(torch.cat([w0[: features.shape[1]], of_labels]).T)
        adversary.hidden.bias.copy_(b0)
        adversary.out.weight.copy_(torch.cat([torch.zeros_like(w1), w1], dim=1).T)
        adversary.out.bias.copy_(torch.cat([torch.zeros_like(b1), b1]))
    head_w, head_b = tensors(stored, "f32", "head_w0", "head_b0")
    logit = (features @ head_w + head_b).squeeze(1)
    assert_official(logit, stored["logit"].astype(np.float32), "f32")
    outputs = Outputs(two_classes(logit).log(), features, None, features)
    scores: list[Tensor] = []
    adversary.register_forward_hook(lambda module, args, out: scores.append(out))
    term = laftr.loss(outputs, {}, batch_of(stored, "f32"), Progress(0, 2))["laftr"]
    official = stored["weighted_adversary_losses_f32"]
    assert_official(term, official.mean(), "f32")
    probability = logit.sigmoid()
    assert_official((probability - y).abs(), stored["class_losses_f32"], "f32")
    task = float(stored["class_coeff"]) * (probability - y).abs().mean()
    assert_official((task - strength * term) / 3, stored["loss_f32"], "f32")
    assert_official(scores[0][:, 1], stored["adversary_logit"].astype(np.float32), "f32")
    (of_scores,) = torch.autograd.grad(-strength * term / 3, scores[0], retain_graph=True)
    assert_official(of_scores[:, 1], stored["grad_adversary_logit_f32"], "f32")
    assert_gradient(task / 3, logit, stored["grad_logit_f32"], "f32")
    (net,) = torch.autograd.grad((task + term) / 3, features, retain_graph=True)
    assert_official(net, stored["grad_features_f32"], "f32")
    for name, parameter, axis in (
        ("w0", adversary.hidden.weight, 0),
        ("b0", adversary.hidden.bias, 0),
        ("b1", adversary.out.bias, 1),
    ):
        (own,) = torch.autograd.grad(strength * term / 3, parameter, retain_graph=True)
        if name == "w0":
            own = own.T
            own = torch.cat([own[: features.shape[1]], own[features.shape[1] + 1 :]]) if len(w0) > features.shape[1] else own
        assert_official(own[1:] if axis else own, stored[f"grad_adversary_{name}_f32"], "f32")
    (own,) = torch.autograd.grad(strength * term / 3, adversary.out.weight, retain_graph=True)
    assert_official(own[1:].T, stored["grad_adversary_w1_f32"], "f32")
    weights = laftr.weights
    if LAFTR_KINDS[kind] == "dp":
        assert_official(weights[:, 0], stored["a_weights"], "f32")
    else:
        assert_official(weights, stored["ay_weights"], "f32")


@pytest.mark.parametrize(("case", "dtype"), cases("lff", "loss", "lff"))
def test_learning_from_failure(case, dtype):
    stored = stored_in("lff")[case]
    if str(stored["error"]):
        pytest.skip("the authors' code raises where a class has no sample; ours needs none")
    labels, num_classes = torch.tensor(stored["train_labels"]), stored["logits"].shape[2]
    cells = np.bincount(stored["train_labels"], minlength=num_classes)[None].repeat(2, 0)
    values: dict[str, Value] = {"q": float(stored["q"]), "decay": float(stored["alpha"])}
    net = torch.nn.Module()
    net.head = torch.nn.Linear(1, num_classes)
    _, part = started("lff", values, dtype, cells=cells, net=net)
    lff = cast("LearningFromFailure", part)
    biased_steps, net_steps = leaf(stored, dtype, "logits_biased"), leaf(stored, dtype, "logits")
    for step, index in enumerate(torch.tensor(stored["index"])):
        biased, logits, y = biased_steps[step], net_steps[step], labels[index]
        batch = Batch(torch.zeros(len(y), 1), y, torch.zeros_like(y), index)
        losses = F.cross_entropy(logits, y, reduction="none")
        weights = lff.weights_of(biased.detach(), losses.detach(), batch)
        loss = (weights * losses + amplified_losses(biased, y, lff.q)).mean()
        assert_official(weights, stored[f"weights_{dtype}"][step], dtype)
        assert_official(loss, stored[f"loss_{dtype}"][step], dtype)
        gradients = torch.autograd.grad(loss, [biased_steps, net_steps])
        for ours, name in zip(gradients, ("grad_biased", "grad"), strict=True):
            assert_official(ours[step], stored[f"{name}_{dtype}"][step], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("lff", "gce_paper_grad", "subpop"))
def test_generalised_cross_entropy(case, dtype):
    stored = stored_in("lff")[case]
    logits, y, q = leaf(stored, dtype, "logits_biased"), torch.tensor(stored["labels"]), float(stored["q"])
    losses = amplified_losses(logits, y, q)
    assert_official(losses, stored[f"gce_{dtype}"], dtype)
    assert_gradient(losses.mean() / q, logits, stored[f"gce_paper_grad_{dtype}"], dtype)
    paper = (1 - (-q * F.cross_entropy(logits, y, reduction="none")).exp()) / q
    assert_official(paper.squeeze() if np.ndim(stored[f"gce_paper_{dtype}"]) == 0 else paper, stored[f"gce_paper_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("jtt", "loss", "jtt"))
def test_training_twice(case, dtype):
    stored = stored_in("jtt")[case]
    wrong = torch.tensor(stored["stage1_logits"]).argmax(1) != torch.tensor(stored["labels"])
    np.testing.assert_array_equal(wrong.numpy(), stored["selected"])
    logits = leaf(stored, dtype, "logits")
    cells = np.array([[0, 0], [0, len(wrong)]])
    net = torch.nn.Linear(1, 2)
    composite, part = started("jtt", {"upweight": float(stored["jtt_lambda"])}, dtype, cells=cells, net=net)
    weights = error_weights(wrong, float(stored["jtt_lambda"])).to(logits.dtype)
    cast("JustTrainTwice", part).weights.of_samples.copy_(weights)
    loss = composite.task_loss(Outputs(logits, logits), batch_of(stored, dtype))
    assert_official(loss, stored[f"loss_{dtype}"], dtype)
    assert_gradient(loss, logits, stored[f"grad_{dtype}"], dtype)


@pytest.mark.parametrize("case", stored_in("jtt"))
def test_copies_of_errors_are_weights(case):
    stored = stored_in("jtt")[case]
    wrong = torch.tensor(stored["selected"])
    copies = [name.removeprefix("upsampled_counts_") for name in stored if name.startswith("upsampled_counts_")]
    for factor in copies:
        errors = int(wrong.sum())
        further = (len(wrong) - errors) // errors - 1 if factor == "auto" else int(factor)
        weights = error_weights(wrong, 1.0 + further)
        np.testing.assert_array_equal(weights.numpy(), stored[f"upsampled_counts_{factor}"])
        assert weights.sum() == stored[f"upsampled_length_{factor}"]


@pytest.mark.parametrize(("case", "dtype"), cases("mixing", "mixed", "mixup"))
def test_mixup(case, dtype):
    stored = stored_in("mixing")[case]
    (x,) = tensors(stored, dtype, "x")
    y = torch.tensor(stored["labels"])
    everyone = torch.arange(len(y))
    share = torch.full((len(y),), float(stored["lam"]), dtype=x.dtype)
    batch = mixed(Batch(x, y, torch.zeros_like(y), everyone), everyone, torch.tensor(stored["perm"]), share)
    assert_official(batch.x, stored[f"mixed_{dtype}"], dtype)
    logits = leaf(stored, dtype, "logits")
    loss = compose("mixup", {"mixup.alpha": float(stored["alpha"])}).task_loss(Outputs(logits, logits), batch)
    assert_official(loss, stored[f"loss_{dtype}"], dtype)
    assert_gradient(loss, logits, stored[f"grad_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("mixing", "mixed", "lisa"))
def test_selective_augmentation(case, dtype):
    stored = stored_in("mixing")[case]
    (x,), (y, a) = tensors(stored, dtype, "x"), labels_of(stored)
    draws = {name: iter(np.split(stored[name], np.cumsum(stored[f"{name}_lengths"])[:-1])) for name in ("lam", "perm")}

    def drawn(name: str, count: int) -> Tensor:
        found = torch.tensor(next(draws[name]))
        assert len(found) == count
        return found

    same, other = (y, a) if bool(stored["same_label"]) else (a, y)
    pairs = official_pairs(same, other, lambda n: drawn("perm", n), lambda n: drawn("lam", n))
    batch = Batch(x, y, a, torch.arange(len(y)))
    if pairs is not None:
        batch = mixed(batch, pairs.first, pairs.second, pairs.share.to(x.dtype))
    one, num_classes = torch.ones(len(y), dtype=x.dtype), int(stored["num_classes"])
    share = one if batch.share is None else batch.share
    of_labels = share[:, None] * F.one_hot(batch.y, num_classes)
    if batch.y2 is not None:
        of_labels = of_labels + (1 - share)[:, None] * F.one_hot(batch.y2, num_classes)
    assert_official(batch.x, stored[f"mixed_{dtype}"], dtype)
    assert_official(of_labels, stored[f"mixed_labels_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), cases("sam", "loss", "sam"))
def test_sharpness_aware_steps(case, dtype):
    stored = stored_in("sam")[case]
    weights = tensors(stored, dtype, "w0", "b0", "w1", "b1")
    net = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.Linear(5, 3)).to(DTYPES[dtype])
    parameters = list(net.parameters())
    with torch.no_grad():
        for parameter, weight in zip(parameters, weights, strict=True):
            parameter.copy_(weight)
    lr, radius = float(stored["lr"]), float(stored["rho"])
    if str(stored["optimizer"]) == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(parameters, lr=lr, momentum=float(stored["momentum"]))
    else:
        optimizer = torch.optim.Adam(parameters, lr=lr)
    sam = compose("sam", {"sam.radius": radius, "sam.adaptive": bool(stored["adaptive"])})
    loop, batch = cast("Loop", SimpleNamespace(net=net)), batch_of({"labels": np.zeros(1, int)}, dtype)
    for step, (x, y) in enumerate(zip(tensors(stored, dtype, "x")[0], torch.tensor(stored["labels"]), strict=True)):
        seen: list[Tensor] = []

        def objective(x: Tensor = x, y: Tensor = y, seen: list[Tensor] = seen) -> Tensor:
            hidden = F.linear(x, parameters[0], parameters[1])
            logits = F.linear(hidden.relu(), parameters[2], parameters[3])
            seen.append(F.cross_entropy(logits, y) * (0 if case == "sam/zero_gradient" else 1))
            return seen[-1]

        optimizer.zero_grad()
        objective().backward()
        if step == 0:
            gradients = [cast("Tensor", parameter.grad) for parameter in parameters]
            displaced = ascent([p.detach() for p in parameters], gradients, radius, adaptive=bool(stored["adaptive"]))
            for number, displacement in enumerate(displaced):
                assert_official(displacement, stored[f"ascent_{number}_{dtype}"], dtype)
        sam.before_update(loop, batch, objective, Progress(0, 2))
        if step == 0:
            for number, parameter in enumerate(parameters):
                assert_official(parameter.grad, stored[f"grad_{number}_{dtype}"], dtype)
        assert_official(seen[0], stored[f"loss_{dtype}"][step], dtype)
        assert_official(seen[-1], stored[f"loss_ascended_{dtype}"][step], dtype)
        optimizer.step()
    for number, parameter in enumerate(parameters):
        assert_official(parameter, stored[f"final_{number}_{dtype}"], dtype)


@pytest.mark.parametrize("case", stored_in("swad"))
def test_valleys(case):
    stored = stored_in("swad")[case]
    losses, weights = stored["validation_losses"], torch.tensor(stored["weights"])
    rule: dict[str, Value] = {"converge": int(stored["n_converge"]), "tolerate": int(stored["n_tolerance"])}
    net = torch.nn.Linear(weights.shape[1] - 1, 1).double()
    values: dict[str, Any] = rule | {"ratio": float(stored["tolerance_ratio"])}
    _, part = started("swad", values, "f64", cells=np.ones((2, 2), int), net=net, epochs=len(losses))
    averages, per_segment = cast("SWAD", part).averages, int(stored["steps_per_epoch"])
    known = [official_valley(list(losses[:n]), **values, ended=n == len(losses)) for n in range(len(losses) + 1)]
    for segment, loss in enumerate(losses):
        if known[segment].dead is not None:
            break
        for step in range(per_segment):
            averages.step(weights[segment * per_segment + step])
        averages.end_segment(float(loss))
        averages.take(known[segment + 1].averaged)
    found = known[-1]
    np.testing.assert_allclose(averages.result(found.start).numpy(), stored["final"], rtol=1e-9)
    assert (found.start is not None) == bool(stored["converged"])
    assert (-1 if found.dead is None else found.dead) == int(stored["dead_at"])
    np.testing.assert_allclose(found.threshold, stored["threshold"])
    used = found.averaged or (len(losses) - 1 if found.start is None else found.start,)
    assert int(stored["start_step"]) == used[0] * per_segment + 1
    assert int(stored["end_step"]) == (used[-1] + 1) * per_segment
    if found.averaged:
        assert len(found.averaged) == int(stored["n_averaged"])


@pytest.mark.parametrize("name", ["fscl", "fscl_plus"])
@pytest.mark.parametrize(("case", "dtype"), cases("fscl", "fscl", "fscl"))
def test_fair_contrast(name, case, dtype):
    stored = stored_in("fscl")[case]
    assert float(stored["base_temperature"]) == 0.07
    features = leaf(stored, dtype, "features")
    views = features.shape[1]
    y, a = (part.repeat(views) for part in labels_of(stored))
    u = torch.cat(features.unbind(1))
    value = fscl_loss(u, y, a, temperature=float(stored["temperature"]), group_norm=name == "fscl_plus", strict=True)
    official = stored[f"{name}_{dtype}"]
    assert_official(value, official, dtype)
    if np.isfinite(official):
        assert_gradient(value, features, stored[f"{name}_grad_{dtype}"], dtype)


@pytest.mark.parametrize("case", [case for case, stored in stored_in("dfr").items() if "subsample_x" in stored])
def test_sparse_heads(case):
    stored = stored_in("dfr")[case]
    num_classes = len(np.unique(stored["labels"]))
    solutions = []
    for x, y, coef, intercept in zip(
        *(stored[name] for name in ("subsample_x", "subsample_y", "coef_each", "intercept_each")), strict=True
    ):
        found = sparse_logistic(torch.tensor(x), targets_of(torch.tensor(y), num_classes), float(stored["C"]))
        np.testing.assert_allclose(found.weight.numpy(), coef, atol=1e-6)
        np.testing.assert_allclose(found.bias.numpy(), intercept, atol=1e-6)
        solutions.append(found)
    average = Linear(*(torch.stack(parts).mean(0) for parts in zip(*solutions, strict=True)))
    np.testing.assert_allclose(average.weight.numpy(), stored["coef"], atol=1e-6)
    np.testing.assert_allclose(average.bias.numpy(), stored["intercept"], atol=1e-6)
    z, test = torch.tensor(stored["embeddings"]), torch.tensor(stored["test_embeddings"])
    head = head_of(average, z.mean(0), z.std(0, correction=0))
    right = (F.linear(test, *head).argmax(1) == torch.tensor(stored["test_labels"])).numpy()
    assert right.mean() == pytest.approx(float(stored["test_accuracy"]))
    y, a = labels_of(stored)
    cell = a * num_classes + y
    rows = balanced_rows(cell, int(cell.max()) + 1)
    assert len(rows) == stored["subsample_x"].shape[1]
    standardised = ((z - z.mean(0)) / z.std(0, correction=0)).numpy()
    for x, labels in zip(stored["subsample_x"], stored["subsample_y"], strict=True):
        places = np.abs(x[:, None] - standardised[None]).sum(2).argmin(1)
        np.testing.assert_allclose(standardised[places], x, atol=1e-12)
        np.testing.assert_array_equal(y.numpy()[places], labels)


COMPARED: dict[str, set[str]] = {
    "end/end": {"features", "labels", "groups", "num_classes", "num_groups"}
    | {f"{term}{what}" for term in ("orthogonal", "parallel") for what in ("", "_grad")},
    "ffb/gap": {"logit", "labels", "groups"} | {f"{name}{what}" for name in (*CRITERIA, "pr") for what in ("", "_grad")},
    "ffb/hsic": {"features", "groups", "group_codes", "sigma_x", "sigma_y", "hsic", "hsic_grad"},
    "fairret/fairret": {"logit", "labels", "groups", "num_groups"}
    | {f"{rate}_{norm}{what}" for rate in ("pr", "tpr", "fpr") for norm in ("norm1", "norm2", "lse") for what in ("", "_grad")},
    "invariance/irm": {"logits", "labels", "groups", "num_classes", "num_groups", "irm_lambda"}
    | {"irm", "irm_grad", "irm_nll", "irm_penalty"},
    "invariance/coral": {"features", "groups", "num_groups", "coral", "coral_grad"},
    "invariance/mmd": {"features", "groups", "num_groups", "mmd", "mmd_grad"},
    "cvar/cvar": {"logits", "labels", "alpha", "loss", "grad", "weights"},
    "imbalance/imbalance": {"logits", "labels", "groups", "num_classes", "num_groups", "cell_sizes", "ldam_margins"}
    | {f"{name}{what}" for name in (*BY_SIZE, *OF_CLASSES) for what in ("", "_grad")}
    | {f"{name}_weights" for name in BY_SIZE},
    "cfair/cfair": {"features", "labels", "groups", "mu", "mode", "train_cells", "head_w", "head_b", "task_weights", "adv_weights"}
    | {f"adv{c}_{name}" for c in range(2) for name in ("w0", "b0", "w1", "b1")}
    | {"ce", "adv", "loss", "grad", "grad_adv0_w0", "grad_adv1_b1"},
    "laftr/official": {"features", "labels", "groups", "logit", "adversary_logit", "cell_shares", "class_coeff", "fair_coeff"}
    | {"model_class", "a_weights", "ay_weights", "class_losses", "weighted_adversary_losses", "loss", "grad_features"}
    | {"grad_logit", "grad_adversary_logit", "head_w0", "head_b0"}
    | {f"{what}adversary_{name}" for what in ("", "grad_") for name in ("w0", "b0", "w1", "b1")},
    "lff/lff": {"train_labels", "index", "logits_biased", "logits", "alpha", "q", "error"}
    | {"weights", "loss", "grad_biased", "grad"},
    "lff/subpop": {"labels", "logits_biased", "logits", "q", "gce", "gce_paper", "gce_paper_grad"},
    "jtt/jtt": {"stage1_logits", "logits", "labels", "groups", "jtt_lambda", "selected", "loss", "grad"}
    | {f"upsampled_{what}_{factor}" for what in ("counts", "length") for factor in ("3", "20", "auto")},
    "mixing/mixup": {"x", "labels", "logits", "alpha", "lam", "perm", "mixed", "loss", "grad"},
    "mixing/lisa": {"x", "labels", "groups", "num_classes", "num_groups", "same_label", "mixed", "mixed_labels"}
    | {"lam", "lam_lengths", "perm", "perm_lengths"},
    "sam/sam": {"x", "labels", "w0", "b0", "w1", "b1", "rho", "adaptive", "lr", "momentum", "optimizer", "loss", "loss_ascended"}
    | {f"{what}_{number}" for what in ("ascent", "grad", "final") for number in range(4)},
    "swad/swad": {"validation_losses", "weights", "steps_per_epoch", "n_converge", "n_tolerance", "tolerance_ratio"}
    | {"converged", "dead_at", "threshold", "final", "start_step", "end_step", "n_averaged"},
    "fscl/fscl": {"features", "labels", "groups", "temperature", "base_temperature"}
    | {f"{name}{what}" for name in ("fscl", "fscl_plus") for what in ("", "_grad")},
    "dfr/dfr": {"embeddings", "labels", "groups", "test_embeddings", "test_labels", "test_groups", "C", "num_retrains", "error"}
    | {"coef_each", "intercept_each", "coef", "intercept", "subsample_x", "subsample_y", "test_accuracy"},
}
"""What is read of each family, and what comes out equal."""

NOT_OURS: dict[str, dict[str, str]] = {
    "lff/subpop": dict.fromkeys(
        ("weights", "loss", "grad_biased", "grad"), "SubpopBench's LfF remembers no losses, which is another method"
    ),
    "fscl/fscl": dict.fromkeys(
        ("supcon", "supcon_grad", "fscl_star", "fscl_star_grad"), "what FSCL's paper compares itself with in its ablation"
    ),
    "dfr/dfr": {
        "test_group_accuracy": "follows from the head, whose accuracy is compared",
        "tuned_C": "ours is chosen by the search",
        "C_options": "ours is chosen by the search",
        "tune_permutation": "ours is chosen by the search",
        "tune_permutation_lengths": "ours is chosen by the search",
    },
}
"""Quantities that nothing of ours computes."""

OTHER_METHODS = {
    "dfr/subpop": "SubpopBench's DFR takes steps of SGD on a penalised cross-entropy, which is another method",
    "laftr/medfair": "MEDFAIR's port has no adversary: what is to tell the group descends the net's loss",
    "thresholds/fairlearn": "thresholds after training are no method",
    "thresholds/oxonfair": "thresholds after training are no method",
    "thresholds/pleiss": "thresholds after training are no method",
}
"""Families of which nothing is computed by a method of ours; ``meta`` says how theirs fail, and with which versions."""


@pytest.mark.parametrize("file", sorted(path.stem for path in (GOLDEN / "neighbours").glob("*.npz")))
def test_every_quantity_is_compared_or_said_not_to_be_ours(file):
    for case, stored in stored_in(file).items():
        family = f"{file}/{case.partition('/')[0]}"
        if family in OTHER_METHODS or case.startswith("meta/"):
            continue
        names = {name.replace("_f64", "").replace("_f32", "") for name in stored}
        known = COMPARED.get(family, set()) | set(NOT_OURS.get(family, {}))
        assert names - known - {f"{term}_requires_grad" for term in ("orthogonal", "parallel")} == set(), case
