import os
import shutil
from pathlib import Path

import pytest
import torch

import fairtune.search  # noqa: F401  (before a test imports ray)

SHARED = Path(os.environ.get("FAIRTUNE_SHARED") or Path(__file__).parents[2] / "shared")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session", autouse=True)
def _one_cache_and_one_thread(cache):
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRTUNE_CACHE", str(cache))
        yield


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data files in their original formats."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} does not exist; set FAIRTUNE_SHARED")
    return folder
