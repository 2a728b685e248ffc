import json
import os
import shutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fairtune.batches.sampling import effective_number_weights
from fairtune.batches.split import DeviceSplit
from fairtune.datasets import open_part
from fairtune.datasets._store import cache_folder
from fairtune.datasets.digits import Digits
from fairtune.errors import DataError, InvalidInput, SearchFault
from fairtune.methods import compose
from fairtune.metrics import SCORES, accuracy, only_class, scores
from fairtune.models.mlp import MLP
from fairtune.records import Purpose
from fairtune.spec import Optimizer, PlugIn, TrialResult
from fairtune.testing.trainings import CPU, digits_spec, without_seconds
from fairtune.thresholds import WAYS, WEIGHTS
from fairtune.training import trial as trial_module
from fairtune.training.assembly import class_weights, load_net
from fairtune.training.data import check_data, open_data
from fairtune.training.device import peak_memory_mb
from fairtune.training.evaluate import evaluate
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import describe, failed, run_trial
from tests.builders import open_trial, trained_baseline

PROBED = {name for name, score in SCORES.items() if score.source == "probe"}

OUTSIDE = "tests.methods.outside:Adversary"


def test_a_finished_trial_leaves_its_result_and_weights_and_nothing_else(tmp_path):
    trial = open_trial(digits_spec(epochs=3), tmp_path)
    result = run_trial(trial)
    folder = trial.folder
    assert (result.state, result.error, result.epochs) == ("complete", None, 3)
    assert {path.name for path in folder.path.glob("[!.]*")} == {folder.weights.name, folder.result.name}
    assert folder.read_result() == result
    assert result.versions.keys() == {"python", "torch", "fairtune"}
    assert result.seconds > 0


def test_scores_are_those_of_the_last_epoch_and_of_the_counts(tmp_path):
    result = run_trial(open_trial(digits_spec(epochs=2), tmp_path))
    assert result.history[-1].val == result.val
    assert scores(result.counts("val"), weighting="cells") == {name: value for name, value in result.val.items() if name != "loss"}
    assert result.only_class == result.brief.only_class == only_class(result.counts("val"))


def test_the_weights_on_disk_are_those_that_were_scored(tmp_path):
    spec = digits_spec(epochs=2)
    trial = open_trial(spec, tmp_path)
    result = run_trial(trial)
    net = load_net(spec, trial.data.info, trial.folder, CPU)
    counts, *_ = evaluate(net, trial.training.validation)
    assert counts.hard.tolist() == result.counts("val").hard.tolist()
    assert load_file(trial.folder.weights).keys() == net.state_dict().keys()


def test_training_starts_from_the_weights_of_a_file_and_needs_it_no_more_once_it_has_ended(tmp_path):
    run_trial(source := open_trial(digits_spec(epochs=3), tmp_path, "source"))
    file = shutil.copy(source.folder.weights, tmp_path / "start.safetensors")
    spec = digits_spec(epochs=1, seed=5, model=PlugIn(name="mlp", options=MLP.complete({"weights": str(file)})))
    trial = open_trial(spec, tmp_path)
    assert all(
        torch.equal(value, source.training.net.state_dict()[name]) for name, value in trial.training.net.state_dict().items()
    )
    run_trial(trial)
    file.unlink()
    assert load_net(spec, trial.data.info, trial.folder, CPU).state_dict().keys() == trial.training.net.state_dict().keys()
    with pytest.raises(InvalidInput, match="cannot read the weights"):
        open_trial(spec, tmp_path, "another")


def test_a_trial_begins_with_the_memory_and_the_precision_of_its_own(tmp_path):
    large = np.ones(2**25)
    del large
    before = peak_memory_mb(CPU)
    cudnn: Any = torch.backends.cudnn  # torch puts another module in its place
    cudnn.conv.fp32_precision = "tf32"
    result = run_trial(open_trial(digits_spec(epochs=1), tmp_path))
    assert cudnn.conv.fp32_precision == "ieee"
    if os.access("/proc/self/clear_refs", os.W_OK):
        assert 10 < result.peak_memory_mb < before - 100


def test_every_epoch_is_reported_as_it_ends(tmp_path):
    reports: list[TrialResult] = []
    run_trial(open_trial(digits_spec(epochs=3), tmp_path), reports.append)
    assert [(report.state, report.epochs) for report in reports] == [("running", 1), ("running", 2), ("running", 3)]
    assert reports[0].val["accuracy"] == reports[0].history[0].val["accuracy"]


@pytest.mark.parametrize("method", ["scratch", "mfd", f"hkd+{OUTSIDE}"])
@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_an_interrupted_trial_goes_on_as_if_nothing_had_happened(method, schedule, tmp_path, monkeypatch):
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", 0)
    teacher = trained_baseline(tmp_path)
    spec = digits_spec(method, epochs=4, optimizer=Optimizer(schedule=schedule), teacher=teacher)
    whole = open_trial(spec, tmp_path, "whole")
    expected = run_trial(whole)
    first = open_trial(spec, tmp_path, "killed")
    first.run_epoch()
    first.run_epoch()
    assert first.folder.checkpoint.is_file()
    second = open_trial(spec, tmp_path, "killed")
    assert (second.training.epoch, without_seconds(second.history)) == (2, without_seconds(first.history))
    found = run_trial(second)
    assert without_seconds(found.history) == without_seconds(expected.history)
    assert found.val == expected.val
    assert found.counts("val").hard.tolist() == expected.counts("val").hard.tolist()
    for name, value in load_file(whole.folder.weights).items():
        assert torch.equal(load_file(second.folder.weights)[name], value)
    assert not second.folder.checkpoint.exists()
    assert found.seconds > sum(epoch.seconds for epoch in found.history)


def test_a_trial_that_an_earlier_version_left_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", 0)
    first = open_trial(digits_spec(epochs=2), tmp_path)
    first.run_epoch()
    state = torch.load(first.folder.checkpoint, weights_only=True)
    state["history"] = [epoch.metrics for epoch in first.history]
    first.folder.drop_checkpoints()
    torch.save(state, first.folder.checkpoint)
    second = open_trial(digits_spec(epochs=2), tmp_path)
    assert [epoch.metrics for epoch in second.history] == state["history"]
    assert run_trial(second).val == run_trial(open_trial(digits_spec(epochs=2), tmp_path, "whole")).val


def test_its_purpose_says_what_a_net_is_asked(tmp_path):
    results = {p: run_trial(open_trial(digits_spec(epochs=1), tmp_path, p.value, purpose=p)) for p in Purpose}
    probed = {purpose: not results[purpose].val.keys().isdisjoint(PROBED) for purpose in Purpose}
    assert probed == {Purpose.SEARCH: False, Purpose.PROBED: True, Purpose.FINAL: True, Purpose.ADJUSTED: True}
    tested = {purpose: results[purpose].test is not None for purpose in Purpose}
    assert tested == {Purpose.SEARCH: False, Purpose.PROBED: False, Purpose.FINAL: True, Purpose.ADJUSTED: True}
    assert [purpose for purpose in Purpose if results[purpose].moved] == [Purpose.ADJUSTED]


def test_moved_decisions_leave_the_nets_own_scores_alone(tmp_path):
    plain, moved = (
        run_trial(open_trial(digits_spec(epochs=1), tmp_path, purpose.value, purpose=purpose))
        for purpose in (Purpose.FINAL, Purpose.ADJUSTED)
    )
    assert (moved.val, moved.test) == (plain.val, plain.test)
    assert {(one.way, one.weight) for one in moved.moved} == {(way, weight) for way in WAYS for weight in WEIGHTS}
    for one in moved.moved:
        assert (one.test_counts.cells == moved.counts("test").cells).all()
        assert one.test["accuracy"] == accuracy(one.test_counts)
        assert one.val.keys() == one.test.keys()


def test_where_an_interrupted_trial_stands_is_known_before_it_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", 0)
    first = open_trial(digits_spec(epochs=4), tmp_path)
    first.run_epoch()
    expected, found = first.result("running"), open_trial(digits_spec(epochs=4), tmp_path).result("running")
    assert (found.val, found.history) == (expected.val, expected.history)
    assert found.counts("val").hard.tolist() == expected.counts("val").hard.tolist()


def test_a_training_has_a_checkpoint_from_its_first_epoch_on(tmp_path):
    trial = open_trial(digits_spec(epochs=3), tmp_path)
    trial.run_epoch()
    assert open_trial(digits_spec(epochs=3), tmp_path).history == trial.history


@pytest.mark.parametrize(
    ("unsaved_s", "epoch_s", "saving_s", "due"),
    [
        (0.1, 0.1, 0.0, True),  # after the first epoch, whatever it took
        (0.4, 0.1, 0.02, False),  # checkpoints would take more than 2 % of the time
        (1.0, 0.1, 0.02, True),
        (13.0, 1.0, 1.0, False),
        (14.5, 1.0, 1.0, True),  # another epoch, and more than 15 s would be at risk
        (100.0, 100.0, 1.0, True),
        (14.0, 2.0, 60.0, True),  # however long it takes to save
    ],
)
def test_at_most_15_s_or_one_epoch_are_at_risk(unsaved_s, epoch_s, saving_s, due):
    assert trial_module._is_due(unsaved_s, epoch_s, saving_s) is due


def test_the_checkpoint_of_another_trial_is_passed_over(tmp_path, monkeypatch):
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", 0)
    open_trial(digits_spec(epochs=4), tmp_path).run_epoch()
    other = open_trial(digits_spec(epochs=4, seed=1), tmp_path)
    assert (other.training.epoch, other.history) == (0, [])


def test_same_spec_same_history(tmp_path):
    spec = digits_spec(epochs=2)
    histories = [without_seconds(run_trial(open_trial(spec, tmp_path, name)).history) for name in ("one", "two")]
    assert histories[0] == histories[1]
    assert without_seconds(run_trial(open_trial(digits_spec(epochs=2, seed=1), tmp_path, "three")).history) != histories[0]


def test_a_diverged_trial_has_failed_with_its_reason(tmp_path):
    spec = digits_spec(epochs=3, optimizer=Optimizer(name="sgd", lr=1e20))
    result = run_trial(open_trial(spec, tmp_path))
    assert result.state == "failed"
    assert "became" in result.error
    assert "Traceback" not in result.error
    json.loads(result.model_dump_json())


def test_an_error_of_the_program_is_kept_with_its_traceback(tmp_path):
    def report(result):
        raise ZeroDivisionError("in the report")

    result = run_trial(open_trial(digits_spec(epochs=2), tmp_path), report)
    assert result.state == "failed"
    assert result.epochs == 1
    assert "Traceback" in result.error
    assert "ZeroDivisionError: in the report" in result.error


def test_a_user_s_error_is_a_sentence():
    assert describe(InvalidInput("lower --batch-size")) == "lower --batch-size"
    assert failed(digits_spec(), "gone").error == "gone"


@pytest.fixture
def no_test_files(tmp_path, monkeypatch):
    """A cache that holds the training part only."""
    open_part(Digits(), tmp_path, "train")
    pools = tmp_path / "cache" / "pools"
    shutil.copytree(cache_folder() / "pools" / Digits.cache_name, pools / Digits.cache_name)
    for path in pools.glob("*/test-*"):
        path.unlink()
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("no_test_files")
def test_a_trial_never_opens_the_test_split(tmp_path):
    trial = open_trial(digits_spec(epochs=1), tmp_path)
    result = run_trial(trial)
    assert result.state == "complete"
    assert trial.data.test is None
    assert (result.test, result.test_counts) == (None, None)
    with pytest.raises(ValueError, match="not scored on the test split"):
        result.counts("test")


@pytest.mark.usefixtures("no_test_files")
def test_asking_for_the_test_split_reads_its_files(tmp_path):
    open_trial(digits_spec(epochs=1), tmp_path)
    assert not list(cache_folder().rglob("test-*.npy"))
    open_trial(digits_spec(epochs=1), tmp_path, purpose=Purpose.FINAL)
    assert list(cache_folder().rglob("test-x.npy"))


def test_the_confirmation_scores_the_test_split_and_trains_the_same_net(tmp_path):
    spec = digits_spec(epochs=2)
    closed, opened = (
        run_trial(open_trial(spec, tmp_path, name, purpose=Purpose.FINAL if name == "open" else Purpose.SEARCH))
        for name in ("closed", "open")
    )
    assert without_seconds(opened.history) == without_seconds(closed.history)
    assert opened.counts("test").cells.sum() == 900
    assert opened.test.keys() == opened.val.keys() == closed.val.keys() | set(PROBED)
    assert opened.test["accuracy"] == scores(opened.counts("test"))["accuracy"]


def test_a_method_that_needs_a_teacher_says_so_if_there_is_none(tmp_path):
    with pytest.raises(InvalidInput, match="the method hkd needs a teacher and the trial names none"):
        open_trial(digits_spec("hkd"), tmp_path)
    with pytest.raises(SearchFault, match=r"has not been trained, or its file is torn: no whole .*weights"):
        open_trial(digits_spec("hkd", teacher=digits_spec()), tmp_path)


def test_a_student_learns_from_the_trained_baseline(tmp_path):
    teacher = trained_baseline(tmp_path)
    trial = open_trial(digits_spec("hkd", teacher=teacher), tmp_path)
    net = load_net(teacher, trial.data.info, baseline_folder(tmp_path, teacher), CPU).eval()
    batch = trial.training.train.batch(torch.arange(10))
    torch.testing.assert_close(trial.training.teacher.outputs(batch, ())["logits"], net(batch.x).logits.detach())


def test_the_teacher_s_outputs_are_kept_apart_for_every_way_to_see_the_data(tmp_path):
    teacher = trained_baseline(tmp_path)
    for changes in ({}, {"train_fraction": 0.5}, {"precision": "bf16"}, {"seed": 1}):
        open_trial(digits_spec("hkd", teacher=teacher, **changes), tmp_path)
    assert len(list(baseline_folder(tmp_path, teacher).path.glob("outputs-*"))) == 3


@pytest.mark.parametrize(
    ("changes", "error", "reason"),
    [
        ({"batch_size": 5000}, InvalidInput, "a batch of 5000 cannot be filled"),
        ({"method": "ss", "batch_size": 19}, InvalidInput, "each of 20 cells"),
        ({"method": "ss", "batch_size": 400}, DataError, r"take 20 samples of each of 20 cells, but class 5, group red has 16"),
        ({"method": "ffw", "batch_size": 400}, DataError, "the method ffw needs an unbiased set, .* but class 5, group red has 16"),
        ({"method": "ffw"}, InvalidInput, "needs a teacher and the trial names none"),
        ({"method": "iou"}, InvalidInput, "needs a teacher and the trial names none"),
        ({"method": "nst", "teacher": digits_spec()}, InvalidInput, "model mlp gives one vector .* gradient is zero"),
        ({"method": "at", "teacher": digits_spec()}, InvalidInput, "model mlp gives one vector .* gradient is zero"),
        ({"dataset": PlugIn(name="digits", options={"skew": 1.0})}, DataError, "no validation samples in 10 of 20 cells"),
        ({"method": "mdf"}, InvalidInput, "did you mean 'mmd' or 'mfd'"),
        ({"model": PlugIn(name="resnet")}, InvalidInput, "unknown model"),
    ],
)
def test_what_cannot_work_is_refused_before_any_training(changes, error, reason, tmp_path):
    with pytest.raises(error, match=reason):
        open_trial(digits_spec(**changes), tmp_path)


def coinciding(spec, tmp_path, pairs):
    """The spec's data with training samples of these (label, group) pairs alone."""
    data = open_data(spec, tmp_path)
    kept = [n for n, pair in enumerate(zip(data.train.y, data.train.a, strict=True)) if pair in pairs]
    return replace(data, train=data.train.take(np.array(kept)))


@pytest.mark.parametrize(
    ("method", "values", "acts"),
    [
        ("eo_l2", {}, False),
        ("mfd_k+eo_mi", {}, False),
        ("gap", {}, False),
        ("gap", {"gap.criterion": "dp"}, True),
        ("fairret", {}, False),
        ("fairret", {"fairret.statistic": "pr"}, True),
        ("lisa", {}, True),
        ("lisa", {"lisa.selection": 1.0}, False),
        ("dp_l2", {}, True),
    ],
)
def test_what_compares_groups_within_classes_is_refused_where_no_class_has_two(method, values, acts, tmp_path):
    spec = digits_spec(batch_size=16)
    several = coinciding(spec, tmp_path, {(0, 0), (1, 1), (2, 0)})
    composite = compose(method, values)
    if acts:
        check_data(several, spec, composite)
    else:
        name = method.rpartition("+")[2]
        with pytest.raises(DataError, match=f"^{name} has nothing to act on: .*groups within classes.* criterion=dp"):
            check_data(several, spec, composite)
    check_data(coinciding(spec, tmp_path, {(0, 0), (0, 1), (1, 1)}), spec, composite)


def test_mixtures_want_a_class_of_two_groups_or_a_group_of_two_classes(tmp_path):
    spec = digits_spec(batch_size=16)
    with pytest.raises(DataError, match="groups within classes or classes within groups"):
        check_data(coinciding(spec, tmp_path, {(0, 0), (1, 1)}), spec, compose("lisa", {}))


def test_a_first_net_is_untrained_whatever_the_net_starts_from(tmp_path):
    teacher = trained_baseline(tmp_path)
    joined = open_trial(digits_spec("jtt+iou", teacher=teacher), tmp_path)
    alone = open_trial(digits_spec("jtt"), tmp_path)
    first, expected = (trial.training.method.parts["jtt"].modules[0].state_dict() for trial in (joined, alone))
    assert all(torch.equal(first[name], value) for name, value in expected.items())
    started = joined.training.net.state_dict()
    assert not all(torch.equal(started[name], value) for name, value in expected.items())


def test_a_dataset_that_balances_its_classes_is_trained_with_weights(tmp_path):
    spec = digits_spec()
    data = open_data(spec, tmp_path)
    train = DeviceSplit(data.train, CPU, torch.float32)
    assert class_weights(data.info, train, balanced=False) is None
    balanced = replace(data.info, class_balance=0.99)
    samples = np.bincount(data.train.y)
    expected = effective_number_weights(samples, 0.99)
    weights = class_weights(balanced, train, balanced=False)
    assert weights is not None
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    assert np.argmax(expected) == np.argmin(samples)
    for method in ("ss", "mfd", "ss+hkd", "ffw"):
        drawn_equally = class_weights(balanced, train, balanced=compose(method, {}).balances(spec.dataset))
        assert drawn_equally is not None
        np.testing.assert_allclose(drawn_equally, np.ones(10), rtol=1e-6)


def test_one_group_alone_cannot_be_compared(tmp_path):
    spec = digits_spec()
    data = open_data(spec, tmp_path)
    alone = replace(data, train=replace(data.train, num_groups=1))
    with pytest.raises(DataError, match=r"digits has 1 group\(s\) and 10 class\(es\): fairness compares at least two groups"):
        check_data(alone, spec, compose("scratch", {}))


def test_data_are_opened_whole(tmp_path):
    data = open_data(digits_spec(), tmp_path)
    assert (data.train.num_groups, data.train.num_classes, data.weighting, data.test) == (2, 10, "cells", None)
    half = open_data(digits_spec(train_fraction=0.5), tmp_path)
    assert len(half.train) == pytest.approx(len(data.train) / 2, abs=20)
    assert len(half.validation) == len(data.validation)
    test = open_data(digits_spec(), tmp_path, purpose=Purpose.FINAL).test
    assert test is not None
    assert len(test) == 900


def test_checking_the_data_needs_no_training(tmp_path):
    spec = digits_spec("ss")
    check_data(open_data(spec, tmp_path), spec, compose("ss", {}))
    with pytest.raises(InvalidInput):
        check_data(open_data(spec, tmp_path), digits_spec("ss", batch_size=3), compose("ss", {}))
