# Every target sets itself up: all it needs is Python 3.11 or newer and make.
PYTHON ?= python3
BIN := .venv/bin
RUN := $(BIN)/python

.PHONY: help demo test check bench docs lock clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/'

demo: .venv/demo.stamp ## learn a text game with the embedded model, then prove it on held-out tasks
	$(BIN)/purpose-agent demo --minutes 10 $(ARGS)

test: .venv/dev.stamp ## the whole test suite, real model and real environment included
	$(RUN) -m pytest -n 2 --dist loadgroup $(ARGS)

check: .venv/dev.stamp ## lint, format, types, layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright

bench: .venv/dev.stamp ## measure the budgets and print them beside their bounds
	$(RUN) benchmarks/budgets.py $(ARGS)
	$(RUN) benchmarks/store.py $(ARGS)
	$(RUN) benchmarks/gate.py

docs: .venv/dev.stamp ## run every code block of README and docs
	$(RUN) -m pytest -q tests/test_docs.py

# One environment; its stamps say what was installed from which lock file.
.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "purpose-agent needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv .venv

.venv/%.stamp: requirements/%.txt pyproject.toml | .venv/bin/python
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# The locks hold hashes and no addresses. LOCK takes any further option of uv, such as --upgrade.
lock: .venv/dev.stamp ## resolve the lock files anew
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --quiet --group dev --group build --extra local --extra hf --extra textworld \
	  --extra scienceworld --extra report --extra embed --output-file requirements/dev.txt $(LOCK)
	$(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-header \
	  --no-emit-index-url --quiet --group build --extra local --extra textworld --extra report --extra embed \
	  --constraint requirements/dev.txt --output-file requirements/demo.txt $(LOCK)

clean: ## remove what the targets made
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis .import_linter_cache runs
