"""Full disks, really full ones."""

import errno
import sqlite3

import numpy as np
import optuna
import pytest
import torch
from safetensors.torch import save_file

from fairtune.errors import NoRoom
from fairtune.files import is_whole, write_sealed
from fairtune.room import has_room, is_full, needs_room
from fairtune.training.loop import TrainingState
from fairtune.training.trial import Checkpoint, _write_state
from tests.torn import fill, small_disk

MIB = 2**20


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 8) as folder:
        yield folder


def checkpoint(weights: torch.Tensor) -> Checkpoint:
    training: TrainingState = {"epoch": 1, "net": {"weight": weights}, "optimizer": None, "schedule": None, "method": {}}
    return {"id": "one", "training": training, "history": [], "seconds_before": 0.0, "counts": None}


def save_array(path):
    with path.open("wb") as file:
        np.save(file, np.zeros(MIB))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_bytes(bytes(8 * MIB)),
        lambda path: _write_state(checkpoint(torch.zeros(2 * MIB)), path),
        lambda path: save_file({"net": torch.zeros(2 * MIB)}, path),
        save_array,
    ],
    ids=["bytes", "torch", "safetensors", "numpy"],
)
def test_whoever_writes_a_full_disk_is_known_as_one(disk, write):
    path = disk / "state"
    write_sealed(path, lambda scratch: scratch.write_bytes(b"before"))
    fill(disk, but=4 * MIB)
    with pytest.raises(NoRoom, match=r"no room in .*disk: 16 MiB are needed and 4 MiB are free; free some space"):
        write_sealed(path, write)
    assert path.read_bytes() == b"before"
    assert is_whole(path)


def keep_much(study):
    for number in range(1000):
        study.set_user_attr(f"{number}", "x" * 2000)


def test_a_study_on_a_full_disk_is_known_as_one(disk):
    study = optuna.create_study(storage=f"sqlite:///{disk}/study.db")
    fill(disk, but=MIB // 2)
    with pytest.raises(NoRoom), needs_room(disk):
        keep_much(study)


def test_room_is_tried(disk):
    assert has_room(disk, 6 * MIB)
    assert not has_room(disk, 9 * MIB)
    filler = fill(disk, but=MIB)
    assert not has_room(disk / "not" / "there", 2 * MIB)
    filler.unlink()
    assert has_room(disk / "not" / "there", 2 * MIB)
    assert list(disk.iterdir()) == []


def test_other_errors_are_left_as_they_are(tmp_path):
    with pytest.raises(ZeroDivisionError), needs_room(tmp_path):
        _ = 1 / 0
    assert not is_full(OSError(errno.EACCES, "no"))
    assert not is_full(sqlite3.OperationalError("locked"))


def fail_for(number):
    try:
        raise OSError(number, "no")
    except OSError as error:
        raise RuntimeError("cannot write") from error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_the_cause_of_an_error_counts(number, tmp_path):
    with pytest.raises(NoRoom), needs_room(tmp_path):
        fail_for(number)
