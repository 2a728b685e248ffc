# make demo: set everything up and run the main job on embedded data.   make test: set everything up and run all tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

# Tests start many processes: where bytecode is not kept, each of them compiles torch, Ray and MLflow anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-cluster wheel demo test test-unit test-fast test-ray test-slow chaos check bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11)' 2>/dev/null || \
	  { echo "fairtune needs Python 3.11 or newer: make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --group dev --editable .
	@touch $@

# What a cluster needs besides: Ray's dashboard and job server, AWS.
setup-cluster: setup
	$(BIN)/uv pip install --quiet --python $(BIN)/python --constraint constraints.txt --editable '.[cluster]'

# dist/: this version as cluster.yaml installs it.
wheel: setup
	rm -rf dist
	$(BIN)/uv build --quiet --wheel
	cp constraints.txt dist/

demo: setup
	$(BIN)/fairtune search --dataset digits --method mfd --trials 16

test: test-fast test-ray

test-ray: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "ray and not slow and not gpu"

test-fast: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m "not ray and not slow and not gpu"

# Methods, metrics, data, models, training, samplers; no whole search.
test-unit: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal -m "not whole and not ray and not slow and not gpu"

test-slow: setup
	$(BIN)/python -m pytest -m slow -s --ignore=tests/chaos

# Blows to every process of real searches; CHAOS='--chaos-seed 2 --chaos-blows 20 --chaos-minutes 10' to have others.
chaos: setup
	$(BIN)/python -m pytest tests/chaos -m slow -s $(CHAOS)

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	$(BIN)/python benchmarks/step.py
	$(BIN)/python benchmarks/methods.py
	$(BIN)/python benchmarks/overhead.py
	$(BIN)/python benchmarks/precision.py
	$(BIN)/python benchmarks/data.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache
