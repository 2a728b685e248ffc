import pytest
import torch
import torch.nn.functional as F

from fairtune.errors import InvalidInput
from fairtune.methods import Composite, compose
from fairtune.methods._ffw import GatedDebiasing
from fairtune.methods._gates import layers, sparsity
from fairtune.methods._information import normalised_mutual_information
from fairtune.testing.examples import random_example, started
from fairtune.testing.trainings import CPU, digits_spec, digits_splits, digits_training, parameters, saved_and_loaded, train_epochs
from fairtune.training import trial as trial_module
from fairtune.training.assembly import build_net, load_net
from fairtune.training.trial import run_trial
from tests.builders import open_trial, trained_baseline

METHODS = ["ffw", "ffw_structured"]
both = pytest.mark.parametrize("method", METHODS)
Y, GROUPS = torch.tensor([0, 0, 1, 1, 2, 2]), torch.tensor([0, 1, 0, 1, 0, 1])


def gated(method="ffw", values=None, **changes):
    """A training and its part that owns the gates."""
    training = digits_training(method, {f"{method}.{name}": value for name, value in (values or {}).items()}, **changes)
    return training, training.method.parts[method]


def plain_net(seed=0):
    return build_net(digits_spec(seed=seed), digits_splits()["info"], CPU)


@both
def test_gates_start_open(method):
    training, part = gated(method)
    x = training.validation.batch(torch.arange(30)).x
    for ours, baseline in zip(training.net(x), plain_net().eval()(x), strict=True):
        assert (ours is None and baseline is None) or torch.equal(ours, baseline)
    assert all(not g.any() for g in part.gates)


@both
def test_gates_and_head_learn_and_the_baseline_s_weights_do_not(method):
    training, part = gated(method)
    before = parameters(training)
    train_epochs(training, 1)
    for name, value in parameters(training).items():
        learns = name.startswith(f"{method}.") or name.endswith(".g")
        assert learns != torch.equal(value, before[name]), name
    assert not training.net.training
    assert {id(p) for p in part.modules.parameters()} == {id(p) for p in (*part.gates, *part.head.parameters())}


def head_of(composite: Composite) -> torch.nn.Linear:
    part = composite.parts["ffw"]
    assert isinstance(part, GatedDebiasing)
    return part.head


def gradients(term: torch.Tensor, of: list[torch.Tensor]) -> list[torch.Tensor | None]:
    return [*torch.autograd.grad(term, of, retain_graph=True, allow_unused=True)]


def test_terms_are_the_private_head_s_loss_and_its_information():
    composite, example = started("ffw", {"ffw.weight": 7.0}), random_example(Y, GROUPS)
    head = head_of(composite)
    terms, guess = example.terms(composite), head(example.student.embedding)
    torch.testing.assert_close(terms["private"], F.cross_entropy(guess, GROUPS))
    torch.testing.assert_close(terms["information"], 7 * normalised_mutual_information(guess.softmax(1), GROUPS))


def test_the_head_learns_from_its_loss_and_the_net_from_the_information():
    composite, example = started("ffw"), random_example(Y, GROUPS)
    terms, z = example.terms(composite), example.student.embedding
    own = list(head_of(composite).parameters())
    assert isinstance(z, torch.Tensor)
    of_net, *of_head = gradients(terms["private"], [z, *own])
    assert of_net is None
    assert all(gradient.any() for gradient in of_head)
    of_net, *of_head = gradients(terms["information"], [z, *own])
    assert of_net.any()
    assert of_head == [None] * 2


@both
def test_the_finished_net_is_plain_and_as_sparse_as_the_best_mask(method):
    training, part = gated(method, {"lr": 0.1}, epochs=2)
    records = train_epochs(training, 2)
    assert training.done
    net = plain_net(seed=7)
    assert training.net.state_dict().keys() == net.state_dict().keys()
    net.load_state_dict(training.net.state_dict())
    x = training.validation.batch(torch.arange(30)).x
    assert torch.equal(net(x).logits, training.net(x).logits)
    masks = [getattr(part.state, f"best_{number}") < 0 for number in range(len(part.gates))]
    pruned = list(layers(net))
    closed = sum(int(mask.sum()) * (layer.weight.numel() // mask.numel()) for mask, layer in zip(masks, pruned, strict=False))
    assert 0 < sparsity(net) == closed / sum(layer.weight.numel() for layer in pruned)
    assert 0 < records[-1]["train.sparsity"] < 1
    for mask, layer, original in zip(masks, pruned, layers(plain_net()), strict=False):
        closed_weights = mask if mask.dim() > 1 else mask[:, None].expand_as(layer.weight)
        assert torch.equal(layer.weight, torch.where(closed_weights, 0, original.weight))
        assert layer.bias is not None
        assert original.bias is not None
        assert torch.equal(layer.bias, torch.where(mask, 0, original.bias) if mask.dim() == 1 else original.bias)


def test_the_official_temperature_falls_when_the_information_has_not_for_longer_than_patience():
    training, part = gated(values={"lr": 1e-8, "patience": 1, "weight_decay": 0.0}, protocol="official", epochs=20)
    temperatures = [record["train.temperature"] for record in train_epochs(training, 5)]
    assert temperatures == pytest.approx([1, 1, 0.1, 0.1, 0.01])
    gates = [layer.parametrizations.weight[0] for layer in layers(training.net)]
    assert all(torch.equal(gate.temperature, part.state.temperature) for gate in gates)


@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
@pytest.mark.parametrize(("epochs", "lr"), [(1, 1e-3), (2, 1e-2), (5, 1e-3)])
def test_the_temperature_falls_evenly_to_the_rate_of_the_gates_however_few_epochs_there_are(epochs, lr):
    training, _ = gated(values={"lr": lr}, epochs=epochs)
    temperatures = [record["train.temperature"] for record in train_epochs(training, epochs)]
    assert training.done
    assert temperatures == pytest.approx([lr ** (number / epochs) for number in range(1, epochs + 1)])


@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
def test_gates_that_move_further_than_the_temperature_stay_at_it():
    training, _ = gated(values={"lr": 2.0}, epochs=2)
    assert [record["train.temperature"] for record in train_epochs(training, 2)] == [1, 1]


@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
def test_masks_are_tried_in_the_second_half_and_at_the_end():
    training, part = gated(epochs=4)
    scored = []
    for _ in range(3):
        train_epochs(training, 1)
        scored.append(torch.isfinite(part.state.best_score).item())
    assert scored == [False, True, True]
    before = float(part.state.best_score)
    train_epochs(training, 1)
    assert float(part.state.best_score) >= before


@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
def test_what_few_epochs_hand_over_is_what_the_epoch_before_scored():
    training, _ = trained_and_gated("fixed", epochs=12)
    records = train_epochs(training, 12)
    assert training.done
    assert abs(records[-1]["val.accuracy"] - records[-2]["val.accuracy"]) < 0.05


def test_official_refuses_fewer_epochs_than_its_schedule_takes():
    spec = digits_spec("ffw", epochs=54, protocol="official")
    composite = compose("ffw", {})
    with pytest.raises(InvalidInput, match=r"ffw under --protocol official takes 55 epochs at least.*after 54: give --epochs 55"):
        composite.check_epochs(spec.epochs, spec.protocol)
    composite.check_epochs(55, "official")
    composite.check_epochs(1, "fixed")
    compose("ffw", {"ffw.patience": 0}).check_epochs(10, "official")


@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
def test_official_takes_the_fewest_epochs_where_nothing_improves():
    training, part = gated(values={"lr": 1e-8, "patience": 0, "weight_decay": 0.0}, protocol="official", epochs=60)
    part.state.best_mi.fill_(-1.0)
    while not training.done:
        training.run_epoch()
    assert training.epoch == part.least_epochs("official") - 1 == 9


def test_cold_gates_end_the_training():
    training, part = gated(protocol="official", epochs=60)
    train_epochs(training, 1)
    assert not training.done
    part.state.temperature.fill_(9e-9)
    train_epochs(training, 1)
    assert training.done
    assert training.net.state_dict().keys() == plain_net().state_dict().keys()


def trained_and_gated(protocol, **changes):
    """Gates on a net that tells classes and groups well, ready to try masks on."""
    teacher = digits_training(epochs=15)
    train_epochs(teacher, 15)
    training, part = gated(protocol=protocol, **changes)
    names = {name: name.replace(".weight", ".parametrizations.weight.original") for name in teacher.net.state_dict()}
    state = {names[name]: value for name, value in teacher.net.state_dict().items()}
    training.net.load_state_dict(state, strict=False)
    training._order = torch.from_numpy(training.batch_order())
    return training, part


def fill(part, value):
    with torch.no_grad():
        for g in part.gates:
            g.fill_(value)


@pytest.mark.parametrize("order", [(1.0, -1.0), (-1.0, 1.0)], ids=["open first", "closed first"])
@pytest.mark.parametrize(("protocol", "best"), [("fixed", 1.0), ("official", -1.0)])
def test_the_best_mask_tried_is_kept_whatever_the_order(order, protocol, best):
    training, part = trained_and_gated(protocol)
    for value in order:
        fill(part, value)
        part._try_mask(training)
        assert all((g == value).all() for g in part.gates)
    part.finish(training)
    assert (sparsity(training.net) > 0.9) == (best < 0)


def test_the_mask_is_scored_as_it_would_be_used():
    training, part = trained_and_gated("fixed")
    fill(part, -1e-9)
    soft = part._scored(training, part.head)
    part._try_mask(training)
    assert soft["accuracy"] > 0.7
    assert float(part.state.best_score) == pytest.approx(0, abs=1e-6)


@both
@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_a_mask_is_tried_with_the_untrained_head_after_a_resumption_too(method, protocol, monkeypatch):
    training, part = gated(method, {"patience": 0}, protocol=protocol, epochs=16)
    untrained = {name: value.clone() for name, value in part.head.state_dict().items()}
    train_epochs(training, 1)
    assert not torch.equal(part.head.weight, untrained["weight"])
    restored, part = gated(method, {"patience": 0}, protocol=protocol, epochs=16, seed=1)
    restored.load_state_dict(saved_and_loaded(training.state_dict()))
    tried = []

    def scored(loop, head):
        tried.append(head)
        return {"mi": 0.0, "private_accuracy": 0.5, "accuracy": 0.5}

    monkeypatch.setattr(part, "_scored", scored)
    part._try_mask(restored)
    assert tried[0] is not part.head
    assert all(torch.equal(tried[0].state_dict()[name], value) for name, value in untrained.items())


def test_a_private_head_that_is_trained_to_its_end_finds_the_group():
    training, part = trained_and_gated("fixed")
    scores = part._scored(training, part.head)
    assert scores["private_accuracy"] > 0.8
    assert scores["mi"] > 0.3
    with torch.no_grad():
        outputs = list(training.validated())
        per_cell: dict[tuple[int, int], list[float]] = {}
        for out, batch in outputs:
            for y, a, right in zip(batch.y, batch.a, out.logits.argmax(1) == batch.y, strict=True):
                per_cell.setdefault((int(y), int(a)), []).append(float(right))
    assert scores["accuracy"] == pytest.approx(sum(sum(cell) / len(cell) for cell in per_cell.values()) / len(per_cell))


def test_rounding_of_a_net_of_large_embeddings_does_not_change_what_it_is_found_to_know():
    found = []
    for rounding in (0.0, 1e-6):
        training, part = trained_and_gated("fixed")
        with torch.no_grad():
            for seed, weights in enumerate(training.net.parameters()):
                weights.mul_(1 + rounding * torch.randn(weights.shape, generator=torch.Generator().manual_seed(seed)))
            last = training.net.layers[-1]
            for weights in (last.bias, last.parametrizations.weight.original):
                weights.mul_(5)
        found.append(part._scored(training, part.head))
    assert found[0] == pytest.approx(found[1], abs=1e-3)


@pytest.fixture
def _a_private_head_takes_few_epochs(monkeypatch):
    monkeypatch.setattr("fairtune.methods._private_head._EPOCHS", 3)


@both
@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_a_training_restored_after_the_temperature_fell_goes_on_exactly(method, protocol):
    still = {"lr": 1e-8, "patience": 0, "weight_decay": 0.0}
    whole, _ = gated(method, still, protocol=protocol, epochs=16)
    train_epochs(whole, 2)
    restored, part = gated(method, still, protocol=protocol, epochs=16)
    restored.load_state_dict(saved_and_loaded(whole.state_dict()))
    assert float(part.state.temperature) == pytest.approx(0.1)
    assert float(restored.net.layers[0].parametrizations.weight[0].temperature) == pytest.approx(0.1)
    assert train_epochs(restored, 1) == train_epochs(whole, 1)
    for name, value in whole.net.state_dict().items():
        assert torch.equal(restored.net.state_dict()[name], value)


@both
@pytest.mark.usefixtures("_a_private_head_takes_few_epochs")
def test_an_interrupted_trial_prunes_the_baseline_as_if_nothing_had_happened(method, tmp_path, monkeypatch):
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", 0)
    teacher = trained_baseline(tmp_path)
    spec = digits_spec(method, epochs=3, teacher=teacher, values={f"{method}.lr": 0.05})
    expected = run_trial(open_trial(spec, tmp_path, "whole"))
    open_trial(spec, tmp_path, "killed").run_epoch()
    second = open_trial(spec, tmp_path, "killed")
    assert second.training.epoch == 1
    found = run_trial(second)
    assert (expected.state, found.val) == ("complete", expected.val)
    nets = [load_net(spec, second.data.info, open_trial(spec, tmp_path, name).folder, CPU) for name in ("whole", "killed")]
    for ours, other in zip(*(net.state_dict().values() for net in nets), strict=True):
        assert torch.equal(ours, other)
