# Needs Python 3.11 or newer and a network; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV = $(shell command -v uv || echo $(BIN)/uv)
RUN := $(BIN)/

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format docs clean

help: ## Show what there is to make
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(VENV)/.ready ## Install everything into .venv, as uv.lock has it

$(VENV)/.ready: pyproject.toml uv.lock
	@command -v uv >/dev/null || test -x $(BIN)/uv || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet 'uv==0.13.9'; }
	$(UV) sync --quiet --locked --all-extras --python $(PYTHON)
	@touch $@

demo: setup ## Watch a build being killed half-way and resumed by another worker (about a minute)
	$(RUN)bldst demo

test: setup ## Run the tests, all with real parts (about a quarter of an hour on two cores)
	$(RUN)pytest -n auto --dist loadfile

check: setup ## Check formatting, lint, types, import rules, migrations, and that the lock is current
	$(RUN)ruff format --check .
	$(RUN)ruff check .
	$(RUN)mypy
	$(RUN)mypy tests/typing
	$(RUN)pyright tests/typing
	$(RUN)lint-imports
	$(RUN)pytest --quiet tests/api/test_migrations.py
	$(UV) lock --check --quiet

format: setup ## Format the code, and fix what the linter can
	$(RUN)ruff format .
	$(RUN)ruff check --fix .

clean: ## Remove .venv and what tools have cached
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
