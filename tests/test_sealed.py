"""Nothing but the confirmation of a search opens the images of the test part: every opening of a file is overheard."""

import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fairtune.api.data import prepare_data
from fairtune.api.inspection import inspect_data
from fairtune.api.train import train_one
from fairtune.datasets import _store, check_test_part, open_part, open_test_labels
from fairtune.datasets.digits import Digits
from fairtune.records import Purpose
from fairtune.report import write_report
from fairtune.request.options import DataRequest, TrainRequest
from fairtune.testing.trainings import NO_FILES
from tests.search_helpers import Session, small_search

IMAGES, LABELS = "test-x.npy", "test-columns.npz"


class Listener:
    """Names of the files opened to be read, in this process; what was kept open is forgotten when listening begins."""

    def __init__(self):
        self.listening = False
        self.heard = []
        sys.addaudithook(self._hear)

    def _hear(self, event, given):
        if self.listening and event == "open" and isinstance(given[0], str) and "w" not in (given[1] or ""):
            self.heard.append(Path(given[0]).name)

    def to(self, what):
        """What is opened while something is done."""
        _store._open.cache_clear()
        self.heard, self.listening = [], True
        try:
            what()
        finally:
            self.listening = False
        return {IMAGES, LABELS} & set(self.heard)


@pytest.fixture(scope="module")
def listener():
    return Listener()


@pytest.fixture(autouse=True)
def _decoded(tmp_path, monkeypatch):
    """A cache of one's own, decoded before anybody listens: writing the pools is no reading of them."""
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "cache"))
    prepare_data(DataRequest(dataset="digits"), "error", Console(quiet=True))


def test_a_search_opens_the_images_of_the_test_part_for_its_finals_alone(tmp_path, listener):
    options = {"method": "hkd", "teacher_set": ["skew=0.6"], "trials": 1, "epochs": 1}
    made = []
    assert listener.to(lambda: made.append(small_search(tmp_path, **options))) == {LABELS}
    spec, place = made[0]
    session = Session(spec, place)
    heard: dict[str, Any] = {}
    while True:
        opened = listener.to(lambda: session.run(1))
        if len(session.trained) == len(heard):
            break
        heard[session.trained[-1].key] = opened
    kinds = {job.key: job.kind for job in session.trained}
    assert set(kinds.values()) == {"baseline", "teacher", "trial", "final"}
    first_final = next(key for key, kind in kinds.items() if kind == "final")
    assert heard[first_final] == {IMAGES, LABELS}
    assert {key: opened for key, opened in heard.items() if opened and kinds[key] != "final"} == {}
    assert listener.to(lambda: write_report(spec, place, session.study)) == set()


@pytest.mark.parametrize("method", ["scratch", "hkd"])
def test_a_single_training_opens_nothing_of_it_but_its_labels(tmp_path, listener, method):
    request = TrainRequest.read({"dataset": "digits", "method": method, "epochs": 1, "runs": str(tmp_path)})
    assert listener.to(lambda: train_one(request, Console(quiet=True))) == {LABELS}


def test_looking_at_the_data_opens_its_labels_alone(tmp_path, listener):
    request = DataRequest(dataset="digits")
    assert listener.to(lambda: prepare_data(request, "error", Console(quiet=True))) == {LABELS}
    assert listener.to(lambda: inspect_data(request, tmp_path / "drawn", Console(quiet=True))) == {LABELS}
    assert listener.to(lambda: check_test_part(Digits(), NO_FILES)) == {LABELS}


def test_the_labels_come_without_images():
    labels = open_test_labels(Digits(), NO_FILES)
    whole = open_part(Digits(), NO_FILES, "test", purpose=Purpose.FINAL)
    assert labels.pool.size == 0
    assert labels.cells.sum() == len(whole)


@pytest.mark.parametrize("purpose", [purpose for purpose in Purpose if not purpose.opens_test])
def test_whoever_asks_for_the_test_part_for_another_purpose_is_refused(purpose):
    with pytest.raises(ValueError, match=f"opened for a final only, not for a training whose purpose is {purpose.value}"):
        open_part(Digits(), NO_FILES, "test", purpose=purpose)
