"""Files of a training that are damaged: what can be trusted is used, the rest is made again."""

import pytest
import torch

from fairtune.files import is_whole
from fairtune.testing.trainings import digits_spec, without_seconds
from fairtune.training import trial as trial_module
from fairtune.training.folder import baseline_folder
from fairtune.training.trial import run_trial
from tests.builders import open_trial, trained_baseline
from tests.torn import DAMAGES, SHORTENED, flip

SPEC = digits_spec(epochs=4)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return run_trial(open_trial(SPEC, tmp_path_factory.mktemp("whole")))


@pytest.fixture
def cut_short(tmp_path, monkeypatch):
    """A trial killed after its third epoch, with checkpoints of the second and the third."""
    monkeypatch.setattr(trial_module, "CHECKPOINT_EVERY_S", -1)
    trial = open_trial(SPEC, tmp_path)
    for _ in range(3):
        trial.run_epoch()
    return trial.folder


def forget(path):
    """Leave a file as an earlier version would, without a note."""
    path.with_name(f".{path.name}.seal").unlink()


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_torn_checkpoint_falls_back_to_the_one_before(cut_short, undisturbed, tmp_path, damage):
    damage(cut_short.checkpoint)
    again = open_trial(SPEC, tmp_path)
    assert len(again.history) == 2
    assert without_seconds(run_trial(again).history) == without_seconds(undisturbed.history)


@pytest.mark.parametrize("damage", SHORTENED)
def test_a_torn_checkpoint_of_an_earlier_version_is_known_too(cut_short, undisturbed, tmp_path, damage):
    forget(cut_short.checkpoint)
    damage(cut_short.checkpoint)
    again = open_trial(SPEC, tmp_path)
    assert len(again.history) == 2
    assert without_seconds(run_trial(again).history) == without_seconds(undisturbed.history)


def test_a_trial_whose_checkpoints_are_all_torn_starts_anew(cut_short, undisturbed, tmp_path):
    for checkpoint in cut_short.checkpoints:
        flip(checkpoint)
    again = open_trial(SPEC, tmp_path)
    assert again.history == []
    assert without_seconds(run_trial(again).history) == without_seconds(undisturbed.history)


def test_a_trial_that_ends_leaves_no_checkpoint(cut_short, tmp_path):
    assert all(map(is_whole, cut_short.checkpoints))
    assert run_trial(open_trial(SPEC, tmp_path)).state == "complete"
    assert not list(cut_short.path.glob("*checkpoint*"))
    assert not list(cut_short.path.glob(".*checkpoint*"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_torn_result_is_none(tmp_path, damage):
    folder = open_trial(SPEC, tmp_path).folder
    result = run_trial(open_trial(SPEC, tmp_path))
    assert folder.read_ended(SPEC) == result
    assert folder.read_ended(SPEC.model_copy(update={"seed": 1})) is None
    damage(folder.result)
    assert folder.read_result() is None


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_teacher_with_torn_weights_is_none(tmp_path, damage):
    folder = baseline_folder(tmp_path, trained_baseline(tmp_path))
    assert folder.read_trained() is not None
    damage(folder.weights)
    assert folder.read_trained() is None


@pytest.mark.parametrize("damage", SHORTENED)
def test_torn_weights_of_an_earlier_version_are_known_too(tmp_path, damage):
    folder = baseline_folder(tmp_path, trained_baseline(tmp_path))
    forget(folder.weights)
    damage(folder.weights)
    assert folder.read_trained() is None


@pytest.mark.parametrize("with_note", [True, False])
@pytest.mark.parametrize("damage", DAMAGES)
def test_torn_outputs_of_a_teacher_are_computed_anew(tmp_path, damage, with_note):
    spec = digits_spec("hkd", teacher=trained_baseline(tmp_path))
    whole = open_trial(spec, tmp_path).training.teacher.kept["logits"].clone()
    (file,) = tmp_path.rglob("logits.npy")
    if not with_note:
        if damage in (DAMAGES[4].values[0], DAMAGES[5].values[0]):
            pytest.skip("of a file without a note only the length is known")
        forget(file)
    damage(file)
    assert torch.equal(open_trial(spec, tmp_path).training.teacher.kept["logits"], whole)
    assert is_whole(file)
