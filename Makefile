PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.installed

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# pyright would ask the registry for a newer version of itself, and print what it hears.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test check lint types floors wheel wheel-test conformance bench constraints public-names clean

help:  ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(READY)  ## prepare .venv with the tested versions

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Interlock needs Python 3.11 or later: make install PYTHON=python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt $(BIN)/python -m pip install --progress-bar off --editable '.[dev,offline]'
	@touch $@

demo: $(READY)  ## run the support agent through a conversation: answers, a refund, an approval, the audit
	$(BIN)/python examples/support/demo.py

test: $(READY)  ## run the tests
	$(BIN)/python -m pytest

check: lint types floors wheel-test test conformance  ## everything that CI asks for

lint: $(READY)  ## ruff: rules and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)  ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/pyright

floors: $(READY)  ## import-linter: imports go down
	$(BIN)/lint-imports

wheel: $(READY)  ## build sdist and wheel into dist/
	$(BIN)/python -m build --no-isolation --outdir dist .

wheel-test: $(READY)  ## install the built wheel into a clean environment, and use it there
	$(BIN)/python tests/wheel/check.py

conformance: $(READY)  ## run the MCP conformance suite against `interlock mcp serve`; needs npm
	$(BIN)/python tests/conformance/run.py

bench: $(READY)  ## run the quick benchmarks
	$(BIN)/python benchmarks/imports.py
	$(BIN)/python benchmarks/start.py
	$(BIN)/python benchmarks/steps.py

constraints: $(READY)  ## write constraints.txt from what .venv holds
	{ sed -n 1p constraints.txt; $(BIN)/pip freeze --all --exclude pip --exclude-editable | sed -E 's/\+cpu$$//' | LC_ALL=C sort -f; } > constraints.new
	mv constraints.new constraints.txt

public-names: $(READY)  ## write docs/public-names.txt from the folders' __all__
	$(BIN)/python tests/house/public_names.py > docs/public-names.txt

clean:  ## remove what was built; .venv stays
	rm -rf dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
