# The one door. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-remote s3-server run put-sample sample test torture determinism \
	fuzz check format specs bench bench-determinism clean
SHELL := /bin/bash

UV_VERSION := 0.13.9
VERSITYGW_VERSION := v1.8.0
UV := $(or $(shell command -v uv),.uv/bin/uv)
# Bytecode is compiled here, once: stages write none, and would compile TensorFlow at every start.
SYNC := $(UV) sync --locked --inexact --compile-bytecode --quiet --python 3.11
IBID := .venv/bin/ibid
PYTHON := .venv/bin/python

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: .venv/.run  ## Install what the engine, training and report need

setup-dev: .venv/.dev  ## Also what checks and tests need

setup-remote: .venv/.remote  ## Also what ibid push and pull need

run: .venv/.run  ## Run the whole pipeline [DATA=oxford|DIR] [ARGS='model.epochs=3 ...']
ifeq ($(DATA),oxford)
	@$(IBID) fetch oxford oxford
endif
ifdef DATA
	@$(IBID) put stream "$(DATA)" --replace --no-run
else
	@$(IBID) ls stream 2>/dev/null || $(MAKE) --no-print-directory put-sample
endif
	@$(IBID) params $(ARGS) --commit --no-run
	@$(IBID) run

put-sample: sample
	@$(IBID) put stream sample --replace --no-run

sample: .venv/.run  ## Draw the synthetic data set into sample/
	@$(IBID) sample sample

test: .venv/.dev  ## Run the tests
	@$(PYTHON) -m pytest $(ARGS)

torture: .venv/.dev  ## Kill, fill, fail and crowd the engine [ARGS='--seed N']
	@$(PYTHON) -m tests.torture $(ARGS)

determinism: .venv/.dev  ## Prove that a run can be had again, bit for bit [ARGS='whole']
	@$(PYTHON) -m tests.determinism $(ARGS)

fuzz: .venv/.fuzz  ## Throw two minutes of grown inputs at ingest [ARGS='-runs=N -max_total_time=S']
	@PYTHONPATH=tests/unit/components $(PYTHON) -m tests.fuzz $(ARGS)

s3-server: .tools/versitygw  ## Build the S3 server that a test of remotes wants (needs Go; 2 minutes)

check: .venv/.dev  ## Format, lint, types, import contracts, specs fresh
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(IBID) specs --check

format: .venv/.dev  ## Format, and mend what lint can mend
	@.venv/bin/ruff check --fix --quiet .
	@.venv/bin/ruff format .

specs: .venv/.run  ## Compile pipelines/*/pipeline.yaml into generated/
	@$(IBID) specs

bench: .venv/.dev  ## Measure speed, as ratios within one run
	@$(PYTHON) -m bench

bench-determinism: .venv/.dev  ## What each level of determinism costs, and a verify
	@$(PYTHON) -m bench determinism verify

clean:  ## Remove the environment; what was committed to .ibid stays
	rm -rf .venv .uv .tools

.venv/.run: pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	@echo "Setting up: the packages of the engine, training and report (a few minutes the first time)."
	@$(SYNC) --extra report
	@touch $@

.venv/.dev: .venv/.run
	@echo "Setting up: the packages of checks and tests."
	@$(SYNC) --extra report --extra remote --group dev
	@touch $@

.venv/.fuzz: .venv/.dev
	@echo "Setting up: the fuzzer."
	@$(SYNC) --extra report --extra remote --group dev --group fuzz
	@touch $@

.venv/.remote: .venv/.run
	@echo "Setting up: the packages that reach remotes."
	@$(SYNC) --extra report --extra remote
	@touch $@

# A real S3 server, over a folder. Without it the tests that want it are skipped.
.tools/versitygw:
	@echo "Setting up: versitygw $(VERSITYGW_VERSION)."
	@GOBIN=$(CURDIR)/.tools go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW_VERSION)

# A machine without uv gets it from the package index, for this folder only.
.uv/bin/uv:
	@echo "Setting up: uv."
	@python3.11 -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
