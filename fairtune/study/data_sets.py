"""Searches by the data that they are on: which of them may be set side by side, and what the data are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairtune.datasets import Dataset
from fairtune.errors import FairtuneError
from fairtune.spec import PlugIn, SearchSpec
from fairtune.study.comparison import Search


def by_data(searches: Sequence[Search]) -> list[list[Search]]:
    """Searches on the same data, the same share of it and the same splits together, in the order in which they first come."""
    found: dict[str, list[Search]] = {}
    for search in searches:
        spec = search.spec
        found.setdefault(f"{spec.dataset.model_dump_json()} {spec.train_fraction} {spec.seed}", []).append(search)
    return list(found.values())


def data_name(spec: SearchSpec) -> str:
    """What the data are called, whichever seed cuts them."""
    options = {
        name: value for name, value in spec.dataset.options.items() if name != "seed" and value != _usual(spec.dataset, name)
    }
    if spec.train_fraction != 1:
        options["train_fraction"] = spec.train_fraction
    told = ", ".join(f"{name}={value}" for name, value in options.items())
    return f"{spec.dataset.name} ({told})" if told else spec.dataset.name


def nothing_shared(searches: Sequence[Search]) -> list[str]:
    """That no two searches are on the same data; one method may be on other classes or groups with each, or on other splits."""
    blocks = [own[0].spec for own in by_data(searches)]
    methods = {search.spec.methods for search in searches}
    asked = {(spec.dataset.name, spec.classes, spec.groups) for spec in blocks}
    splits_of_one = len({data_name(spec) for spec in blocks}) == 1 and len({spec.seed for spec in blocks}) == len(blocks)
    if len(blocks) < len(searches) or (len(methods) == 1 and (len(asked) > 1 or splits_of_one)):
        return []
    told = ", ".join(f"{place.name} searches {spec.methods} on {_otherwise(spec, blocks)}" for spec, place, *_ in searches)
    return [
        f"no two of the searches are on the same data, so that their scores are not of the same samples: {told}; compare methods "
        "that were searched on one dataset with the same options and --seed, or on each of several data sets"
    ]


def _otherwise(spec: SearchSpec, blocks: Sequence[SearchSpec]) -> str:
    """The dataset of a search, with all that other searches of the same dataset have otherwise."""
    others = [other for other in blocks if other.dataset.name == spec.dataset.name]
    apart = [f"{name} {value}" for name, value in _cut(spec).items() if any(_cut(other).get(name) != value for other in others)]
    if not apart and any(other.dataset.digest != spec.dataset.digest for other in others):
        apart = [f"files {spec.dataset.digest}"]
    return f"{spec.dataset.name} with {' and '.join(apart)}" if apart else spec.dataset.name


def _cut(spec: SearchSpec) -> Mapping[str, object]:
    """What decides which samples of a dataset a search is on."""
    options = {name: value for name, value in spec.dataset.options.items() if name != "seed"}
    return options | {"--train-fraction": spec.train_fraction, "--seed": spec.seed}


def _usual(dataset: PlugIn, option: str) -> object:
    try:
        declared = Dataset.load(dataset.name).declared()
    except FairtuneError:
        return None
    return declared[option].default if option in declared else None
