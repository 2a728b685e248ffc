import pytest

from fairtune.datasets import Dataset
from fairtune.errors import InvalidInput
from fairtune.methods import Method
from fairtune.models import Net
from fairtune.plugins import description, load, names
from fairtune.space import declared

BASES = {"method": Method, "dataset": Dataset, "model": Net}
EVERY = [pytest.param(kind, name, id=f"{kind}-{name}") for kind in BASES for name in names(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_plug_in_loads_and_says_what_it_is(kind, name):
    plugin = load(kind, name)
    assert issubclass(plugin, BASES[kind])
    assert plugin.__doc__
    assert not description(plugin).partition("\n")[0].endswith(")")
    assert len(description(plugin).partition("\n")[0]) > 20


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_hyperparameter_has_a_phrase_of_help(kind, name):
    assert [key for key, found in declared(load(kind, name)).items() if not found.help] == []


def test_names_are_sorted_file_names_without_private_ones():
    found = names("method")
    assert found == sorted(found)
    assert {"scratch", "mfd", "hkd"} <= set(found)
    assert not any(name.startswith("_") for name in found)


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        ("method", "mdf", "did you mean 'mfd'"),
        ("dataset", "cifar10", "did you mean 'cifar10s'"),
        ("model", "resnet", r"did you mean 'resnet18' or .* torchvision:NAME is any classifier of torchvision\."),
        ("model", "transformer", "known: cnn, "),
    ],
)
def test_an_unknown_name_gets_near_misses(kind, given, hint):
    with pytest.raises(InvalidInput, match=f"unknown {kind} '{given}': {hint}"):
        load(kind, given)


@pytest.mark.parametrize("given", ["_base", "__init__", "../trial", "mfd.py", ""])
def test_only_public_files_are_plug_ins(given):
    with pytest.raises(InvalidInput, match="unknown method"):
        load("method", given)


def test_a_class_from_outside_is_loaded_by_its_address():
    plugin = load("method", "tests.methods.outside:Adversary")
    assert issubclass(plugin, Method)
    assert description(plugin).partition("\n")[0].startswith("Predicts the group")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("no.such.module:Class", "No module named 'no'; write package.module:Class"),
        ("tests.methods.outside:Nobody", "has no attribute 'Nobody'"),
        (":Class", "cannot load the method"),
        ("tests.methods.outside:NOT_A_CLASS", "is not a class"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(address, reason):
    with pytest.raises(InvalidInput, match=reason):
        load("method", address)
