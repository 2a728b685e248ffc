import pytest

from fairtune.names import Names

PETS = Names(("dog", "cat"), ("gray", "colour"))


def test_a_cell_is_told_by_number_and_name():
    assert PETS.cell(1, 0) == "class 1 (cat), group gray"


@pytest.mark.parametrize("names", [Names(), Names(("0", "1"), ("0", "1")), Names(("class 0", "class 1"), ("group 0", "group 1"))])
def test_names_that_say_no_more_than_the_number_are_left_out(names):
    assert names.cell(1, 0) == "class 1, group 0"


def test_the_first_of_many_cells_are_told():
    assert PETS.cells([(0, 0), (1, 1)], shown=1) == "class 0 (dog), group gray and others"
    assert PETS.cells([(0, 0), (1, 1)]) == "class 0 (dog), group gray; class 1 (cat), group colour"
