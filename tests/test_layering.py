"""Imports point down only. A new module has to be placed in ROWS."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fairtune

PACKAGE = Path(fairtune.__file__).parent

ROWS = (
    {"cli", "testing"},
    {"pipeline"},
    {"api"},
    {"search"},
    {"report", "tracking"},
    {"request"},
    {"study"},
    {"samplers", "schedulers"},
    {"training", "rules"},
    {"methods", "datasets", "models", "thresholds"},
    {"batches", "metrics", "plugins"},
    {"spec", "storage"},
    {"space", "files", "options", "locks", "addresses", "mounts"},
    {"seeding", "room"},
    {"records", "errors", "names", "endings", "_rooms"},
    {"sizes"},
)
ROW_OF = {name: row for row, names in enumerate(ROWS) for name in names}
IMPORTERS = {
    "captum": {"training"},
    "ray": {"search"},
    "mlflow": {"tracking"},
    "optuna": {"samplers", "study"},
    "pytest": {"testing"},
}
WITHOUT_TORCH = (
    "cli.main",
    "errors",
    "options",
    "records",
    "seeding",
    "space",
    "spec",
    "files",
    "room",
    "metrics",
    "plugins",
    "datasets",
    "rules",
    "schedulers",
)
WITHOUT_A_CLUSTER = ("training.trial", "methods", "datasets.cifar10s", "models.cnn", "request.resolve")


def modules():
    """Path of each module with the name of its file or folder directly inside fairtune."""
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        yield path, inside.parts[0].removesuffix(".py")


def imported(path):
    """Full name of every module, or name in a module, that a file imports, wherever it does so."""
    package = ("fairtune", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            source = ".".join(filter(None, (base, node.module)))
            yield from (f"{source}.{alias.name}" for alias in node.names)


EVERY = [pytest.param(path, name, id=str(path.relative_to(PACKAGE))) for path, name in modules()]


@pytest.mark.parametrize(("path", "name"), EVERY)
def test_every_module_has_its_place(path, name):
    assert name in ROW_OF or name == "__init__", f"place {name} in a row of ROWS, and in docs/architecture.md"


@pytest.mark.parametrize(("path", "name"), EVERY)
def test_imports_point_down(path, name):
    inside = {found.split(".")[1] for found in imported(path) if found.startswith("fairtune.")} & ROW_OF.keys()
    upward = {other for other in inside if other != name and name in ROW_OF and ROW_OF[other] <= ROW_OF[name]}
    assert not upward, f"{path.relative_to(PACKAGE)} imports {', '.join(sorted(upward))}, which does not lie below {name}"


@pytest.mark.parametrize(("path", "name"), EVERY)
def test_only_their_rooms_import_the_large_tools(path, name):
    tools = {found.partition(".")[0] for found in imported(path)} & IMPORTERS.keys()
    assert all(name in IMPORTERS[tool] for tool in tools), f"{path.relative_to(PACKAGE)} imports {', '.join(sorted(tools))}"


def test_rows_are_disjoint():
    assert len(ROW_OF) == sum(map(len, ROWS))


def test_a_trial_needs_no_cluster_and_a_record_no_torch():
    script = f"""
import importlib, sys
for name in {WITHOUT_TORCH}:
    importlib.import_module(f"fairtune.{{name}}")
assert "torch" not in sys.modules
for name in {WITHOUT_A_CLUSTER}:
    importlib.import_module(f"fairtune.{{name}}")
assert "torch" in sys.modules
print(sorted({set(IMPORTERS)} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")
