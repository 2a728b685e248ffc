"""A study's file that goes, or breaks, while the search runs, as with the disk of a head."""

import os
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from fairtune.errors import InvalidInput
from fairtune.study.whole import needs_study
from tests.search_helpers import Session, small_search


@pytest.mark.usefixtures("trained_once")
@pytest.mark.parametrize(
    ("lose", "said"),
    [
        (os.remove, "is not there: put back its copy of .*, then resume: mv .*study.backup.db .*study.db$"),
        (lambda study: os.truncate(study, 0), "is empty: put back its copy of .*"),
        (lambda study: os.truncate(study, 4096), r"is damaged \(.*: put back its copy of .*"),
        (lambda study: shutil.rmtree(study.parent), "is not there: there is no copy of it; begin the search anew .*"),
        (lambda study: Path(f"{study}-journal").mkdir(), r"is damaged \(disk I/O error\): put back its copy of .*"),
    ],
    ids=["file", "content", "end", "folder", "disk"],
)
def test_ends_the_search_with_what_to_do(tmp_path, lose, said):
    session = Session(*small_search(tmp_path)).run(2)
    study = session.folder.study
    lose(study)
    with pytest.raises(InvalidInput, match=f"^the study {re.escape(str(study))} {said}"), needs_study(study):
        session.run()


@pytest.mark.parametrize("error", [ValueError("no database"), FileNotFoundError("another file"), sqlite3.IntegrityError("ours")])
def test_other_errors_stay_what_they_are(tmp_path, error):
    session = Session(*small_search(tmp_path))
    with pytest.raises(type(error)) as raised, needs_study(session.folder.study):
        raise error
    assert raised.value is error
