import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from fairtune.datasets.digits import Digits
from fairtune.report.samples import look_at
from fairtune.training.data import open_data
from tests.search_helpers import small_search


@pytest.fixture
def search(tmp_path):
    spec, place = small_search(tmp_path)
    open_data(spec.baseline(), tmp_path)
    return spec, place


def test_pictures_of_each_cell_and_how_many_there_are(search):
    spec, place = search
    found = look_at(spec, place)
    data = open_data(spec.baseline(), Path(place.data))
    assert (found.cells["train"] == data.train.cells).all()
    assert (found.cells["validation"] == data.validation.cells).all()
    assert "test" not in found.cells
    assert set(found.pictures) == {(y, a) for y in range(10) for a in range(2)}
    picture = Image.open(io.BytesIO(base64.b64decode(found.pictures[3, 1])))
    assert picture.width > 3 * picture.height


def test_none_where_the_licence_does_not_allow_it(search, monkeypatch):
    monkeypatch.setattr(Digits, "may_be_shown", False)
    found = look_at(*search)
    assert found.pictures == {}
    assert not found.shows
    assert found.cells["train"].sum() > 0


def test_a_page_decodes_nothing(search, monkeypatch, tmp_path):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path / "empty"))
    assert look_at(*search) is None
    assert not (tmp_path / "empty").exists()
