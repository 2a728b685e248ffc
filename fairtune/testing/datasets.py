"""What every dataset must do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import pytest

from fairtune import plugins
from fairtune.datasets import Dataset, Info, Part, Pool, open_part
from fairtune.plugins import Pluggable
from fairtune.records import Purpose, Split
from fairtune.space import Value
from fairtune.testing.plug_ins import PlugInContract

PARTS = ("train", "validation")


class Opened(NamedTuple):
    """A dataset whose files have been decoded.

    Attributes:
        plug_in: the class.
        info: what it is, under its default options.
        pools: its parts, the test part too.
    """

    plug_in: type[Dataset]
    info: Info
    pools: Mapping[Part, Pool]

    @classmethod
    def of(cls, plug_in: type[Dataset], root: Path) -> Opened:
        """Decode every part of the files in a folder."""
        dataset = plug_in()
        dataset.check(root)
        parts = {*dataset.training_parts(), "test"}
        pools = {part: open_part(dataset, root, part, purpose=Purpose.FINAL) for part in parts}
        return cls(plug_in, dataset.describe(root), pools)

    def splits(self, train_fraction: float = 1.0, **options: Value) -> tuple[Dataset, dict[str, Split]]:
        """The dataset under some options, and its ``train`` and ``validation``."""
        dataset = self.plug_in.build(**({"seed": 0} | self.plug_in.complete(options) | options))
        return dataset, dataset.training_splits(self.pools, self.info, train_fraction)


class DatasetContract(PlugInContract):
    """What a dataset must do.

    Attributes:
        plug_in: the class.
    """

    plug_in: ClassVar[type[Dataset]]

    def make_files(self, folder: Path) -> None:
        """Write small files in the dataset's own format into a folder, unless it needs none."""

    @pytest.fixture
    def opened(self, tmp_path_factory: pytest.TempPathFactory) -> Opened:
        """The dataset, decoded once from what :meth:`make_files` wrote, into a cache of its own."""
        if type(self) not in _opened:
            root = tmp_path_factory.mktemp("files")
            self.make_files(root)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("FAIRTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
                _opened[type(self)] = Opened.of(self.plug_in, root)
        return _opened[type(self)]

    @pytest.fixture
    def plug_ins(self, opened: Opened) -> Sequence[type[Pluggable]]:
        """The class."""
        return [opened.plug_in]

    def test_pools_hold_what_info_promises(self, opened: Opened) -> None:
        dataset, info = opened.plug_in(), opened.info
        for pool in opened.pools.values():
            rank, kind = (4, np.uint8) if len(info.shape) == 3 else (2, np.float32)
            assert len(pool.x.shape) == rank
            assert pool.x.shape[-1] == info.shape[0]
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

    def test_an_image_from_outside_is_brought_to_the_size_that_is_stored(self, opened: Opened) -> None:
        if len(opened.info.shape) != 3:
            pytest.skip("it has no images")
        stored = {tuple(pool.x.shape[1:3]) for pool in opened.pools.values()}
        assert stored == {opened.plug_in().reading(opened.info.shape).size}

    def test_splits_share_no_source_image(self, opened: Opened) -> None:
        _, splits = opened.splits()
        train, validation = (splits[part] for part in PARTS)
        assert not set(train.source) & set(validation.source)
        for split in (train, validation):
            assert len(set(split.rows)) == len(split)
            assert not set(split.source) & set(opened.pools["test"].columns["source"]), "a source is tested and learnt from"

    def test_validation_holds_its_share_of_every_cell(self, opened: Opened) -> None:
        dataset, splits = opened.splits()
        if "validation" in opened.pools or opened.plug_in.training_splits is not Dataset.training_splits:
            pytest.skip("it has validation samples of its own")
        if any(len(set(split.source)) < len(split) for split in splits.values()):
            pytest.skip("it holds out sources with several samples")
        train, validation = (splits[part].cells for part in PARTS)
        whole = train + validation
        assert np.abs(validation - dataset.val_frac * whole).max() < 1
        assert abs(validation.sum() - dataset.val_frac * whole.sum()) <= 1

    @pytest.mark.parametrize("fraction", [0.5, 0.21])
    def test_a_fraction_of_the_training_set_holds_its_share_of_every_cell(self, opened: Opened, fraction: float) -> None:
        dataset, whole = opened.splits()
        _, part = opened.splits(train_fraction=fraction)
        keys = dataset.proportions(opened.pools["train"])
        for depth in range(len(keys) + 1):
            key = np.stack([np.zeros_like(keys[0]), *keys[:depth]], axis=1)
            of_whole, of_part = (Counter(map(tuple, key[splits["train"].rows].tolist())) for splits in (whole, part))
            assert all(abs(of_part[value] - fraction * count) < 1 for value, count in of_whole.items())
        assert set(part["train"].rows) <= set(whole["train"].rows)
        np.testing.assert_array_equal(part["validation"].rows, whole["validation"].rows)

    def test_test_split_is_balanced_over_groups_if_info_says_so(self, opened: Opened) -> None:
        dataset, info = opened.plug_in(), opened.info
        counts = dataset.test_split(opened.pools["test"], info).cells
        assert counts.shape == (len(info.groups), len(info.classes))
        assert (counts > 0).all()
        if info.balanced_test:
            assert (np.ptp(counts, axis=0) <= 1).all()

    def test_labels_and_groups_are_those_of_the_rows(self, opened: Opened) -> None:
        dataset, splits = opened.splits()
        test = dataset.test_split(opened.pools["test"], opened.info)
        pools: dict[str, Pool] = {str(part): pool for part, pool in opened.pools.items()}
        for part, split in {**splits, "test": test}.items():
            pool = pools.get(part, pools["train"])
            expected = (*dataset.labels(pool), pool.columns["source"])
            for got, column in zip((split.y, split.a, split.source), expected, strict=True):
                np.testing.assert_array_equal(got, column[split.rows])

    def test_the_seed_alone_decides_the_splits(self, opened: Opened) -> None:
        before = np.random.get_state(legacy=False)
        (_, first), (_, again), (_, other) = (opened.splits(seed=seed) for seed in (3, 3, 4))
        np.testing.assert_equal(np.random.get_state(legacy=False), before, "no global generator is touched")
        for part in PARTS:
            np.testing.assert_array_equal(first[part].rows, again[part].rows)
            assert set(first[part].rows) != set(other[part].rows) or "validation" in opened.pools

    def test_it_names_its_model_and_its_sources(self, opened: Opened) -> None:
        plugins.check_name("model", opened.info.model)
        assert all((opened.plug_in.licence, opened.plug_in.citation, opened.plug_in.obtain, opened.plug_in.cache_name))

    def test_the_seed_is_an_option_too(self, opened: Opened) -> None:
        assert opened.plug_in.complete({}).keys() == {"seed", *opened.plug_in.declared()}
        assert opened.plug_in.complete({"seed": 3})["seed"] == 3


_opened: dict[type[DatasetContract], Opened] = {}
