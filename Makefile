# The two commands of the README, and a few more. Everything lands in .venv/, out/ and site/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup demo test lint docs bench agreement clean

help: ## Show this
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' Makefile

# The stamp is older than pyproject.toml only when the dependencies may have changed.
$(READY): pyproject.toml scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh $(VENV)
	@touch $@

setup: $(READY) ## Make the Python environment in .venv (the other targets do so by themselves)

demo: $(READY) ## Simulate an observation, run its analysis, leave a report in out/demo
	@$(BIN)/xbatch simulate examples/configs/demo-simulation.yaml --out out/demo-data
	@$(BIN)/xbatch run examples/configs/demo.yaml --out out/demo
	@echo "The report is $(CURDIR)/out/demo/report.html"

test: $(READY) ## Run all tests and measure what they cover
	@$(BIN)/python -m pytest --cov --cov-report=term

lint: $(READY) ## Check style, types and the directions of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY) ## Build the documentation into site/
	@$(BIN)/mkdocs build --strict

bench: $(READY) ## Measure start-up, responses, fits and events against their peers; DATA=FOLDER with spectra of NuSTAR adds theirs
	@$(BIN)/python benchmarks/run.py --data "$(DATA)"

agreement: $(READY) ## Compare with the missions' tools, given DATA=FOLDER with their results; writes a page of docs
	@$(BIN)/python scripts/agreement.py --data "$(DATA)"

clean: ## Remove everything that was made, results in out/ too
	rm -rf $(VENV) out site dist build htmlcov coverage.xml .coverage .coverage.* \
		.mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find xbatch tests benchmarks agreement -name __pycache__ -type d -prune -exec rm -rf {} +
