from pathlib import Path

from fairtune.study.folders import RunFolder
from fairtune.study.key import JobKey
from fairtune.study.study import SearchStudy
from tests.search_helpers import small_search


def test_every_training_of_a_search_has_a_folder_of_its_own(tmp_path):
    spec, place = small_search(tmp_path)
    folder, baseline = RunFolder.of(place), spec.baseline()
    places = {
        JobKey("baseline"): f"baselines/{baseline.id}",
        JobKey.trial(3): "run/trials/0003",
        JobKey.final("chosen", 2): "run/finals/chosen-2",
    }
    assert {key: folder.job(key, baseline).path for key in places} == {key: tmp_path / Path(path) for key, path in places.items()}


def test_a_teacher_is_shared_by_what_it_is(tmp_path):
    spec, place = small_search(tmp_path, method="hkd", teacher_set=["skew=0.5"])
    folder = RunFolder.of(place)
    assert folder.job(JobKey("teacher"), spec.teacher()) != folder.job(JobKey("baseline"), spec.baseline())
    assert folder.job(JobKey("teacher"), spec.baseline()) == folder.job(JobKey("baseline"), spec.baseline())


def test_a_folder_that_was_moved_is_where_it_is_now(tmp_path):
    spec, place = small_search(tmp_path / "old")
    RunFolder.of(place).save(spec, place)
    SearchStudy(RunFolder.of(place).study, spec)
    (tmp_path / "old").rename(tmp_path / "new")
    again, here = RunFolder(tmp_path / "new" / "run").load()
    assert (again, RunFolder.of(here).path) == (spec, tmp_path / "new" / "run")
