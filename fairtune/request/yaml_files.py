"""YAML files that people write: requests, search spaces and pipelines, read in one way and refused in the same sentences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import yaml

from fairtune.errors import InvalidInput, unknown_name

_DATE = "tag:yaml.org,2002:timestamp"


def read_mapping(path: Path, kind: str, keys: Collection[str] | None = None) -> dict[str, object]:
    """What a YAML file says, by key.

    Args:
        path: the file.
        kind: what it holds, in words.
        keys: those it may have; None for any.

    Raises:
        InvalidInput: it cannot be read, is empty or no mapping, has a key twice at any depth, or has keys that are not known.
    """
    called = f"the {kind} {path}"
    content, faults = _parsed(_text(path, called), called)
    if content is None:
        raise InvalidInput(f"{called} is empty: give it {_some(keys)}, or leave it out")
    if not isinstance(content, dict):
        shape = "a list" if isinstance(content, list) else f"the single value {content!r}"
        raise InvalidInput(f"{called} must be a mapping with {_some(keys)}; it is {shape}")
    faults += [unknown_name("key", str(key), keys) for key in content if keys is not None and key not in keys]
    if faults:
        raise InvalidInput([f"{called}: {fault}" for fault in faults])
    return content


def write_mapping(path: Path, content: Mapping[str, object]) -> None:
    """Write what :func:`read_mapping` reads, in the order given."""
    path.write_text(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True), encoding="utf-8")


class _Loader(yaml.SafeLoader):
    """Plain values; a date stays the text that it is."""

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _DATE]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _text(path: Path, called: str) -> str:
    if path.is_dir():
        raise InvalidInput(f"cannot read {called}: it is a folder; name the file in it")
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise InvalidInput(f"cannot read {called}: there is no such file") from None
    except OSError as error:
        raise InvalidInput(f"cannot read {called}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise InvalidInput(f"cannot read {called}: line {line} is not UTF-8; save the file as UTF-8") from error


def _parsed(text: str, called: str) -> tuple[object, list[str]]:
    """The value of a document, None where there is none, and its keys that stand twice."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        twice = [] if node is None else list(_twice(node, set()))
        return None if node is None else loader.construct_document(node), twice
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "it"
        raise InvalidInput(f"cannot read {called}: {where} is not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InvalidInput(f"cannot read {called}: it is not YAML: {str(error).splitlines()[0]}") from error


def _twice(node: yaml.Node, known: set[int]) -> Iterator[str]:
    """Every key that its mapping has already, at any depth; ``known`` are nodes that were looked at, which aliases repeat."""
    if id(node) in known:
        return
    known.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                yield f"{key.value} stands twice, again in line {key.start_mark.line + 1}: keep one"
            keys |= {key.value} if isinstance(key, yaml.ScalarNode) else set()
            yield from _twice(value, known)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _twice(value, known)


def _some(keys: Collection[str] | None) -> str:
    return "keys" if keys is None else f"some of {', '.join(sorted(keys))}"
