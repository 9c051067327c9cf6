# Four words are enough to start: make demo, make test, make check, make down.
# Each target is a small Python program under tools/; this file only puts the project's own tools in front.

PYTHON ?= python3
STACK ?= dev
START ?=
VENV_PYTHON := .venv/bin/python

export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/.venv/bin:$(PATH)
export PULUMI_SKIP_UPDATE_CHECK := true

.DEFAULT_GOAL := help
.PHONY: help setup demo test fuzz check fix bench down clean azure lock

help: ## Show this list.
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: ## Bring everything that is missing; start and deploy nothing.
	@$(PYTHON) -m tools.bootstrap

demo: setup ## Deploy the local stack, run the sample workload on it, show the report.
	@$(VENV_PYTHON) -m tools.demo $(START)

test: setup ## Run all tests.
	@$(VENV_PYTHON) -m tools.run_tests

fuzz: setup ## Far more random requests, races and kills than `make test` tries.
	@FUZZ_EXAMPLES=20000 $(VENV_PYTHON) -m pytest -q -o timeout=3600 batchite/tests/fuzz
	@CONCURRENCY_ROUNDS=20 KILLS=20 $(VENV_PYTHON) -m pytest -q -o timeout=3600 batchite/tests/server/test_concurrency.py batchite/tests/server/test_kills.py

check: setup ## Judge format, lint, types, import direction and shell scripts.
	@$(VENV_PYTHON) -m tools.check

fix: setup ## Format and repair what can be repaired mechanically.
	@$(VENV_PYTHON) -m tools.check --fix

bench: setup ## Run the benchmarks.
	@$(VENV_PYTHON) -m benchmarks

down: ## Destroy the local stack and stop Batchite.
	@$(PYTHON) -m tools.down

clean: ## As down, then remove the local data too.
	@$(PYTHON) -m tools.down --clean

azure: ## Deploy to Azure with your own login: make azure STACK=dev
	@$(PYTHON) -m tools.bootstrap --only deploy
	@$(VENV_PYTHON) -m tools.azure --stack $(STACK)

lock: setup ## Resolve tools/requirements/*.in into the pinned requirements files again.
	@$(VENV_PYTHON) -m tools.lock
