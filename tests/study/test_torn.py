"""A study that is damaged is never opened as another one; its copy is named."""

import re
import shlex
import shutil
import sqlite3
import subprocess

import optuna
import pytest

from fairtune.errors import InvalidInput
from fairtune.study.database import Copies
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from fairtune.study.whole import check_study, copy_of
from tests.search_helpers import Session, small_search
from tests.torn import DAMAGES, cut

LOSSES = [*DAMAGES[:4], DAMAGES[5], pytest.param(lambda path: path.unlink(), id="gone")]


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A search stopped after two trials, the first of which is in the copy of its study."""
    return Session(*small_search(tmp_path_factory.mktemp("begun"))).run(3)


@pytest.fixture
def folder(begun, tmp_path):
    shutil.copytree(begun.folder.path.parent, tmp_path / "runs")
    return RunFolder(tmp_path / "runs" / "run")


@pytest.mark.parametrize("damage", LOSSES)
def test_a_torn_study_is_a_sentence_that_names_its_copy(folder, damage):
    damage(folder.study)
    with pytest.raises(
        InvalidInput, match=r"the study .*study.db (is empty|is damaged|is not there).*: put back its copy of 20"
    ) as told:
        folder.load()
    assert str(copy_of(folder.study)) in str(told.value)
    assert folder.study.exists() == (damage is not LOSSES[-1].values[0])


@pytest.mark.parametrize("damage", LOSSES)
def test_a_torn_study_is_not_begun_anew(folder, begun, damage):
    damage(folder.study)
    with pytest.raises(InvalidInput, match="put back its copy"):
        SearchStudy(folder.study, begun.spec)
    with pytest.raises(InvalidInput, match="put back its copy"):
        small_search(folder.path.parent)


def test_what_the_sentence_says_works(folder, begun):
    cut(0.5)(folder.study)
    with pytest.raises(InvalidInput) as told:
        folder.load()
    subprocess.run(shlex.split(re.search(r"resume: (mv .*)", str(told.value))[1]), check=True)
    again = Session(*folder.load()).run()
    assert again.plan.complete
    assert [record.state for record in again.trials] == ["complete"] * 3
    assert again.study.result(0) == begun.study.result(0)
    assert again.study.baseline == begun.study.baseline


def test_without_a_copy_the_sentence_says_so(folder):
    copy_of(folder.study).unlink()
    cut(0)(folder.study)
    with pytest.raises(InvalidInput, match=r"is empty: there is no copy of it; begin the search anew under another --name"):
        folder.load()


def test_a_study_is_copied_at_its_turning_points(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(Copies, "make", lambda self: made.append(self))
    session = Session(*small_search(tmp_path))
    assert made == []
    session.run(1)
    assert len(made) == 1
    session.run()
    assert len(made) >= 4


def test_a_copy_is_made_once_a_minute_and_opens_like_the_study(folder, begun):
    now = 0.0
    copies = Copies(folder.study, lambda: now)
    copy_of(folder.study).unlink()
    copies.make_if_old()
    check_study(copy_of(folder.study))
    assert len(SearchStudy(copy_of(folder.study), begun.spec).records()) == 2
    copy_of(folder.study).unlink()
    now = 59.0
    copies.make_if_old()
    assert not copy_of(folder.study).exists()
    now = 61.0
    copies.make_if_old()
    check_study(copy_of(folder.study))


def test_a_torn_study_does_not_take_the_place_of_its_copy(folder):
    good = copy_of(folder.study).read_bytes()
    cut(0.5)(folder.study)
    with pytest.raises((InvalidInput, sqlite3.DatabaseError)):
        Copies(folder.study).make()
    assert copy_of(folder.study).read_bytes() == good


def test_a_process_killed_while_it_makes_a_study_leaves_none(tmp_path, monkeypatch):
    spec, _ = small_search(tmp_path / "runs")
    monkeypatch.setattr(optuna, "create_study", lambda **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        SearchStudy(tmp_path / "study.db", spec)
    assert not (tmp_path / "study.db").exists()
