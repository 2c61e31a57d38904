# `make` or `make help` lists the targets; each sets up what it needs.

SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup
WORKERS ?= 3
PINNED := --constraint constraints.txt --editable '.[examples,postgres,s3,dev]'
APT_PACKAGES := chromium chromium-driver postgresql wrk

export ML_PLATFORM_HOME ?= $(CURDIR)/.ml_platform
export DAGSTER_DISABLE_TELEMETRY := true
export BENTOML_DO_NOT_TRACK := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# What is imported for the first time keeps its bytecode: without it every process would compile all
# of Dagster and MLflow again, which takes longer than most of what it is started for.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo up test test-fast tests imports lint format types contracts check wheel-check bench screenshots system-packages clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(STAMP) ## Create .venv with the pinned versions (again only when the pins change)

$(STAMP): constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; v == (3, 11) or sys.exit("error: ml_platform is tested on Python 3.11, found %d.%d at $(PYTHON); name another: make PYTHON=/path/to/python3.11" % v)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { echo "error: cannot create $(VENV); on Debian: apt-get install python3-venv"; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (a minute or two the first time) ..."
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt uv && \
	$(BIN)/uv pip install --quiet --python $(BIN)/python $(PINNED) || { \
	  echo "uv could not (it reads no pip.conf); pip does it, which takes some minutes"; \
	  $(BIN)/python -m pip install --quiet $(PINNED); }
	@touch $@

demo: setup ## Train a real model, serve it, ask it once
	@$(BIN)/ml-platform demo

up: setup ## Dagster UI, MLflow UI, reports and inference services, in one terminal
	@$(BIN)/ml-platform up

test: setup ## Every check and every test; tests WORKERS (3) at a time, as many of them wait
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target imports lint contracts check
	@$(MAKE) --no-print-directory --jobs 2 types tests

imports: setup
	@# Once, so that the workers find compiled what all of them import at their start.
	@found=$$($(BIN)/pytest --collect-only -qq 2>&1) || { echo "$$found"; exit 1; }

tests: setup
	@$(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

test-fast: setup ## The tests that start no server and no whole pipeline
	@$(BIN)/pytest -m "not slow"

lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

format: setup ## Let ruff format the code and mend what it can
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

types: setup ## pyright: strict in the domain and the spec
	@nice $(BIN)/pyright

contracts: setup ## import-linter: which layer may import which, and who may know a vendor
	@$(BIN)/lint-imports

check: setup ## The declared models and Dagster's definitions load
	@$(BIN)/ml-platform check
	@home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && cp dagster.yaml "$$home" && \
	DAGSTER_HOME="$$home" ML_PLATFORM_HOME="$$home" PYTHONWARNINGS=ignore \
	$(BIN)/dagster definitions validate 2>&1 | grep -v SupersessionWarning; exit $${PIPESTATUS[0]}

wheel-check: ## Install the wheel alone, by its ranges without the pins; train and status from it
	@PYTHON="$(PYTHON)" .ci/wheel-check

bench: setup ## Every figure of docs/benchmarks.md; takes long
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

screenshots: setup ## Take the pictures of docs/images anew, from the real UI; takes minutes
	@$(BIN)/python -m ml_platform_tests.ui.screenshots

system-packages: ## Install what tests need from Debian, where it is missing (needs root)
	@missing=""; \
	command -v chromium > /dev/null || missing="$$missing chromium"; \
	command -v chromedriver > /dev/null || missing="$$missing chromium-driver"; \
	ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || missing="$$missing postgresql"; \
	command -v wrk > /dev/null || missing="$$missing wrk"; \
	if [ -z "$$missing" ]; then echo "system packages: all there ($(APT_PACKAGES))"; exit 0; fi; \
	command -v apt-get > /dev/null || { echo "error: missing$$missing and no apt-get here; install them by hand"; exit 1; }; \
	sudo=""; if [ "$$(id -u)" != 0 ]; then \
	  command -v sudo > /dev/null || { echo "error: installing$$missing needs root; run: sudo make system-packages"; exit 1; }; sudo=sudo; fi; \
	echo "installing:$$missing"; \
	$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing > /dev/null

clean: ## Remove what was built; the stores under ML_PLATFORM_HOME stay
	@rm -rf build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -path ./$(VENV) -prune -o -name __pycache__ -type d -print0 | xargs -0 rm -rf
