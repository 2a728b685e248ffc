"""Every dataset that there is keeps the contract."""

import numpy as np
import pytest

from fairtune.datasets import Dataset
from fairtune.errors import DataError
from fairtune.plugins import names
from fairtune.testing import DatasetContract
from fairtune.testing.datasets import Opened
from tests.datasets.outside import Stripes, draw
from tests.suites import own_suite

with_skew = pytest.mark.parametrize("name", [name for name in names("dataset") if "skew" in Dataset.load(name).declared()])


class TestADatasetOfSomebodyElse(DatasetContract):
    plug_in = Stripes

    def make_files(self, folder):
        draw(folder)


class TestEveryDataset(DatasetContract):
    @pytest.fixture(params=[name for name in names("dataset") if own_suite("datasets", name, DatasetContract) is None])
    def opened(self, request, pools):
        return opened_of(pools, request.param)


def opened_of(pools, name):
    return Opened(Dataset.load(name), pools.info(name), pools(name))


@with_skew
@pytest.mark.parametrize("skew", [0.0, 1.0])
def test_a_skew_that_empties_cells_is_refused(pools, name, skew):
    with pytest.raises(DataError, match="no validation samples in 10 of 20 cells"):
        opened_of(pools, name).splits(skew=skew)


@with_skew
def test_skew_is_the_share_of_each_class_in_its_majority_version(pools, name):
    _, splits = opened_of(pools, name).splits(skew=0.7)
    whole = splits["train"].cells + splits["validation"].cells
    majority = whole.max(axis=0)
    assert np.abs(majority - 0.7 * whole.sum(axis=0)).max() <= 1
    assert (whole.argmax(axis=0) == 0).sum() == 5
