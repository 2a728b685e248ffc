"""What every dataset must do."""

from collections import Counter

import numpy as np
import pytest

from fairtune.datasets import Dataset
from fairtune.errors import DataError
from fairtune.plugins import load, names
from fairtune.space import declared

DATASETS = names("dataset")
every_dataset = pytest.mark.parametrize("name", DATASETS)
PARTS = ("train", "validation")


def splits_of(pools, name, train_fraction=1.0, **options):
    plugin = load("dataset", name)
    dataset = plugin(**({"seed": 0} | plugin.complete(options) | options))
    return dataset, dataset.training_splits(pools(name), info_of(pools, name), train_fraction)


def info_of(pools, name):
    return pools.info(name)


def cuts(name):
    """Whether a dataset cuts its validation split from the training part, sample by sample and stratified by cell."""
    plugin = load("dataset", name)
    return plugin.training_splits is Dataset.training_splits and plugin().training_parts() == ("train",) and name != "isic"


def skip_unless_cut(name):
    if not cuts(name):
        pytest.skip(f"{name} holds out sources with several samples, or has validation samples of its own")


@every_dataset
def test_pools_hold_what_info_promises(pools, name):
    dataset, info = load("dataset", name)(), info_of(pools, name)
    for pool in pools(name).values():
        rank, kind = (4, np.uint8) if len(info.shape) == 3 else (2, np.float32)
        channels = info.shape[0]
        assert len(pool.x.shape) == rank
        assert pool.x.shape[-1] == channels
        assert all(stored >= seen for stored, seen in zip(pool.x.shape[1:3], info.shape[1:], strict=False))
        assert pool.x.dtype == kind
        y, a = dataset.labels(pool)
        assert set(np.unique(y)) == set(range(len(info.classes)))
        assert set(np.unique(a)) == set(range(len(info.groups)))
        for column in (y, a, pool.columns["source"]):
            assert column.dtype == np.int64
            assert column.shape == (len(pool),)
        assert all(len(column) == len(pool) for column in pool.columns.values())
        attribute = dataset.attribute_vectors(pool)
        assert attribute is None or (attribute.dtype == np.float32 and len(attribute) == len(pool))


@every_dataset
def test_splits_share_no_source_image(pools, name):
    _, splits = splits_of(pools, name)
    train, validation = splits["train"], splits["validation"]
    assert not set(train.source) & set(validation.source)
    for split in (train, validation):
        assert len(set(split.rows)) == len(split)


@every_dataset
def test_validation_holds_its_share_of_every_cell(pools, name):
    skip_unless_cut(name)
    dataset, splits = splits_of(pools, name)
    train, validation = (splits[part].cells for part in PARTS)
    whole = train + validation
    assert np.abs(validation - dataset.val_frac * whole).max() < 1
    assert abs(validation.sum() - dataset.val_frac * whole.sum()) <= 1


@pytest.mark.parametrize("fraction", [0.5, 0.21])
@every_dataset
def test_a_fraction_of_the_training_set_holds_its_share_of_every_cell(pools, name, fraction):
    dataset, whole = splits_of(pools, name)
    _, part = splits_of(pools, name, train_fraction=fraction)
    keys = dataset.proportions(pools(name)["train"])
    for depth in range(len(keys) + 1):
        key = np.stack([np.zeros_like(keys[0]), *keys[:depth]], axis=1)
        of_whole, of_part = (Counter(map(tuple, key[splits["train"].rows].tolist())) for splits in (whole, part))
        assert all(abs(of_part[value] - fraction * count) < 1 for value, count in of_whole.items())
    assert set(part["train"].rows) <= set(whole["train"].rows)
    np.testing.assert_array_equal(part["validation"].rows, whole["validation"].rows)


@every_dataset
def test_test_split_is_balanced_over_groups_if_info_says_so(pools, name):
    dataset, info = load("dataset", name)(), info_of(pools, name)
    counts = dataset.test_split(pools(name)["test"], info).cells
    assert counts.shape == (len(info.groups), len(info.classes))
    assert (counts > 0).all()
    if info.balanced_test:
        assert (np.ptp(counts, axis=0) <= 1).all()


@every_dataset
def test_labels_and_groups_are_those_of_the_rows(pools, name):
    dataset, splits = splits_of(pools, name)
    for part, split in {**splits, "test": dataset.test_split(pools(name)["test"], info_of(pools, name))}.items():
        pool = pools(name).get(part, pools(name)["train"])
        expected = (*dataset.labels(pool), pool.columns["source"])
        for got, column in zip((split.y, split.a, split.source), expected, strict=True):
            np.testing.assert_array_equal(got, column[split.rows])


@every_dataset
def test_the_seed_alone_decides_the_splits(pools, name):
    before = np.random.get_state()
    (_, first), (_, again), (_, other) = (splits_of(pools, name, seed=seed) for seed in (3, 3, 4))
    after = np.random.get_state()
    np.testing.assert_array_equal(before[1], after[1])
    assert before[2:] == after[2:]
    for part in PARTS:
        np.testing.assert_array_equal(first[part].rows, again[part].rows)
        assert set(first[part].rows) != set(other[part].rows) or "validation" in pools(name)


@every_dataset
def test_a_dataset_names_its_model_and_its_sources(pools, name):
    plugin = load("dataset", name)
    assert info_of(pools, name).model in names("model")
    assert all((plugin.licence, plugin.citation, plugin.obtain, plugin.cache_name))


@every_dataset
def test_completed_options_are_legal(name):
    plugin = load("dataset", name)
    options = plugin.complete({})
    assert options.keys() == {"seed", *declared(plugin)}
    assert plugin.complete({"seed": 3})["seed"] == 3
    assert all(option.legal.contains(options[key]) for key, option in declared(plugin).items())


@pytest.mark.parametrize("name", [name for name in DATASETS if "skew" in declared(load("dataset", name))])
@pytest.mark.parametrize("skew", [0.0, 1.0])
def test_a_skew_that_empties_cells_is_refused(pools, name, skew):
    with pytest.raises(DataError, match="no validation samples in 10 of 20 cells"):
        splits_of(pools, name, skew=skew)


@pytest.mark.parametrize("name", [name for name in DATASETS if "skew" in declared(load("dataset", name))])
def test_skew_is_the_share_of_each_class_in_its_majority_version(pools, name):
    _, splits = splits_of(pools, name, skew=0.7)
    whole = sum(splits[part].cells for part in PARTS)
    majority = whole.max(axis=0)
    assert np.abs(majority - 0.7 * whole.sum(axis=0)).max() <= 1
    assert (whole.argmax(axis=0) == 0).sum() == 5
