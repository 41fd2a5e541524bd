# `make figures` and `make test` need Python 3.11 or later and nothing else: they make the environment $(VENV),
# install the pinned versions into it, and go on from there.  What is already done is not done again.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV ?= .venv
SCALE ?= quick

# The environment keeps the interpreter that it was made with; naming another one makes it anew.
MADE_WITH := $(shell cat $(VENV)/made-with 2>/dev/null)
PYTHON ?= $(or $(MADE_WITH),python3)

# One BLAS thread per process: two processes with a thread per core each are many times slower.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export BLIS_NUM_THREADS := 1
export NUMEXPR_NUM_THREADS := 1
export VECLIB_MAXIMUM_THREADS := 1

# BACKEND=cupy: read by `lab` and by the tests.
ifdef BACKEND
export LABS_BACKEND := $(BACKEND)
endif

IN := $(VENV)/bin/python
PIP := $(IN) -m pip --disable-pip-version-check --quiet install -c .ci/constraints.txt
SOURCES := labs theory figures tests

.PHONY: help figures test test-full claims bench mutants lint clean clean-all FORCE

help: ## This list
	@echo "make <target> [VARIABLE=value ...]"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1 \2/p' $(MAKEFILE_LIST) | while read -r target text; do printf '  %-10s %s\n' "$$target" "$$text"; done
	@echo "for all of them: PYTHON=$(PYTHON) VENV=$(VENV) BACKEND=$(or $(LABS_BACKEND),numpy)"

figures: $(VENV)/base ## Draw the figures into build/figures  [SCALE=smoke, quick or full; NAME=...; OUT=...]
	@set -f; $(IN) -m labs figures $(NAME) --scale $(SCALE) $(if $(OUT),--out $(OUT))

test: $(VENV)/test ## Run the tests and write the ledger of claims
	@echo "tests: two processes; the ledger of claims follows"
	@$(IN) -m pytest -n 2

test-full: $(VENV)/test ## The same with the long tests
	@echo "tests, the long ones too: two processes; the ledger of claims follows"
	@$(IN) -m pytest -n 2 -m ""

claims: $(VENV)/base ## What is claimed and how it stands  [NAME=ICM-T3: this claim explained whole]
	@$(IN) -m labs claims $(NAME)

bench: $(VENV)/base ## Run the benchmarks: ours beside the alternative  [NAME=...]
	@$(IN) -m labs bench $(NAME)

mutants: $(VENV)/test ## Change the code in small ways; list what no test notices  [COUNT=40; SEED=0; NAME=labs/core]
	@$(IN) -m tests.mutants --count $(or $(COUNT),40) --seed $(or $(SEED),0) $(NAME)

lint: $(VENV)/test ## Check format, style and types
	@echo "lint: ruff (style)";  $(IN) -m ruff check $(SOURCES)
	@echo "lint: ruff (format)"; $(IN) -m ruff format --check $(SOURCES)
	@echo "lint: mypy";          $(IN) -m mypy

clean: ## Remove what was generated; keep the cache of numbers and the environment
	@if [ -d build ]; then find build -mindepth 1 -maxdepth 1 ! -name cache -exec rm -rf {} +; fi
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@echo "removed everything under build but build/cache"

clean-all: clean ## Remove the cache and the environment too
	@rm -rf build *.egg-info $(VENV)
	@find $(SOURCES) -name __pycache__ -prune -exec rm -rf {} +
	@echo "removed build and $(VENV)"

# The environment, from nothing whenever what goes into it has changed.

ifneq ($(PYTHON),$(MADE_WITH))
$(VENV)/base: FORCE
endif

$(VENV)/base: pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "Python 3.11 or later is needed, but $(PYTHON) is %d.%d; try make PYTHON=python3.12" % v[:2])'
	@echo "environment: making $(VENV) with $$($(PYTHON) --version), installing the pinned packages (about a minute)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(PIP) -e .
	@echo "$(PYTHON)" > $(VENV)/made-with
	@touch $@

$(VENV)/test: $(VENV)/base
	@echo "environment: adding what the tests need"
	@$(PIP) -e '.[test]'
	@touch $@
