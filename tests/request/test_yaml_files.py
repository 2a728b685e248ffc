"""Requests, search spaces and pipelines are refused in the same sentences."""

import ast
from pathlib import Path

import pytest

import fairtune
from fairtune.errors import InvalidInput
from fairtune.pipeline.reading import load
from fairtune.request.options import Request
from fairtune.request.spaces import build_space
from fairtune.request.yaml_files import read_mapping, write_mapping

READERS = {
    "request": lambda file: Request.from_file(file, {}),
    "search space": lambda file: build_space("mfd", "digits", file=file),
    "pipeline": load,
}


def faults_of(kind, file):
    with pytest.raises(InvalidInput) as caught:
        READERS[kind](file)
    return caught.value.faults


@pytest.fixture
def file(tmp_path):
    return tmp_path / "mine.yaml"


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"search: [1,", "cannot read the {}: line 1, column 12 is not YAML: expected the node content, but found '<stream end>'"),
        (b"a: 1\n b: 2", "cannot read the {}: line 2, column 3 is not YAML: mapping values are not allowed here"),
        (b"a: {[1]: 2}", "cannot read the {}: line 1, column 5 is not YAML: found unhashable key"),
        (b"a: !!int x", "cannot read the {}: it is not YAML: invalid literal for int() with base 10: 'x'"),
        (b"a: \x00", "cannot read the {}: it is not YAML: unacceptable character #x0000: special characters are not allowed"),
        (b"[" * 5000, "cannot read the {}: it is not YAML: maximum recursion depth exceeded"),
        (b"# gr\xfcn\na: 1", "cannot read the {}: line 1 is not UTF-8; save the file as UTF-8"),
        (b"", "the {} is empty: give it some of "),
        (b"# nothing yet\n", "the {} is empty: give it some of "),
        (b"- 1", "the {} must be a mapping with some of "),
        (b"3", "the {} must be a mapping with some of "),
    ],
)
def test_what_is_no_mapping_is_refused_in_one_sentence(kind, file, content, fault):
    file.write_bytes(content)
    (found,) = faults_of(kind, file)
    assert found.startswith(fault.format(f"{kind} {file}"))


@pytest.mark.parametrize(
    ("kind", "line", "wrong", "near"),
    [
        ("request", "method: mfd", "trails", "'trials'"),
        ("search space", "fixed: {kernel: poly}", "serach", "'search'"),
        ("pipeline", "title: Mine", "serches", "'searches'"),
    ],
)
def test_keys_that_stand_twice_or_are_unknown_are_all_named(kind, line, wrong, near, file):
    file.write_text(f"{line}\n{wrong}: {{x: 1,\n x: 2}}\n{line}\n")
    key = line.partition(":")[0]
    first, second, third = faults_of(kind, file)
    assert first == f"the {kind} {file}: x stands twice, again in line 3: keep one"
    assert second == f"the {kind} {file}: {key} stands twice, again in line 4: keep one"
    assert third.startswith(f"the {kind} {file}: unknown key '{wrong}': did you mean {near}")


@pytest.mark.parametrize("kind", READERS)
def test_a_folder_is_no_file(kind, tmp_path):
    assert faults_of(kind, tmp_path) == [f"cannot read the {kind} {tmp_path}: it is a folder; name the file in it"]


@pytest.mark.parametrize("kind", ["request", "search space"])
def test_a_file_that_is_not_there(kind, file):
    assert faults_of(kind, file) == [f"cannot read the {kind} {file}: there is no such file"]


def test_what_stands_in_the_file_is_read(file):
    file.write_bytes("\ufeffname: 2026-01-01\nset: [é=1]\nbase: &b {x: 1}\nmerged: {<<: *b, x: 2}".encode())
    content = {"name": "2026-01-01", "set": ["é=1"], "base": {"x": 1}, "merged": {"x": 2}}
    assert read_mapping(file, "request", content) == content
    write_mapping(file, content)
    assert list(read_mapping(file, "request", content).items()) == list(content.items())


def test_a_request_may_use_every_name_of_an_option(file):
    file.write_text("time_budget: 2m")
    assert Request.from_file(file, {}).time_budget_s == 120
    file.write_text("time_budget_s: 120")
    assert Request.from_file(file, {"time_budget_s": "3m"}).time_budget_s == 180


def test_one_module_reads_yaml():
    package = Path(fairtune.__file__).parent
    readers = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and "yaml" in {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module == "yaml")
    }
    assert readers == {"request/yaml_files.py"}
