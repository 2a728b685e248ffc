"""The files in search_spaces/ hold points and deliberate narrowing; a range searched stands beside the code, once."""

import pytest
import yaml

from fairtune.request.spaces import folder, hyperparameters, matching
from fairtune.space import Domain, Options, Real, Value, parse_domain

FILES = sorted(folder().glob("*.yaml"))


def narrows(given: Value | Domain, code: Value | Domain) -> bool:
    if not isinstance(code, Real | Options):
        return False
    return given.within(code) if isinstance(given, Real | Options) else code.contains(given)


def faults_of(path):
    """What a file repeats of the code, sets beyond what is legal there, or narrows without a word."""
    content, lines = yaml.safe_load(path.read_text(encoding="utf-8")), path.read_text(encoding="utf-8").splitlines()
    prefix = "" if "+" in path.stem else f"{path.stem}."
    known, faults = hyperparameters(path.stem), []
    for part in ("search", "fixed"):
        for key, given in (content.get(part) or {}).items():
            (name,) = matching(f"{prefix}{key}", known)
            code = known[name].search or known[name].default
            try:
                domain = parse_domain(given, known[name].legal)
            except ValueError as error:
                faults.append(f"{key}: {error}")
                continue
            if domain == code:
                faults.append(f"{key}: {domain} stands in the code already")
            elif not narrows(domain, code):
                faults.append(f"{key}: {domain} does not narrow {code}, the range in the code: change it there")
            (line,) = (number for number, line in enumerate(lines) if line.strip().startswith(f"{key}:") and line.startswith("  "))
            if "#" not in lines[line] and not lines[line - 1].startswith("  #"):
                faults.append(f"{key}: say in a comment why it is narrowed")
    return faults


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_file_repeats_the_code(path):
    assert faults_of(path) == []


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("search:\n  weight: 0.5..20  # why", []),
        ("search:\n  # why\n  weight: [1, 3]", []),
        ("fixed:\n  weight: 3  # why", []),
        ("search:\n  weight: [1, 3]", ["weight: say in a comment why it is narrowed"]),
        ("search:\n  weight: 0.1..30  # why", ["weight: 0.1..30 (log) stands in the code already"]),
        ("search:\n  weight: {low: 0.1, high: 30, log: true}  # why", ["weight: 0.1..30 (log) stands in the code already"]),
        ("fixed:\n  sigma: 1  # why", ["sigma: 1.0 stands in the code already"]),
        (
            "search:\n  weight: 0.3..300  # why",
            ["weight: 0.3..300 (log) does not narrow 0.1..30 (log), the range in the code: change it there"],
        ),
        ("search:\n  weight: -1..3  # why", ["weight: -1..3 is outside the legal domain 0..inf (log)"]),
    ],
)
def test_what_a_file_may_not_hold_is_found(tmp_path, content, faults):
    path = tmp_path / "mfd.yaml"
    path.write_text(content)
    assert faults_of(path) == faults
