"""How far an epoch is, for people: told now and then, and never by asking the device."""

import pytest
import torch

from fairtune.testing.trainings import digits_spec, digits_training
from fairtune.training.steps import NowAndThen, Step, leave_step, read_step
from tests.builders import open_trial


def test_every_step_of_every_epoch_is_told_in_order():
    training, told = digits_training(epochs=2), []
    training.on_step = lambda *step: told.append(step)
    training.run_epoch()
    training.run_epoch()
    steps = training.steps
    assert told == [(epoch, number, steps) for epoch in (1, 2) for number in range(1, steps + 1)]


def test_telling_changes_nothing():
    silent, told = digits_training(), digits_training()
    told.on_step = lambda *step: None
    assert silent.run_epoch().losses == told.run_epoch().losses
    assert all(torch.equal(one, other) for one, other in zip(silent.net.parameters(), told.net.parameters(), strict=True))


def test_only_now_and_then():
    now, told = [0.0], list[Step]()
    tell = NowAndThen(told.append, 1.0, clock=lambda: now[0])
    for number, seconds in enumerate((0.5, 0.9, 1.0, 1.5, 2.1, 2.2), start=1):
        now[0] = seconds
        tell(3, number, 9)
    assert told == [Step(3, 3, 9), Step(3, 5, 9)]


def test_a_step_is_read_as_it_was_left(tmp_path):
    file = tmp_path / "folder" / ".step"
    assert read_step(file) is None
    leave_step(file, Step(3, 120, 390))
    assert read_step(file) == Step(3, 120, 390)
    assert read_step(file).share == 120 / 390


@pytest.mark.parametrize("text", ["", "3", "3 120", "3 120 390 1", "a b c", "1 0 5", "1 6 5"])
def test_a_file_that_is_just_being_written_tells_nothing(tmp_path, text):
    file = tmp_path / ".step"
    file.write_text(text)
    assert read_step(file) is None


def test_where_nothing_can_be_written_training_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    leave_step(tmp_path / "file" / ".step", Step(1, 1, 1))


def test_a_trial_leaves_its_step_and_takes_it_away_when_it_ends(tmp_path):
    trial = open_trial(digits_spec(epochs=1), tmp_path)
    trial.training.on_step._every_s = 0.0
    trial.run_epoch()
    assert read_step(trial.folder.step) == Step(1, trial.training.steps, trial.training.steps)
    trial.finish()
    assert not trial.folder.step.exists()
