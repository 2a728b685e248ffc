import numpy as np

from fairtune.metrics import name_small_cells, small_cells
from fairtune.names import Names


def test_small_cells_are_found_with_their_size():
    cells = np.array([[30, 24], [25, 0]])
    assert small_cells(cells) == [(1, 0, 24), (1, 1, 0)]
    assert small_cells(cells, minimum=26) == [(1, 0, 24), (0, 1, 25), (1, 1, 0)]


def test_they_are_named_by_class_and_group():
    names = Names(("cat", "dog"), ("grey", "colour"))
    assert name_small_cells("test", [(1, 0, 24)], names) == (
        "test: 1 cell has fewer than 25 samples, too few to conclude from their accuracy or gaps: class 1 (dog), group grey has 24"
    )
    assert name_small_cells("test", [], names) is None


def test_many_are_not_all_listed():
    said = name_small_cells("validation", [(y, 0, 3) for y in range(20)], Names())
    assert said is not None
    assert said.startswith("validation: 20 cells have fewer")
    assert said.endswith("class 7, group 0 has 3 and 12 more")
