import pytest

from tests.search_helpers import Session, crash, run_small, small_search


@pytest.fixture(scope="session")
def mixed(tmp_path_factory):
    """A whole search in a folder named to confuse: two trials complete, one diverged, one crashed, one final seed crashed."""
    runs = tmp_path_factory.mktemp("mixed") / "<b>" / "a[" / "b]"
    runs.mkdir(parents=True)
    file = runs / "points.yaml"
    file.write_text("{search: {weight: {low: 0.1, high: 1e40}}, points: [{weight: 1}, {weight: 1e39}, {weight: 2}, {weight: 4}]}")
    session = Session(*small_search(runs, space=str(file), trials=4, final_seeds=3))
    crash(session.folder.trial(2))
    crash(session.folder.final("baseline", 2))
    return session.run()


@pytest.fixture(scope="session")
def infeasible(tmp_path_factory):
    """A whole search in which no trial reaches the floor."""
    return run_small(tmp_path_factory.mktemp("infeasible"), accuracy_floor="1", trials=2)


@pytest.fixture(scope="session")
def unfinished(tmp_path_factory):
    """A search with one trial ended and one under way."""
    session = Session(*small_search(tmp_path_factory.mktemp("unfinished"))).run(2)
    session.plan.next()
    return session


@pytest.fixture(scope="session")
def by_iou(tmp_path_factory):
    """A whole search for another fairness score than DEO_M."""
    return run_small(tmp_path_factory.mktemp("by_iou"), select="sigma_iou", trials=3)


@pytest.fixture(scope="session", params=["mixed", "infeasible", "unfinished", "by_iou"])
def any_search(request):
    return request.getfixturevalue(request.param)
