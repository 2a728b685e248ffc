from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from fairtune.batches import sampling
from fairtune.batches.augment import Augment
from fairtune.batches.sampling import cell_positions
from fairtune.batches.split import DeviceSplit
from fairtune.batches.transforms import ColourJitter, Crop, Flip, ResizedCrop, Rotation
from fairtune.errors import Diverged
from fairtune.metrics import scores
from fairtune.records import Batch
from fairtune.spec import Optimizer, PlugIn
from fairtune.testing.trainings import CPU, digits_spec, digits_splits, digits_training, parameters, saved_and_loaded, train_epochs
from fairtune.training.evaluate import evaluate
from fairtune.training.loop import Training
from fairtune.training.objective import right_of


def test_an_epoch_has_a_mean_for_each_term_and_their_sum():
    epoch = digits_training("ss+hkd").run_epoch()
    assert (epoch.number, [*epoch.reported]) == (1, ["accuracy"])
    assert epoch.losses.keys() == {"loss", "ce", "hkd"}
    assert epoch.losses["loss"] == pytest.approx(epoch.losses["ce"] + epoch.losses["hkd"])


def test_what_a_method_reports_is_no_loss():
    epoch = digits_training("mi", {"mi.updates": "penalty"}).run_epoch()
    assert epoch.reported
    assert not epoch.reported.keys() & epoch.losses.keys()
    assert epoch.losses["loss"] == pytest.approx(sum(value for name, value in epoch.losses.items() if name != "loss"))


@pytest.mark.parametrize("micro_batch", [None, 24])
def test_an_epoch_says_how_much_of_its_batches_the_net_got_right_before_each_step(micro_batch):
    training, right = digits_training("hkd", micro_batch=micro_batch), []
    for index in torch.from_numpy(training.batch_order()):
        batch = training.train.batch(index)
        right.append(float((training.net(batch.x).logits.argmax(1) == batch.y).double().mean()))
        training.step(index)
    assert len(set(right)) > 1
    again = digits_training("hkd", micro_batch=micro_batch).run_epoch()
    assert again.reported["accuracy"] == pytest.approx(np.mean(right))


def test_of_mixed_samples_each_counts_as_far_as_it_is_of_the_class():
    batch = Batch(torch.zeros(3, 2), torch.tensor([0, 1, 0]), torch.zeros(3, dtype=torch.int64), torch.arange(3))
    assert float(right_of(torch.eye(3), batch)) == pytest.approx(2 / 3)
    mixed = replace(batch, share=torch.tensor([0.9, 0.6, 0.7]), y2=torch.tensor([1, 1, 2]))
    assert float(right_of(torch.eye(3), mixed)) == pytest.approx((0.9 + 1.0 + 0.3) / 3)


def test_the_scores_of_an_epoch_are_those_of_the_net_on_the_validation_split():
    made = digits_training()
    training = Training(made.spec, made.net, made.method, made.train, made.validation, weighting="cells")
    val = training.run_epoch().val
    assert val == evaluate(training.net, training.validation).scores("cells")
    assert training.counts is not None
    assert val["accuracy"] == scores(training.counts, weighting="cells")["accuracy"]


def test_training_lowers_the_loss():
    records = train_epochs(digits_training(), 8)
    assert records[-1]["train.loss"] < 0.5 * records[0]["train.loss"]
    assert [record["epoch"] for record in records] == list(range(1, 9))


def test_every_epoch_has_its_own_order():
    training = digits_training()
    first = training.batch_order()
    np.testing.assert_array_equal(first, training.batch_order())
    train_epochs(training, 1)
    assert (training.batch_order() != first).any()


@pytest.mark.parametrize("protocol", ["fixed", "official"])
def test_balanced_training_takes_its_batches_from_the_protocol_s_sampler(protocol):
    training = digits_training("ss", protocol=protocol)
    cells = cell_positions(training.train)
    largest = max(map(len, cells))
    order = training.batch_order()
    counts = np.array([[np.isin(batch, cell).sum() for cell in cells] for batch in order])
    if protocol == "official":
        assert len(order) == largest // 3 * 60 // 64
        assert counts.max() > 4
    else:
        assert len(order) == len(training.train) // 64
        assert (counts.min(), counts.max()) == (3, 4)


def test_a_balanced_epoch_is_as_long_as_a_plain_one():
    assert digits_training("ss").batch_order().shape == digits_training("scratch").batch_order().shape


class Recorder(DeviceSplit):
    """Remembers what was drawn for each batch."""

    drawn: list[Any]

    def batch(self, index, drawn=None):
        self.drawn.append(drawn)
        return super().batch(index, drawn)


def drawn_with(*transforms, epochs=1):
    example, splits = digits_training("scratch", model=PlugIn(name="cnn")), digits_splits()
    split = Recorder(splits["train"], CPU, torch.float32, Augment(transforms))
    split.drawn = []
    training = Training(example.spec, example.net, example.method, split, example.validation)
    train_epochs(training, epochs)
    return split.drawn


def test_half_of_the_images_are_mirrored_anew_in_each_epoch():
    flips = torch.stack([flip for (flip,) in drawn_with(Flip(), epochs=2)])
    assert float(flips.double().mean()) == pytest.approx(0.5, abs=0.05)
    first, second = flips.chunk(2)
    assert not torch.equal(first, second)


def test_nothing_is_drawn_where_the_dataset_does_not_ask_for_it():
    assert all(drawn == () for drawn in drawn_with())


def test_every_transform_draws_for_every_sample():
    for drawn in drawn_with(Crop(1), Flip(), ColourJitter(0.1), Rotation(20), ResizedCrop()):
        assert [values.shape for values in drawn] == [(64, 2), (64,), (64, 8), (64,), (64, 4)]


def transformed():
    made = digits_training("mfd", model=PlugIn(name="mlp"))
    made.train.augment = Augment((Crop(1), Flip(), ColourJitter(0.3, 0.3, 0.3, 0.1), Rotation(20), ResizedCrop()))
    return made


def test_training_on_transformed_images_goes_on_exactly_from_a_saved_epoch():
    whole, first, second = transformed(), transformed(), transformed()
    records = train_epochs(whole, 3)
    train_epochs(first, 1)
    second.load_state_dict(saved_and_loaded(first.state_dict()))
    assert train_epochs(second, 2) == records[1:]
    assert records != train_epochs(digits_training("mfd", model=PlugIn(name="mlp")), 3)


def rates(schedule, epochs=4):
    training = digits_training(optimizer=Optimizer(schedule=schedule), epochs=epochs)
    found = []
    for _ in range(epochs):
        found.append(training.optimizer.param_groups[0]["lr"])
        train_epochs(training, 1)
    return found


@pytest.mark.parametrize("protocol", ["fixed", "official"])
@pytest.mark.parametrize("method", ["ffw", "ffw_structured"])
def test_an_unbiased_set_needs_no_balancing_for_labels_that_say_nothing_of_groups(method, protocol):
    without_bias = PlugIn(name="digits", options={"train": "unbiased"})
    unbiased = digits_training(method, protocol=protocol, dataset=without_bias, epochs=100)
    biased, plain = (digits_training(name, protocol=protocol, epochs=100) for name in (method, "scratch"))
    assert np.array_equal(unbiased.batch_order(), plain.batch_order())
    cells = biased.train.cell[biased.batch_order()]
    counts = np.stack([np.bincount(batch, minlength=20) for batch in cells])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_only_methods_of_the_paper_take_its_batches_under_official(monkeypatch):
    blocks = np.zeros((1, 64), dtype=np.int64)
    monkeypatch.setattr(sampling, "official_balanced", lambda *_: blocks)
    methods = ("ss", "mfd", "mfd_f", "ss+hkd", "ffw", "crt")
    orders = {method: digits_training(method, protocol="official", epochs=100).batch_order() for method in methods}
    assert [method for method, order in orders.items() if order is blocks] == ["ss", "mfd", "mfd_f", "ss+hkd"]


def test_the_cosine_falls_to_zero_and_the_constant_stays():
    assert rates("constant") == [1e-3] * 4
    assert rates("cosine") == pytest.approx([1e-3 * (1 + np.cos(np.pi * k / 4)) / 2 for k in range(4)])


def test_milestones_are_reached_at_their_shares_of_the_epochs_after_a_stage_of_its_own_too():
    assert rates("multistep") == pytest.approx([1e-3, 1e-3, 1e-4, 1e-5])
    assert rates("multistep", 1) == [1e-3], "a training of one epoch begins at its rate"
    training = digits_training("fitnet", optimizer=Optimizer(schedule="multistep", milestones=(0.5,)), epochs=6)
    found = [training.optimizer.param_groups[0]["lr"] for _ in range(6) if train_epochs(training, 1)]
    assert found == pytest.approx([1e-3, 1e-3, 1e-3, 1e-4, 1e-4, 1e-4])


def test_the_plateau_divides_by_ten_after_eleven_epochs_without_a_lower_validation_loss():
    training = digits_training(optimizer=Optimizer(name="sgd", lr=1e-30, schedule="plateau"), epochs=20)
    found = []
    for _ in range(13):
        train_epochs(training, 1)
        found.append(training.optimizer.param_groups[0]["lr"])
    assert found == pytest.approx([1e-30] * 11 + [1e-31] * 2)


@pytest.mark.parametrize("name", ["adam", "sgd"])
def test_weight_decay_reaches_the_optimiser(name):
    sizes = []
    for weight_decay in (0.0, 1.0):
        training = digits_training(optimizer=Optimizer(name=name, lr=1e-2, weight_decay=weight_decay, schedule="constant"))
        train_epochs(training, 2)
        sizes.append(float(training.net.head.weight.detach().norm()))
    assert sizes[1] < sizes[0]


def test_sgd_has_momentum():
    training = digits_training(optimizer=Optimizer(name="sgd", schedule="constant"))
    assert training.optimizer.param_groups[0]["momentum"] == 0.9


def test_a_loss_that_is_not_finite_ends_the_training():
    training = digits_training(optimizer=Optimizer(name="sgd", lr=1e20, schedule="constant"))
    with pytest.raises(Diverged, match=r"(train|val)\.\w+ became (nan|inf) in epoch \d"):
        train_epochs(training, 4)


def test_the_global_generators_are_left_alone():
    training = digits_training(model=digits_spec().model.model_copy(update={"name": "cnn"}))
    before_torch, before_numpy = torch.get_rng_state(), np.random.get_state()[1].copy()
    train_epochs(training, 1)
    assert torch.equal(torch.get_rng_state(), before_torch)
    np.testing.assert_array_equal(np.random.get_state()[1], before_numpy)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_the_schedule_is_restored(schedule):
    optimizer = Optimizer(schedule=schedule)
    whole = digits_training(optimizer=optimizer)
    train_epochs(whole, 2)
    restored = digits_training(optimizer=optimizer)
    restored.load_state_dict(saved_and_loaded(whole.state_dict()))
    assert train_epochs(restored, 2) == train_epochs(whole, 2)
    assert restored.optimizer.param_groups[0]["lr"] == whole.optimizer.param_groups[0]["lr"]


def test_dropout_noise_is_restored():
    model = digits_spec().model.model_copy(update={"name": "cnn"})
    whole = digits_training(model=model)
    train_epochs(whole, 1)
    restored = digits_training(model=model)
    restored.load_state_dict(saved_and_loaded(whole.state_dict()))
    assert train_epochs(restored, 1) == train_epochs(whole, 1)
    for name, value in parameters(whole).items():
        assert torch.equal(value, parameters(restored)[name])


class SameOrder(Training):
    """Trains on the same batch in every epoch."""

    def batch_order(self):
        return np.arange(64)[None]


def test_every_epoch_has_its_own_noise():
    still = Optimizer(name="sgd", lr=1e-30, schedule="constant")
    made = digits_training(model=digits_spec().model.model_copy(update={"name": "cnn"}), optimizer=still)
    training = SameOrder(made.spec, made.net, made.method, made.train, made.validation)
    first, second = train_epochs(training, 2)
    assert first["train.ce"] != second["train.ce"]
    assert first["val.loss"] == second["val.loss"]


def test_what_is_scored_is_computed_in_the_weights_precision():
    training = digits_training(precision="bf16", epochs=2)
    seen = []
    training.net.head.register_forward_hook(lambda module, inputs, output: seen.append((module.training, output.dtype)))
    training.run_epoch()
    assert {dtype for training_, dtype in seen if not training_} == {torch.bfloat16}
    seen.clear()
    last = training.run_epoch()
    assert {dtype for training_, dtype in seen if training_} == {torch.bfloat16}
    assert {dtype for training_, dtype in seen if not training_} == {torch.float32}
    assert last.val == evaluate(training.net, training.validation).scores("samples")


def test_bf16_keeps_full_precision_weights_and_losses():
    training = digits_training("mfd", precision="bf16")
    (record,) = train_epochs(training, 1)
    assert {value.dtype for value in parameters(training).values()} == {torch.float32}
    assert np.isfinite(record["train.mfd"])
