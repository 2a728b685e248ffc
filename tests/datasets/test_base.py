import numpy as np
import pytest

from fairtune.datasets import Content, Dataset, Info, Pool, equal_cells, lost_cells, open_splits
from fairtune.datasets._cut import apportioned, drawn_by_source, stratified, thinned
from fairtune.datasets._identity import identify
from fairtune.errors import DataError
from fairtune.records import Split
from fairtune.seeding import generator

INFO = Info(classes=("no", "yes"), groups=("f", "m"), shape=(3,), balanced_test=False, model="mlp", epochs=1)


def split_of(y, a, source=None):
    n = len(y)
    return Split(
        np.zeros((n, 3), np.float32),
        np.arange(n),
        np.asarray(y),
        np.asarray(a),
        np.arange(n) if source is None else source,
        num_groups=2,
        num_classes=2,
    )


@pytest.fixture
def patients():
    """Two hundred patients of one to six images, some in several cells."""
    rng = np.random.default_rng(0)
    source = np.repeat(rng.permutation(1000)[:200], rng.integers(1, 7, 200))
    y, a = (rng.random(len(source)) < 0.1).astype(int), source % 2
    order = rng.permutation(len(source))
    return split_of(y[order], a[order], source[order])


def test_a_share_of_every_cell_is_chosen():
    split = split_of(np.repeat([0, 1, 0, 1], [100, 40, 10, 3]), np.repeat([0, 0, 1, 1], [100, 40, 10, 3]))
    chosen = stratified(split.y, split.a, split.source, 0.2, generator(0, "data"))
    assert split.take(chosen).cells.tolist() == [[20, 8], [2, 1]]
    np.testing.assert_array_equal(chosen, np.unique(chosen))


def test_images_of_one_patient_stay_together(patients):
    chosen = np.zeros(len(patients), dtype=bool)
    chosen[stratified(patients.y, patients.a, patients.source, 0.3, generator(0, "data"))] = True
    assert not set(patients.source[chosen]) & set(patients.source[~chosen])
    assert chosen.mean() == pytest.approx(0.3, abs=0.05)


def test_patients_count_to_their_rarest_cell(patients):
    chosen = stratified(patients.y, patients.a, patients.source, 0.3, generator(0, "data"))
    cells, whole = patients.take(chosen).cells, patients.cells
    assert cells[:, 1] == pytest.approx(0.3 * whole[:, 1], rel=0.25)


def test_remainders_are_shared_out_largest_first():
    sizes = np.array([5346, *[6] * 9])
    counts = apportioned(sizes, 0.05, generator(0, "data"))
    assert counts.sum() == 270
    assert set(counts[1:]) <= {0, 1}
    assert apportioned(np.array([10, 7, 3]), 0.5, generator(0, "data")).tolist() in ([5, 4, 1], [5, 3, 2])
    assert apportioned(np.array([10, 20]), 0.1, generator(0, "data")).tolist() == [1, 2]


def test_equal_remainders_are_decided_by_lot():
    decided = {tuple(apportioned(np.full(6, 3), 0.5, generator(seed, "data"))) for seed in range(9)}
    assert len(decided) > 3
    assert {sum(counts) for counts in decided} == {9}


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4, 0.9])
def test_along_an_order_every_beginning_is_drawn_in_the_same_share(share):
    order = np.random.default_rng(0).permutation(400)
    stratum = np.repeat([0, 1], 200)
    drawn = drawn_by_source(np.arange(400), stratum, share, generator(0, "data"), order)
    for s in range(2):
        chosen = drawn[stratum == s][np.argsort(order[stratum == s])]
        assert chosen.sum() == round(200 * share)
        assert np.abs(np.cumsum(chosen) - share * np.arange(1, 201)).max() <= 1
    assert (drawn != drawn_by_source(np.arange(400), stratum, share, generator(1, "data"), order)).any()


def test_a_fraction_keeps_the_proportions_of_small_cells_together():
    bias, cell = np.repeat([0, 1], [950, 50]), np.concatenate([np.zeros(950, int), np.arange(50) % 10])
    for seed in range(5):
        kept = thinned([bias, cell], 0.1, generator(seed, "data"))
        assert (len(kept), (bias[kept] == 1).sum()) == (100, 5)
        assert np.bincount(cell[kept][bias[kept] == 1], minlength=10).max() == 1
        np.testing.assert_array_equal(kept, np.unique(kept))


def test_the_generator_alone_decides(patients):
    first, again, other = (stratified(patients.y, patients.a, patients.source, 0.3, generator(seed, "data")) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)


def test_equal_cells_are_as_large_as_the_smallest():
    y, a = np.array([0, 0, 0, 1, 1, 0, 1, 1, 1]), np.array([0, 0, 0, 0, 0, 1, 1, 1, 1])
    assert equal_cells(y, a).tolist() == [0, 3, 5, 6]
    drawn = equal_cells(y, a, np.random.default_rng(0))
    assert split_of(y, a).take(drawn).cells.tolist() == [[1, 1], [1, 1]]
    assert split_of(y, a).take(equal_cells(y, a, share=0.5)).cells.tolist() == [[0, 0], [0, 0]]
    assert equal_cells(np.tile(y, 2), np.tile(a, 2), share=0.5).tolist() == [0, 3, 5, 6]
    assert equal_cells(y[:0], a[:0]).tolist() == []


class Clinic(Dataset):
    """Vectors with two labels to choose from and validation samples of its own."""

    cache_name = "clinic"
    target = "first"

    def describe(self, root):
        return INFO

    def check(self, root):
        pass

    def decode(self, root):
        return {"train": self.part(40), "validation": self.part(20), "test": self.part(12)}

    def part(self, n):
        numbers = np.arange(n)
        columns = {"first": numbers % 2, "second": numbers // 4 % 2, "sex": numbers // 2 % 2, "source": numbers + 100 * n}
        return Pool(np.tile(numbers[:, None], 3).astype(np.float32), columns)

    def training_parts(self):
        return ("train", "validation")

    def labels(self, pool):
        return pool.columns[self.target], pool.columns["sex"]

    def validation_rows(self, pool):
        return np.arange(0, len(pool), 2) if self.target == "second" else np.arange(len(pool))


@pytest.fixture
def clinic(tmp_path, monkeypatch):
    monkeypatch.setenv("FAIRTUNE_CACHE", str(tmp_path))
    return Clinic()


def test_a_validation_part_of_its_own_is_used_whole(clinic, tmp_path):
    splits = open_splits(clinic, tmp_path)
    assert (len(splits["train"]), len(splits["validation"])) == (40, 20)
    assert set(splits["validation"].source) == set(range(2000, 2020))


def test_a_fraction_of_the_training_samples_leaves_the_validation_part_whole(clinic, tmp_path):
    splits = open_splits(clinic, tmp_path, 0.5)
    assert (len(splits["train"]), len(splits["validation"])) == (20, 20)


def test_another_target_needs_no_decoding(clinic, tmp_path, monkeypatch):
    first = open_splits(clinic, tmp_path)["train"]
    clinic.target = "second"
    monkeypatch.setattr(clinic, "decode", None)
    second = open_splits(clinic, tmp_path)
    assert (first.y.tolist() != second["train"].y.tolist(), len(second["validation"])) == (True, 10)


def test_cells_that_vanish_from_a_fraction_are_named():
    whole = split_of([0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1])
    assert lost_cells(whole, whole, INFO) == []
    assert lost_cells(whole, whole.take(np.array([1, 3, 4])), INFO) == [
        "the fraction has no training samples in 1 of 3 cells: class 1 (yes), group f"
    ]


def test_a_class_without_training_samples_is_named(clinic):
    pools = {"train": Pool(np.zeros((4, 3)), {"first": np.zeros(4, int), "sex": np.arange(4) % 2, "source": np.arange(4)})}
    with pytest.raises(DataError, match=r"no training samples of class 1 \(yes\)"):
        clinic.training_splits(pools, INFO)


def test_what_the_content_is_decides_the_name_in_the_cache(clinic, tmp_path, monkeypatch):
    names = {identify(clinic, tmp_path).key}
    for content in ((64, "a"), (64, "b"), (32, "a"), ("64", "a")):
        monkeypatch.setattr(clinic, "content", lambda root, content=content: Content(content))
        names.add(identify(clinic, tmp_path).key)
    assert len(names) == 5
    assert "clinic" in names
    assert all(name.startswith("clinic") for name in names)
