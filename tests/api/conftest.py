import pytest

from tests.search_helpers import Session, run_small, trained_once


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A whole small search."""
    with trained_once():
        return run_small(tmp_path_factory.mktemp("searched"), name="searched")
