import numpy as np
import pytest

from fairtune.datasets import open_part, open_splits
from fairtune.datasets import synthetic as module
from fairtune.datasets._identity import identify
from fairtune.datasets.synthetic import Synthetic
from fairtune.metrics import deo_m
from fairtune.report.association import mutual_information
from tests.builders import group_counts

CLEAR = {"size": 8, "samples": 600}


def training(tmp_path, **options):
    dataset = Synthetic(**(CLEAR | options))
    return dataset, dataset.training_splits({"train": dataset.decode(tmp_path)["train"]}, dataset.describe(tmp_path))


@pytest.mark.parametrize(("classes", "groups"), [(2, 2), (3, 5), (7, 2)])
def test_any_number_of_classes_and_groups(tmp_path, classes, groups):
    dataset, splits = training(tmp_path, classes=classes, groups=groups, majority_frac=0.5)
    cells = sum(split.cells for split in splits.values())
    assert cells.sum() == 600
    for label in range(classes):
        total = cells[:, label].sum()
        assert cells[label % groups, label] == pytest.approx(0.5 * total, abs=1)
        others = np.delete(cells[:, label], label % groups)
        assert others.max() - others.min() <= 1
    assert len(dataset.describe(tmp_path).classes) == classes


def test_the_labels_are_as_skewed_as_the_majority_says(tmp_path):
    _, splits = training(tmp_path, samples=20_000, majority_frac=0.9)
    expected = np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1)
    assert mutual_information(splits["train"].cells) == pytest.approx(expected, abs=1e-3)


def test_the_test_split_is_balanced(tmp_path):
    dataset = Synthetic(**CLEAR, classes=3, groups=4)
    test = dataset.test_split(dataset.decode(tmp_path)["test"], dataset.describe(tmp_path))
    assert (test.cells == round(600 / 4 / 12)).all()


def nearest(images, patterns):
    """Number of the pattern that each image is most like."""
    return ((images / 255 - 0.5).reshape(len(images), -1) @ patterns.reshape(len(patterns), -1).T).argmax(axis=1)


def test_class_and_group_can_be_read_from_the_images(tmp_path):
    pool = Synthetic(**CLEAR, signal=6, bias=6, majority_frac=0.5).decode(tmp_path)["train"]
    patterns = module._patterns(4, 8)
    assert (nearest(pool.x[:], patterns[:2]) == pool.columns["y"]).mean() > 0.97
    assert (nearest(pool.x[:], patterns[2:]) == pool.columns["a"]).mean() > 0.97


def test_without_bias_the_group_cannot_be_read(tmp_path):
    pool = Synthetic(**CLEAR, bias=0, majority_frac=0.5).decode(tmp_path)["train"]
    assert (nearest(pool.x[:], module._patterns(4, 8)[2:]) == pool.columns["a"]).mean() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize(("majority_frac", "unfair"), [(0.95, True), (0.5, False)])
def test_a_linear_classifier_is_unfair_if_the_data_are_skewed(tmp_path, majority_frac, unfair):
    from sklearn.linear_model import LogisticRegression

    parts = Synthetic(size=8, samples=2000, majority_frac=majority_frac).decode(tmp_path)
    x, columns = ({part: pool.x[:].reshape(len(pool), -1) / 255 for part, pool in parts.items()}, parts["test"].columns)
    predicted = LogisticRegression(C=0.01).fit(x["train"], parts["train"].columns["y"]).predict(x["test"])
    hard = np.zeros((2, 2, 2), dtype=np.int64)
    np.add.at(hard, (columns["a"], columns["y"], predicted), 1)
    assert (deo_m(group_counts(hard)) > 0.2) == unfair


def test_a_slice_is_the_same_however_it_is_cut(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", 16)
    x = Synthetic(size=8, samples=100).decode(tmp_path)["train"].x
    assert x.shape == (100, 8, 8, 3)
    np.testing.assert_array_equal(np.concatenate([x[0:7], x[7:48], x[48:100]]), x[0:100])
    assert (x[0:16] != x[16:32]).mean() > 0.5


def test_parts_differ_in_their_noise(tmp_path):
    parts = Synthetic(size=8, samples=400, signal=0, bias=0).decode(tmp_path)
    assert (parts["train"].x[0:50] != parts["test"].x[0:50]).mean() > 0.9


def test_options_that_change_the_images_have_a_cache_of_their_own(tmp_path):
    changed = {"classes": 3, "groups": 3, "samples": 900, "size": 9, "majority_frac": 0.7, "signal": 1.0, "bias": 1.0, "noise": 0.5}
    keys = {identify(Synthetic.build(**{name: value}), tmp_path).key for name, value in changed.items()}
    assert len(keys | {identify(Synthetic(), tmp_path).key}) == len(changed) + 1
    assert identify(Synthetic(seed=3, val_frac=0.5), tmp_path).key == identify(Synthetic(), tmp_path).key


def test_it_comes_from_the_cache_as_it_was_drawn(tmp_path):
    dataset = Synthetic(**CLEAR)
    pool = open_part(dataset, tmp_path, "train")
    np.testing.assert_array_equal(pool.x, dataset.decode(tmp_path)["train"].x[0:600])
    assert len(open_splits(dataset, tmp_path)["validation"]) == pytest.approx(60, abs=2)
