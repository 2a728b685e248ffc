"""What is big of a result lies beside the study: durable before the study names it, and known to be whole when it is read."""

import logging
import pickle

import numpy as np
import pytest

from fairtune.records import GroupCounts
from fairtune.spec import Epoch, TrialResult
from fairtune.study import study as study_module
from fairtune.study.details import Details
from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from tests.study.test_study import open_study
from tests.torn import DAMAGES

SCORES = {"accuracy": 0.8, "deo_m": 0.2, "deo_a": 0.1, "deo_m_shrunken": 0.1}
COUNTS = GroupCounts(np.arange(200).reshape(2, 10, 10), np.arange(200).reshape(2, 10, 10) / 3)


def trained(study, epochs, **fields):
    history = tuple(Epoch(number=1 + k, losses={"loss": 1 / (1 + k)}, val=SCORES) for k in range(epochs))
    spec = study.spec.trial("mfd", {"mfd.weight": 1.0}, needs_baseline=True)
    return TrialResult(spec=spec, state="complete", history=history, val=SCORES, val_counts=COUNTS, **fields)


def told(tmp_path, epochs, **fields):
    study = open_study(tmp_path)
    result = trained(study, epochs, **fields)
    study.tell(study.ask()[0], result)
    return study, result


@pytest.mark.parametrize("state", ["complete", "pruned", "failed"])
def test_every_result_comes_back_whole(tmp_path, state):
    study = open_study(tmp_path)
    results = [trained(study, epochs, error=None).model_copy(update={"state": state}) for epochs in (1, 7, 0)]
    for result in results:
        study.tell(study.ask()[0], result)
    for seen in (study, open_study(tmp_path)):
        assert [seen.result(number) for number in range(3)] == results
        assert [record.result for record in seen.records()] == [result.brief for result in results]


def test_a_running_trial_has_no_result(tmp_path):
    study = open_study(tmp_path)
    assert study.result(study.ask()[0]) is None


def test_neither_a_row_nor_what_is_at_hand_grows_with_the_epochs(tmp_path):
    short, long = told(tmp_path / "short", 1)[0], told(tmp_path / "long", 200)[0]
    rows = [len(str(study._study.trials[0].user_attrs)) for study in (short, long)]
    assert rows[1] - rows[0] < 10
    at_hand = [len(pickle.dumps(study.record(0))) for study in (short, long)]
    assert at_hand[1] - at_hand[0] < 10


@pytest.mark.parametrize("damage", [*DAMAGES, pytest.param(lambda path: path.unlink(), id="gone")])
def test_damaged_details_cost_no_trial(tmp_path, damage, caplog):
    _, result = told(tmp_path, 5)
    damage(tmp_path / "study.details")
    study = open_study(tmp_path)
    with caplog.at_level(logging.WARNING):
        assert study.result(0) == result.model_copy(update={"history": (), "val_counts": None})
    assert "the epochs of trial-0 are damaged in" in caplog.text
    assert study.record(0).result == result.brief
    later = trained(study, 3)
    study.tell(study.ask()[0], later)
    assert open_study(tmp_path).result(1) == later


def test_damaged_details_are_taken_from_the_trial_s_folder(tmp_path):
    study, result = told(tmp_path, 5)
    RunFolder(tmp_path).trial(0).keep_trained(lambda path: path.write_bytes(b"weights"), result)
    (tmp_path / "study.details").unlink()
    assert study.result(0) == result


def test_the_nets_of_a_trial_come_in_the_order_of_its_seeds(tmp_path):
    study, result = told(tmp_path, 1)
    for again in range(1, 12):
        key = JobKey.repeat(0, again)
        study.begin_repeat(key)
        study.keep_repeat(key, result.model_copy(update={"spec": study.spec.repeat(result.spec, again)}))
    ids = [one.id for one in study.record(0).scored]
    for seen in (study, open_study(tmp_path)):
        assert [one.spec.id for one in seen.nets_of(0)] == ids


def test_a_result_is_on_the_disk_before_the_study_has_it(tmp_path, monkeypatch):
    study, _ = told(tmp_path, 5)
    number = study.ask()[0]
    monkeypatch.setattr(study_module, "keep_result", lambda *arguments, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        study.tell(number, trained(study, 4))
    monkeypatch.undo()
    again = open_study(tmp_path)
    assert [record.state for record in again.records()] == ["complete", "running"]
    result = trained(again, 3)
    again.tell(number, result)
    assert open_study(tmp_path).result(number) == result
    assert open_study(tmp_path).result(0).epochs == 5


def test_a_part_that_was_cut_short_is_written_anew(tmp_path):
    details = Details(tmp_path / "details")
    study = open_study(tmp_path)
    result = trained(study, 3)
    details.path.write_bytes(b"what a killed process had written")
    part = details.keep(result)
    small = result.model_copy(update={"history": (), "val_counts": None})
    assert details.add_to(small, part) == result


def test_a_copy_of_the_study_reads_the_same_details(tmp_path):
    study, result = told(tmp_path, 3)
    study._copies.make()
    assert SearchStudy(tmp_path / "study.backup.db", study.spec).result(0) == result
