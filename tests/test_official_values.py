"""Every golden case of the authors' code, under ``protocol: official``.

The cases are whatever the files in ``FAIRTUNE_GOLDEN`` hold; a file, or a quantity in it, that is compared nowhere is a failure.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from fairtune.batches.sampling import official_balanced
from fairtune.batches.split import DeviceSplit
from fairtune.datasets.cmnist import one_hot_colour
from fairtune.datasets.imdb import AGE_BINS, one_hot_age
from fairtune.errors import FairtuneError
from fairtune.methods import Context, Progress, _hanel, compose
from fairtune.methods._gates import Plateau, gate
from fairtune.methods._information import Statistics, mine_lower_bound, normalised_mutual_information
from fairtune.methods._mmd import squared_distances
from fairtune.methods.ad import AdversarialDebiasing
from fairtune.methods.at import at_loss, attention
from fairtune.methods.fitnet import fitnet_loss
from fairtune.methods.hkd import hkd_loss
from fairtune.methods.mfd import mfd_loss
from fairtune.methods.mfd_f import mfd_f_loss
from fairtune.methods.mfd_k import mfd_k_loss
from fairtune.methods.mi import clipped
from fairtune.methods.nst import nst_loss, selectivity
from fairtune.metrics import accuracy, cell_accuracy, deo_a, deo_m, dp_l2, dp_mi, eo_l2, eo_mi, iou, iou_paired
from fairtune.records import Batch, GroupCounts, Ints, Outputs, Split
from fairtune.space import Value
from fairtune.training.evaluate import evaluate

from .builders import table
from .golden import CPU, DTYPES, GOLDEN, TOLERANCE, Case, assert_official, case_dtypes, read, tensors

ROUNDED = {"rtol": 1e-6, "atol": 4 * float(np.finfo(np.float32).eps)}
"""For what the authors round to single precision, whatever they are given, and we do not."""
IN_SINGLE_PRECISION = {"dp_mi", "eo_mi"}
"""Quantities whose tables the authors keep in float32; those of the other losses are of the dtype of the logits."""

MMD = {
    "mfd": lambda s, t, y, a, k, g, sigma, kernel: mfd_loss(
        s, t, y, a, num_classes=k, num_groups=g, sigma=sigma, sigma_power=1, kernel=kernel
    ),
    "mfd_k": lambda s, t, y, a, k, g, sigma, kernel: mfd_k_loss(s, t, sigma=sigma, sigma_power=1, kernel=kernel),
    "mfd_f": lambda s, t, y, a, k, g, sigma, kernel: mfd_f_loss(s, y, a, num_classes=k, num_groups=g, sigma=sigma, kernel=kernel),
}
MMD_CASES = [
    pytest.param(method, *case.values, id=f"{method}-{case.id}") for method in MMD for case in case_dtypes("mfd_losses", method)
]


def mmd_function(method: str, stored: Case, student: Tensor, teacher: Tensor) -> Tensor:
    y, a = torch.tensor(stored["labels"]), torch.tensor(stored["groups"])
    sizes = int(stored["num_classes"]), int(stored["num_groups"])
    loss = MMD[method](student, teacher, y, a, *sizes, float(stored["sigma"]), str(stored["kernel"]))
    return float(stored["w_m"]) / 2 * loss


def mmd_method(method: str, stored: Case, student: Tensor, teacher: Tensor) -> Tensor:
    values: dict[str, Value] = {"weight": float(stored["w_m"]), "sigma": float(stored["sigma"]), "kernel": str(stored["kernel"])}
    composite = compose(method, {f"{method}.{name}": value for name, value in values.items()})
    y, a = torch.tensor(stored["labels"]), torch.tensor(stored["groups"])
    num_classes = int(stored["num_classes"])
    composite.start(Context(num_classes, int(stored["num_groups"]), tuple(student.shape[1:]), CPU, "official", student.dtype))
    logits = torch.zeros(len(y), num_classes, dtype=student.dtype)
    batch = Batch(student.detach(), y, a, torch.arange(len(y)))
    terms = composite.loss(Outputs(logits, student), {"features": teacher}, batch, Progress(0, 2))
    assert list(terms) == [method]
    return terms[method]


@pytest.mark.parametrize("route", [mmd_function, mmd_method])
@pytest.mark.parametrize(("method", "case", "dtype"), MMD_CASES)
def test_mmd(route, method, case, dtype):
    stored = read("mfd_losses")[case]
    student, teacher = (tensor.requires_grad_() for tensor in tensors(stored, dtype, "f_s", "f_t"))
    loss = route(method, stored, student, teacher)
    assert_official(loss, stored[f"{method}_{dtype}"], dtype)
    loss.backward()
    assert teacher.grad is None or not teacher.grad.any()
    if (official := stored.get(f"{method}_grad_{dtype}")) is not None:
        assert_official(student.grad, official, dtype)


@pytest.mark.parametrize(("case", "dtype"), case_dtypes("mfd_losses", "sigma_avg"))
def test_mfd_bandwidth(case, dtype):
    stored = read("mfd_losses")[case]
    student, teacher = (tensor.flatten(1) for tensor in tensors(stored, dtype, "f_s", "f_t"))
    assert_official(squared_distances(teacher, student).mean(), stored[f"sigma_avg_{dtype}"], dtype)


def hkd_function(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    return hkd_loss(student, teacher, temperature=temperature)


def hkd_method(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    composite = compose("hkd", {"hkd.weight": 1.0, "hkd.temperature": temperature})
    y = torch.zeros(len(student), dtype=torch.int64)
    composite.start(Context(student.shape[1], 2, (1,), CPU, "official", student.dtype))
    batch = Batch(student.detach(), y, y, y)
    return composite.loss(Outputs(student, student), {"logits": teacher}, batch, Progress(0, 2))["hkd"]


@pytest.mark.parametrize("route", [hkd_function, hkd_method])
@pytest.mark.parametrize(("case", "dtype"), case_dtypes("kd_losses", "loss", family="hkd/"))
def test_hkd(route, case, dtype):
    stored = read("kd_losses")[case]
    student, teacher = (tensor.requires_grad_() for tensor in tensors(stored, dtype, "student", "teacher"))
    loss = route(student, teacher, float(stored["temp"]))
    assert_official(loss, stored[f"loss_{dtype}"], dtype)
    loss.backward()
    assert teacher.grad is None or not teacher.grad.any()
    if (official := stored.get(f"grad_{dtype}")) is not None:
        assert_official(student.grad, official, dtype)


def fitnet_term(student: Tensor, teacher: Tensor) -> Tensor:
    return fitnet_loss(student, teacher)


def at_term(student: Tensor, teacher: Tensor) -> Tensor:
    return at_loss(student, attention(teacher))


def nst_term(student: Tensor, teacher: Tensor) -> Tensor:
    return 30 * nst_loss(student, selectivity(teacher))


DISTILLATION = {"fitnet": fitnet_term, "at": at_term, "nst": nst_term}
DISTILLATION_CASES = [
    pytest.param(family, *case.values, id=case.id)
    for family in DISTILLATION
    for case in case_dtypes("kd_losses", "loss", family=f"{family}/")
]


@pytest.mark.parametrize(("family", "case", "dtype"), DISTILLATION_CASES)
def test_distillation(family, case, dtype):
    stored = read("kd_losses")[case]
    assert float(stored.get("lamb", 30)) == 30
    student, teacher = (tensor.requires_grad_() for tensor in tensors(stored, dtype, "student", "teacher"))
    loss = DISTILLATION[family](student, teacher.detach())
    assert_official(loss, stored[f"loss_{dtype}"], dtype)
    loss.backward()
    if (official := stored.get(f"grad_{dtype}")) is not None:
        assert_official(student.grad, official, dtype)
    if (official := stored.get(f"grad_{dtype}_0")) is not None:
        assert_official(student.grad[0], official, dtype)
    if (official := stored.get(f"map_student_{dtype}")) is not None:
        assert_official(attention(student), official, dtype)


@pytest.mark.parametrize(("case", "dtype"), case_dtypes("ad", "grad_logits"))
def test_adversaries(case, dtype):
    stored = read("ad")[case]
    num_classes, num_groups = int(stored["num_classes"]), int(stored["num_groups"])
    (logits,) = tensors(stored, dtype, "logits")
    logits.requires_grad_()
    y, a = torch.tensor(stored["labels"]), torch.tensor(stored["groups"])
    composite = compose("ad", {"ad.weight": float(stored["adv_lambda"])})
    composite.start(Context(num_classes, num_groups, (1,), CPU, "official", logits.dtype))
    part = composite.parts["ad"]
    assert isinstance(part, AdversarialDebiasing)
    adversaries = part.adversaries
    with torch.no_grad():
        for c in range(num_classes):
            for name in ("w0", "b0", "w1", "b1"):
                getattr(adversaries, name)[c] = torch.tensor(stored[f"adv{c}_{name}"], dtype=logits.dtype)
    outputs = Outputs(logits, logits)
    batch = Batch(logits.detach(), y, a, torch.arange(len(y)))
    task = composite.task_loss(outputs, batch)
    adversary = composite.loss(outputs, {}, batch, Progress(0, 2))["ad"]
    assert_official(task, stored[f"ce_{dtype}"], dtype)
    assert_official(adversary, stored[f"adv_loss_{dtype}"], dtype)
    (task + adversary).backward()
    assert_official(logits.grad, stored[f"grad_logits_{dtype}"], dtype)
    for c in range(num_classes):
        for name in ("w0", "b0", "w1", "b1"):
            if (official := stored.get(f"grad_adv{c}_{name}_{dtype}")) is not None:
                assert_official(getattr(adversaries, name).grad[c], official, dtype)


HANEL = {"dp_l2": _hanel.dp_l2, "eo_l2": _hanel.eo_l2, "dp_mi": _hanel.dp_mi, "eo_mi": _hanel.eo_mi}
HANEL |= {"iou": _hanel.iou, "iou_paired": _hanel.iou_paired}
HANEL_CASES = [
    pytest.param(name, *case.values, id=f"{name}-{case.id}") for name in HANEL for case in case_dtypes("hanel_losses", name)
]


@pytest.mark.parametrize(("name", "case", "dtype"), HANEL_CASES)
def test_fairness_losses(name, case, dtype):
    stored = read("hanel_losses")[case]
    (logits,) = tensors(stored, dtype, "logits")
    logits.requires_grad_()
    num_classes, num_groups = int(stored["num_target"]), int(stored["num_sensitive"])
    y, a = torch.tensor(stored["target"]), torch.tensor(stored["sensitive"])
    hard = str(stored["prob_mode"]) == "onehot"
    p = F.one_hot(y, num_classes).to(logits.dtype) if hard else logits.softmax(1)
    loss = HANEL[name](p, _hanel.members(y, a, num_classes, num_groups, p.dtype), True)
    tolerance: dict[str, Any] = ROUNDED if name in IN_SINGLE_PRECISION and dtype == "f64" else TOLERANCE[dtype]
    np.testing.assert_allclose(loss.detach().numpy(), stored[f"{name}_{dtype}"], **tolerance)
    if (official := stored.get(f"{name}_grad_logits_{dtype}")) is not None:
        loss.backward()
        np.testing.assert_allclose(logits.grad.numpy(), official, **tolerance)


class Verbatim(torch.nn.Module):
    """Takes the logits as its input."""

    def forward(self, x: Tensor, *, want_maps: bool = False) -> Outputs:
        return Outputs(x, x)


def evaluated(stored: Case) -> tuple[GroupCounts, float]:
    logits, y, a = stored["logits"], stored["labels"].astype(np.int64), stored["groups"].astype(np.int64)
    rows = np.arange(len(y))
    split = Split(logits, rows, y, a, rows, num_groups=int(stored["num_groups"]), num_classes=logits.shape[1])
    return evaluate(Verbatim(), DeviceSplit(split, CPU, torch.float32))[:2]


METRICS = {
    "official_loss": lambda counts, loss: loss,
    "official_acc": lambda counts, loss: accuracy(counts),
    "official_deo_m": lambda counts, loss: deo_m(counts, empty="nan"),
    "official_confusion": lambda counts, loss: counts.hard,
    "ad_official_deo_m": lambda counts, loss: deo_m(counts, empty="nan"),
    "percell_acc": lambda counts, loss: cell_accuracy(counts),
    "deo_m_from_confusion": lambda counts, loss: deo_m(counts, empty="nan"),
    "deo_a_paper_formula": lambda counts, loss: deo_a(counts, empty="nan"),
    "deo_m_nan_aware": lambda counts, loss: deo_m(counts),
    "deo_a_nan_aware": lambda counts, loss: deo_a(counts),
}
BATCH_MEANS = {"ad_official_acc", "ad_official_loss"}
"""The AD trainer averages batch means, so that a short last batch counts for more; nothing of ours is computed that way."""
METRIC_INPUTS = {"logits", "groups", "labels", "num_groups", "num_classes", "batch_size"}


@pytest.mark.parametrize(
    ("case", "quantity"),
    [(case, quantity) for case, stored in read("metrics").items() for quantity in stored if quantity in METRICS],
)
def test_metrics(case, quantity):
    stored = read("metrics")[case]
    counts, loss = evaluated(stored)
    np.testing.assert_allclose(METRICS[quantity](counts, loss), stored[quantity], rtol=ROUNDED["rtol"], atol=ROUNDED["atol"])


@pytest.mark.parametrize("case", read("metrics"))
def test_every_metric_stored_is_compared(case):
    unknown = {name for name in read("metrics")[case] if name not in METRICS and name not in METRIC_INPUTS}
    assert unknown <= BATCH_MEANS


OF_COUNTS = {"dp_l2": dp_l2, "eo_l2": eo_l2, "dp_mi": dp_mi, "eo_mi": eo_mi}
OF_COUNTS |= {"iou": partial(iou, reduce="mean"), "iou_paired": iou_paired}
COUNTED_BATCHES = [case for case, stored in read("hanel_losses").items() if "num_sensitive" in stored]


def counted(stored: Case) -> GroupCounts:
    logits = torch.tensor(stored["logits"])
    y, a, num_classes = stored["target"], stored["sensitive"], int(stored["num_target"])
    predicted = F.one_hot(torch.tensor(y) if str(stored["prob_mode"]) == "onehot" else logits.argmax(1), num_classes)
    soft = predicted.double() if str(stored["prob_mode"]) == "onehot" else logits.softmax(1)
    groups = int(stored["num_sensitive"])
    return GroupCounts(table(y, a, predicted.numpy(), groups), table(y, a, soft.numpy(), groups))


def comparable_batches() -> Iterator[tuple[str, str]]:
    """Those in which no empty cell made the authors' code give up, or count an absent class as 0."""
    for case in COUNTED_BATCHES:
        cells = counted(read("hanel_losses")[case]).cells
        complete = {"dp_mi": True, "dp_l2": cells.sum(1).all(), "eo_mi": cells.sum(0).all()}
        yield from ((case, quantity) for quantity in OF_COUNTS if complete.get(quantity, cells.all()))


@pytest.mark.parametrize(("case", "quantity"), list(comparable_batches()))
def test_fairness_losses_of_a_whole_set(case, quantity):
    stored = read("hanel_losses")[case]
    tolerance = ROUNDED if quantity in IN_SINGLE_PRECISION else TOLERANCE["f64"]
    ours = OF_COUNTS[quantity](counted(stored))
    assert ours == pytest.approx(float(stored[f"{quantity}_f64"]), rel=tolerance["rtol"], abs=tolerance["atol"])


@pytest.mark.parametrize(("case", "dtype"), case_dtypes("ffw", "mi", family="mi/"))
def test_normalised_mutual_information(case, dtype):
    stored = read("ffw")[case]
    (logits,) = (tensor.requires_grad_() for tensor in tensors(stored, dtype, "logits"))
    assert logits.shape[1] == int(stored["K"])
    information = normalised_mutual_information(logits.softmax(1), torch.tensor(stored["bias"]))
    assert_official(information, stored[f"mi_{dtype}"], dtype)
    information.backward()
    assert_official(logits.grad, stored[f"grad_{dtype}"], dtype)


@pytest.mark.parametrize(("case", "dtype"), case_dtypes("ffw", "gate", family="gate/"))
def test_gates(case, dtype):
    stored = read("ffw")[case]
    g, temperature = tensors(stored, dtype, "g", "tau")
    values = gate(g.requires_grad_(), temperature)
    assert_official(values, stored[f"gate_{dtype}"], dtype)
    values.sum().backward()
    assert_official(g.grad, stored[f"dgate_dg_{dtype}"], dtype)


@pytest.mark.parametrize("case", [case for case in read("ffw") if case.startswith("temperature_schedule")])
def test_temperature_schedule(case):
    stored = read("ffw")[case]
    plateau, temperature = Plateau(int(stored["patience"]), float(stored["threshold"])), 1.0
    for mi, official, updated in zip(stored["mi"], stored["temperature"], stored["updated"], strict=True):
        reached = plateau.reached(float(mi))
        assert reached == updated
        if reached:
            temperature, plateau.waited = temperature * float(stored["factor"]), 0
        assert temperature == pytest.approx(float(official))


@pytest.mark.parametrize("case", [case for case in read("ffw") if case.startswith("plateau")])
def test_plateau(case):
    stored = read("ffw")[case]
    plateau = Plateau(int(stored["patience"]), float(stored["threshold"]))
    assert [plateau.reached(float(loss)) for loss in stored["loss"]] == stored["stop"].tolist()


@pytest.mark.parametrize("case", [case for case in read("mine") if case.startswith("clip_rule")])
def test_clipping_of_the_information_s_gradient(case):
    stored = read("mine")[case]
    rng = torch.Generator().manual_seed(0)
    task, information = (
        [float(norm) * F.normalize(torch.randn(15, generator=rng), dim=0) for norm in stored[name]]
        for name in ("norm_task", "norm_mi")
    )
    after = clipped(information, task)
    np.testing.assert_allclose(np.array([float(g.norm()) for g in after]), stored["norm_after"], rtol=1e-5)
    for g, whole in zip(after, information, strict=True):
        assert g is not None
        torch.testing.assert_close(F.normalize(g, dim=0), F.normalize(whole, dim=0))


def statistics_network(stored: Case, dtype: str) -> Statistics:
    """The authors' network; theirs multiplies from the right."""
    layers = [f"fully_connected{suffix}" for suffix in ("", "_1", "_2", "_3")]
    net = Statistics(24, 64).to(DTYPES[dtype])
    with torch.no_grad():
        for layer, name in zip(net.layers, layers, strict=True):
            layer.weight.copy_(torch.tensor(stored[f"Mine.{name}.weights:0"]).T)
            layer.bias.copy_(torch.tensor(stored[f"Mine.{name}.biases:0"]))
    return net


@pytest.mark.parametrize("case", [case for case in read("mine") if case.startswith("mine/")])
def test_mine(case):
    stored = read("mine")[case]
    for dtype, name in (("f32", "mi_lower_bound_f32"), ("f64", "mi_lower_bound_f64_numpy")):
        if name not in stored:
            continue
        net = statistics_network(read("mine")["weights"], dtype)
        z, c = tensors(stored, dtype, "z", "c")
        z.requires_grad_()
        bound = mine_lower_bound(net(c, z), net(c[torch.tensor(stored["perm"]).long()], z))
        assert_official(bound, stored[name], dtype)
        if dtype == "f32":
            bound.backward()
            assert_official(bound, -stored["M_loss_f32"], dtype)
            assert_official(-z.grad, stored["grad_M_loss_wrt_z_f32"], dtype)


MINE = read("mine")


@pytest.mark.parametrize("case", [case for case in MINE if case == "color_attribute"])
def test_colour_as_attribute(case):
    stored = MINE[case]
    ours = one_hot_colour(stored["colors"])
    np.testing.assert_array_equal(ours, stored["onehot24"])
    np.testing.assert_array_equal(ours.reshape(-1, 3, 8).argmax(axis=2), stored["bin_index"])
    np.testing.assert_array_equal(ours.reshape(-1, 3, 8).argmax(axis=2) * 32, stored["quantized"])


@pytest.mark.parametrize("case", [case for case in MINE if case == "imdb_age"])
def test_age_as_attribute(case):
    stored = MINE[case]
    np.testing.assert_array_equal((0, *AGE_BINS), stored["bins"][:-1])
    np.testing.assert_array_equal(one_hot_age(stored["ages"]), stored["onehot12"])


SAMPLER = read("sampler")


def official_stream(stored: Case) -> Ints:
    counts = stored["counts"].astype(int)
    positions = np.split(np.arange(counts.sum()), np.cumsum(counts.ravel())[:-1])
    order = official_balanced(positions, counts.shape[0], int(stored["batch_size"]), np.random.default_rng(0))
    return np.repeat(np.arange(counts.size), counts.ravel())[order]


def composition(cells: Iterable[Ints], num_cells: int) -> Ints:
    return np.array([np.bincount(batch, minlength=num_cells) for batch in cells])


@pytest.mark.parametrize("case", [case for case, stored in SAMPLER.items() if "error" in stored])
def test_sampler_fails_where_the_official_one_does(case):
    with pytest.raises(FairtuneError, match="fixed"):
        official_stream(SAMPLER[case])


@pytest.mark.parametrize("case", [case for case, stored in SAMPLER.items() if "error" not in stored])
def test_sampler(case):
    stored = SAMPLER[case]
    cells, num_cells = official_stream(stored), stored["counts"].size
    n_indices, batch_size = int(stored["n_indices"]), int(stored["batch_size"])
    assert cells.shape == (n_indices // batch_size, batch_size)
    if "n_batches" in stored:
        assert len(cells) == int(stored["n_batches"])
    if "first_256_cells" in stored:
        first = stored["first_256_cells"]
        np.testing.assert_array_equal(cells.ravel()[: len(first)], first[: cells.size])
    if "batch_composition_first64" in stored:
        first = stored["batch_composition_first64"]
        np.testing.assert_array_equal(composition(cells[: len(first)], num_cells), first)
    if "cell_totals" in stored:
        cut_off = stored["cell_totals"] - composition([cells.ravel()], num_cells)[0]
        assert (cut_off >= 0).all()
        assert cut_off.sum() == n_indices - cells.size
    for bound, reduce in (("composition_min", np.min), ("composition_max", np.max)):
        if bound in stored:
            assert reduce(composition(cells, num_cells)) == int(stored[bound])


IN_PARTS = {
    "kd_losses": {"hkd", *DISTILLATION},
    "ffw": {"mi", "gate", "temperature_schedule", "plateau"},
    "mine": {"mine", "weights", "clip_rule", "color_attribute", "imdb_age"},
}
"""Files of several quantities; ``color_attribute`` and ``imdb_age`` are how datasets encode attributes, no part of a method."""


@pytest.mark.parametrize("file", sorted(path.stem for path in GOLDEN.glob("*.npz")))
def test_every_file_is_compared(file):
    assert file in {"mfd_losses", "metrics", "sampler", "ad", "hanel_losses", *IN_PARTS}
    if file in IN_PARTS:
        assert {case.partition("/")[0] for case in read(file)} <= IN_PARTS[file]


def test_cross_entropy_is_the_mean_over_samples():
    for stored in read("metrics").values():
        y = torch.tensor(stored["labels"])
        assert evaluated(stored)[1] == pytest.approx(float(F.cross_entropy(torch.tensor(stored["logits"]), y)), rel=1e-5)
