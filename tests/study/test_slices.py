"""Trials are read slice by slice, and are those that Optuna reads at once."""

import optuna
import pytest

from fairtune.study import slices
from fairtune.study.slices import SlicedStorage


@pytest.fixture
def database(tmp_path):
    """Two studies of trials that come in turn, the last one of the first running."""
    url = f"sqlite:///{tmp_path}/study.db"
    studies = [optuna.create_study(study_name=name, storage=url, directions=["minimize"] * 2) for name in "ab"]
    for number in range(10):
        for study in studies:
            trial = study.ask({"x": optuna.distributions.FloatDistribution(0, 1)})
            trial.set_user_attr("place", number)
            if number < 9:
                study.tell(trial, [number, -number])
    return url


def of(storage, name="a"):
    return optuna.load_study(study_name=name, storage=storage).get_trials(deepcopy=False)


@pytest.fixture
def asked(monkeypatch):
    """For how many trials Optuna is asked at a time."""
    sizes, read = [], optuna.storages.RDBStorage._get_trials

    def counted(self, study_id, states, included_trial_ids, trial_id_greater_than):
        sizes.append(len(included_trial_ids))
        return read(self, study_id, states, included_trial_ids, trial_id_greater_than)

    monkeypatch.setattr(optuna.storages.RDBStorage, "_get_trials", counted)
    return sizes


@pytest.mark.parametrize("at_a_time", [1, 3, 10, 500])
def test_the_trials_of_a_study_are_those_that_are_read_at_once(database, monkeypatch, at_a_time):
    monkeypatch.setattr(slices, "_AT_A_TIME", at_a_time)
    assert of(SlicedStorage(database)) == of(database)
    assert len(of(SlicedStorage(database))) == 10


def test_no_more_are_read_at_a_time_than_a_slice_has(database, monkeypatch, asked):
    monkeypatch.setattr(slices, "_AT_A_TIME", 4)
    of(SlicedStorage(database))
    assert asked == [4, 4, 2]


def test_what_has_come_since_is_read_as_ever(database, asked):
    study = optuna.load_study(study_name="a", storage=SlicedStorage(database))
    study.get_trials(deepcopy=False)
    other = optuna.load_study(study_name="a", storage=database)
    other.tell(9, [9, -9])
    other.tell(other.ask({"x": optuna.distributions.FloatDistribution(0, 1)}), [0, 0])
    asked.clear()
    assert study.get_trials(deepcopy=False) == of(database)
    assert asked[0] == 1, "the one that ran, and those behind the last that had ended"


def test_a_study_without_trials_has_none(tmp_path):
    storage = SlicedStorage(f"sqlite:///{tmp_path}/study.db")
    assert optuna.create_study(storage=storage).get_trials(deepcopy=False) == []
