"""Whatever the options, what judges a student has trained neither it nor its teacher."""

import itertools

import numpy as np
import pytest

from fairtune.datasets import Dataset, check_apart, open_splits, open_test_labels
from fairtune.errors import DataError, InvalidInput
from fairtune.plugins import names
from fairtune.space import Options, Real

from . import files
from .conftest import ROOTS

MULTICOLOR = "multi_color_mnist/ColoredMNIST-SkewedA{}-SkewedB0.05-Severity4"


def _animals(patch, folder):
    files.write_animals(folder)
    table, numbers = files.animals(200), np.arange(200)
    table["copy"] = table["path"]
    table["coat"], table["place"] = np.where(numbers // 4 % 2, "light", "dark"), np.where(numbers // 8 % 2, "indoors", "outdoors")
    table["herd"], table["fold"] = numbers // 4, np.array(["train", "val", "test"])[numbers // 4 % 3]
    for name in ("manifest.csv", "other.csv"):
        table.to_csv(folder / name, index=False)
    return folder


def _mnist(patch, folder):
    patch.setattr(files, "MNIST_PER_CLASS", {"TRAIN_MD5": 160, "TEST_MD5": 20})
    files.make_mnist(folder, patch)
    return folder


def _cifar10(patch, folder):
    files.make_cifar10(folder, patch)
    return folder


def _cmnist(patch, folder):
    for variance in ("0.030", "0.050"):
        files.write_cmnist(folder, variance)
    return folder


def _multicolor(patch, folder):
    for skew in ("0.01", "0.02"):
        files.write_multicolor_mnist(folder / MULTICOLOR.format(skew))
    return folder


def _corrupted(patch, folder):
    files.write_corrupted_cifar10(folder, ("1pct", "5pct"))
    return folder


LAYOUTS = {
    **ROOTS,
    "manifest": _animals,
    **dict.fromkeys(("biased_mnist", "cmnist"), _mnist),
    "cifar10s": _cifar10,
    "cmnist published": _cmnist,
    "multicolor_mnist published": _multicolor,
    "corrupted_cifar10 published": _corrupted,
}
"""Where the files of a dataset are, or of its published images."""

MORE = {
    "val_frac": (0.3,),
    "skew": (0.6,),
    "rho": (0.5,),
    "conflicting": (0.05, 0.5),
    "left_conflicting": (0.02, 0.5),
    "right_conflicting": (0.5,),
    "majority_frac": (0.6,),
    "age": (28,),
    "test_frac": (0.4,),
    "classes": (3,),
    "groups": (3,),
    "samples": (1500,),
    "size": (12,),
    "signal": (2.0,),
    "bias": (1.0,),
    "noise": (0.3,),
    "severity": (2,),
    "file": ("other.csv",),
    "path": ("copy",),
    "splits": ("fold",),
    "source": ("herd",),
    "checksum": (),
}
"""Values to try of options that are no choice of a few, by name."""
_OF_TABLES = {"groups": ("night,day",), "window": ("0..300",)}
MORE_OF = {
    "celeba": {"target": ("Smiling",), "attribute": ("Young",)},
    "folder": {**_OF_TABLES, "file": (), "path": (), "source": (), "splits": ()},
    "manifest": {**_OF_TABLES, "target": ("coat",), "group": ("place", "group+place"), "bins": ("number:100",)},
}

CUT_ANEW = {
    "adult": {"val_frac"},
    "biased_mnist": {"val_frac", "protocol"},
    "celeba": {"train"},
    "cifar10s": {"val_frac", "protocol"},
    "cmnist": {"val_frac", "protocol"},
    "cmnist published": {"protocol", "variance"},
    "corrupted_cifar10": {"val_frac", "protocol"},
    "corrupted_cifar10 published": {"protocol"},
    "digits": {"val_frac"},
    "german": {"val_frac"},
    "imdb": {"test", "protocol"},
    "isic": {"val_frac", "protocol"},
    "folder": {"groups", "merge", "val_frac", "test_frac"},
    "manifest": {"file", "target", "group", "groups", "splits", "source", "merge", "val_frac", "test_frac"},
    "multicolor_mnist": {"val_frac", "protocol"},
    "multicolor_mnist published": {"protocol", "left_conflicting"},
    "synthetic": {"val_frac", "samples", "classes"},
    "utkface": {"target", "attribute", "protocol", "val_frac"},
}
"""Options under which other sources are held out or tested, so that a teacher of another value may have to be refused."""


def cut_anew(layout):
    """Those of a layout; where nobody has said otherwise, the share that is held out."""
    return CUT_ANEW.get(layout, {"val_frac"})


def others_of(legal):
    """Values of an option of which nobody has said any: all of a choice, two of a finite range."""
    if isinstance(legal, Options):
        return legal.values
    return tuple(legal.at(share) for share in (0.3, 0.7)) if isinstance(legal, Real) and not legal.faults() else ()


class Tried:
    """A dataset under many options, opened once each: ``sources[given][part]``."""

    def __init__(self, layout, root):
        self.layout, self.root = layout, root
        self.plugin = Dataset.load(layout.partition(" ")[0])
        self.images = {"images": layout.partition(" ")[2] or "drawn"} if "images" in self.plugin.declared() else {}
        self.datasets, self.sources = {}, {}
        others = list(self.alternatives())
        splitting = [item for item in others if item[0] in ("train", "test", "protocol")]
        together = [pair for pair in itertools.combinations(splitting, 2) if pair[0][0] != pair[1][0]]
        for given in ((), *((item,) for item in others), *together):
            self.open(given)

    def alternatives(self):
        more = MORE | MORE_OF.get(self.plugin.__module__.rpartition(".")[2], {})
        for name, option in self.plugin.declared().items():
            if name == "images":
                continue
            values = more[name] if name in more else others_of(option.legal)
            yield from ((name, value) for value in values if value != option.default)

    def open(self, given):
        options = self.plugin.complete(self.images | dict(given), self.root)
        dataset = self.plugin.build(**options)
        try:
            dataset.check(self.root)
            dataset.describe(self.root)
            splits = open_splits(dataset, self.root) | {"test": open_test_labels(dataset, self.root)}
        except (InvalidInput, DataError):
            return
        self.datasets[given] = dataset
        self.sources[given] = {part: set(split.source.tolist()) for part, split in splits.items()}

    def knows(self, teacher, student):
        """Whether a teacher trained on what judges the student, or was validated on what tests it."""
        own, others = self.sources[student], self.sources[teacher]
        return bool(others["train"] & (own["validation"] | own["test"]) or others["validation"] & own["test"])

    def refused(self, teacher, student):
        try:
            check_apart(self.datasets[student], self.datasets[teacher], self.root)
        except InvalidInput:
            return True
        return False


@pytest.fixture(scope="module", params=LAYOUTS)
def tried(request, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FAIRTUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield Tried(request.param, LAYOUTS[request.param](patch, tmp_path_factory.mktemp("files")))


def test_every_dataset_is_tried():
    assert {layout.partition(" ")[0] for layout in LAYOUTS} == set(names("dataset"))
    assert CUT_ANEW.keys() <= LAYOUTS.keys()


def test_train_validation_and_test_share_no_source(tried):
    assert () in tried.sources
    for given, sources in tried.sources.items():
        for one, other in itertools.combinations(sources, 2):
            assert not sources[one] & sources[other], (given, one, other)


def test_what_is_held_out_under_some_options_is_held_out_under_all(tried):
    alike = [given for given in tried.sources if not {name for name, _ in given} & cut_anew(tried.layout)]
    for student, teacher in itertools.product(alike, alike):
        assert not tried.knows(teacher, student), (teacher, student)
    for given in alike:
        assert not tried.refused(given, ()), given
        assert not tried.refused((), given), given


def test_a_teacher_that_knows_what_judges_its_student_is_refused(tried):
    anew = [given for given in tried.sources if {name for name, _ in given} & cut_anew(tried.layout)]
    for given in anew:
        for teacher, student in ((given, ()), ((), given)):
            assert tried.refused(teacher, student) or not tried.knows(teacher, student), (teacher, student)
    for name in cut_anew(tried.layout):
        of_name = [given for given in anew if name in dict(given)]
        assert not of_name or any(tried.refused(given, ()) or tried.refused((), given) for given in of_name), name
