import pytest

from fairtune.errors import InvalidInput
from fairtune.methods import Method
from fairtune.plugins import listed, load, names


def test_names_are_sorted_file_names_without_private_ones():
    found = names("method")
    assert found == sorted(found)
    assert {"scratch", "mfd", "hkd"} <= set(found)
    assert not any(name.startswith("_") for name in found)


@pytest.mark.parametrize(
    ("kind", "given", "hint"),
    [
        ("method", "mdf", "did you mean 'mmd' or 'mfd'"),
        ("dataset", "cifar10", "did you mean 'cifar10s'"),
        ("model", "resnet", r"did you mean 'resnet18' or .* torchvision:NAME is any classifier of torchvision, "),
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
    assert plugin.summary().startswith("Predicts the group")


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


def test_a_class_of_another_kind_is_refused():
    with pytest.raises(InvalidInput, match=r"the rule 'tests.methods.outside:Adversary' must derive from fairtune.rules.Rule"):
        load("rule", "tests.methods.outside:Adversary")
    with pytest.raises(InvalidInput, match=r"the model 'fairtune.spec:SearchSpec' must derive from fairtune.models.Net"):
        load("model", "fairtune.spec:SearchSpec")


def test_a_family_is_a_file_too():
    assert "torchvision" not in names("model")
    assert [line.name for line in listed("model") if ":" in line.name] == ["torchvision:NAME"]
    assert load("model", "torchvision:resnet34").__name__ == "resnet34"
