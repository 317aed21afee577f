# Everything a newcomer needs; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
UV_VERSION := $(shell sed -n 's/^uv==\([0-9.]*\).*/\1/p' requirements-dev.txt)
STATE ?= .local

.PHONY: help setup demo down test test-slow test-real test-fast lint format bench screenshots render lock clean tools

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

# The stamp carries the lock's checksum, so that a fresh clone of an unchanged tree installs once and never again.
.venv/.installed: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Tealdeck needs Python 3.11 or newer; name one with PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip --quiet install "uv==$(UV_VERSION)"
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements-dev.txt
	@touch $@

setup: .venv/.installed ## install what the lock files name, and fetch Prometheus and Alertmanager
	@$(BIN)/python -m deploy.local programs

demo: setup ## bring up a governed agent system and the deck; Ctrl-C stops everything (REAL=1: on real servers)
	@exec $(BIN)/python -m deploy.local up --state $(STATE) $(if $(REAL),--real)

down: ## stop an environment that was left running
	@$(BIN)/python -m deploy.local down --state $(STATE)

tools: ## the programs that only tests need: Chromium and kubectl
	@bash tests/tools.sh

lint: .venv/.installed ## format, style, types and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup tools lint ## what every change has to pass, in less than ten minutes
	@bash tests/run.sh

test-slow: setup tools ## the long ones: every fault, the history, crashes under load, a hundred thousand changes, each law with many inputs
	$(BIN)/python -m pytest -m slow
	$(BIN)/python -m pytest -m "hypothesis and not slow and not alone" --hypothesis-profile=thorough

test-real: setup tools ## the conformance suites against real Kubernetes and Elasticsearch, built at the first run
	$(BIN)/python -m deploy.local programs --real
	TEALDECK_REAL=1 $(BIN)/python -m pytest tests/real tests/foreign

test-fast: .venv/.installed ## the tests that start neither the environment nor a browser
	$(BIN)/python -m pytest -m "not stack and not browser"

format: .venv/.installed ## put the code into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## measure; figures go into bench/README.md by hand
	$(BIN)/python -m bench

screenshots: setup tools ## the pages on phone and desktop, light and dark, into screenshots/
	$(BIN)/python -m bench.screenshots

render: ## write the rendered manifests for machines without kustomize
	kubectl kustomize deploy/production/overlays/local > deploy/production/rendered/local.yaml

lock: .venv/.installed ## lock the dependencies that pyproject.toml names
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		--custom-compile-command "make lock" pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 \
		--custom-compile-command "make lock" --group dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: down ## remove what was made here
	rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache screenshots
