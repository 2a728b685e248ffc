import pytest

from fairtune.report.published import figures_of
from tests.search_helpers import small_search


@pytest.fixture
def spec(tmp_path):
    return small_search(tmp_path, method="mfd")[0]


def on_cifar10s(spec, **options):
    dataset = spec.dataset.model_copy(update={"name": "cifar10s", "options": {"seed": 0, "val_frac": 0.1, **options}})
    return spec.model_copy(update={"dataset": dataset})


def test_the_teacher_and_the_methods_that_were_searched(spec):
    found = {figure.method: figure for figure in figures_of(on_cifar10s(spec))}
    assert set(found) == {"Teacher", "MFD"}
    assert found["MFD"].means == pytest.approx({"accuracy": 0.8277, "deo_a": 0.0273, "deo_m": 0.0608})
    assert found["Teacher"].table == "mfd_main"


def test_none_for_other_data(spec):
    assert figures_of(spec) == []
    assert figures_of(on_cifar10s(spec, skew=0.5)) == []
