"""``fairtune report`` on a search that was killed before it had anything to report: a sentence, never a traceback."""

import optuna
import pytest
from typer.testing import CliRunner

from fairtune.cli.main import app
from fairtune.study.folders import RunFolder
from fairtune.study.study import SearchStudy
from tests.search_helpers import small_search

pytestmark = pytest.mark.usefixtures("trained_once")


def empty_study(folder, spec):
    folder.study.touch()


def new_study(folder, spec):
    SearchStudy(folder.study, spec)


def floor_but_no_baseline(folder, spec):
    SearchStudy(folder.study, spec)
    optuna.load_study(study_name="search", storage=f"sqlite:///{folder.study}").set_user_attr("floor", 0.5)


def unreadable_baseline(folder, spec):
    floor_but_no_baseline(folder, spec)
    optuna.load_study(study_name="search", storage=f"sqlite:///{folder.study}").set_user_attr("baseline", "{}")


def half_a_study(folder, spec):
    SearchStudy(folder.study, spec)
    folder.study.write_bytes(folder.study.read_bytes()[:5000])


def other_bytes(folder, spec):
    folder.study.write_bytes(b"no database" * 100)


def no_spec(folder, spec):
    SearchStudy(folder.study, spec)
    folder.spec.unlink()


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (lambda folder, spec: None, "holds no search (no study.db): give the folder of a run"),
        (empty_study, "study.db is empty: there is no copy of it; begin the search anew under another --name"),
        (new_study, "the search run has no baseline yet: go on with fairtune resume"),
        (floor_but_no_baseline, "the search run has no baseline yet: go on with fairtune resume"),
        (unreadable_baseline, "the study keeps baseline.spec in a form that this version of fairtune cannot read"),
        (half_a_study, "study.db is damaged (database disk image is malformed): there is no copy of it"),
        (other_bytes, "study.db is damaged (file is not a database): there is no copy of it"),
        (no_spec, "holds no search that can be read: "),
    ],
)
def test_it_says_what_is_missing(tmp_path, stage, said):
    spec, place = small_search(tmp_path)
    folder = RunFolder.of(place)
    folder.save(spec, place)
    stage(folder, spec)
    done = CliRunner().invoke(app, ["report", str(folder.path)])
    assert (done.exit_code, type(done.exception)) == (2, SystemExit)
    assert said in done.output
    assert not folder.summary.exists()
