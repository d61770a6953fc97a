# `make` lists the targets. Each passes ARGS on: make test ARGS="-k chain", make demo ARGS="--kill-worker".
# VENV is the environment (made when first needed), PYTHON the interpreter that makes it.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV ?= .venv
ARGS ?=
# Of tests: they wait more than they compute, so more than cores may pay.
PROCESSES ?= 3
# Of test-pythons: those that are not there are skipped.
PYTHONS ?= 3.11 3.12 3.13 3.14

bin := $(VENV)/bin
# Made last, so that an installation that was interrupted is done again; older than the lock: done again.
installed := $(VENV)/.installed
# Made once what the dashboard stands on was asked for, whether it came or not: where npm's registry is out of reach all else
# works, and the page says what is missing. Only `make install` asks again.
libraries := $(VENV)/.libraries

##@ Use it

demo: $(installed) ## train on four processes, follow every event through real servers, compare
	$(bin)/python examples/demo.py $(ARGS)

up: $(installed) $(libraries) ## start the local stack (mldash up; Ctrl-C takes it down)
	$(bin)/mldash up $(ARGS)

down: $(installed) ## take it down; its data stay
	$(bin)/mldash down $(ARGS)

##@ Check it

test: $(installed) $(libraries) ## all tests, against real servers that they start and stop
	$(bin)/python -m pytest -n $(PROCESSES) $(ARGS)

test-unit: $(installed) ## the tests that need no server
	$(bin)/python -m pytest -m "not integration" tests/unit tests/architecture tests/documentation $(ARGS)

.PHONY: faults
faults: $(installed) ## kill everything for ten minutes and read all along (ARGS="--seed 7 --seconds 60 --proxy")
	$(bin)/python -m tests.faults $(ARGS)

.PHONY: mutants
mutants: $(installed) ## break each rule of the protocols in a copy, and see its test fail (ARGS="--only commit")
	$(bin)/python -m tests.mutants $(ARGS)

.PHONY: mixed
mixed: $(installed) ## the SDK of 0.1.0 with these servers, and the reverse; installs 0.1.0 (ARGS="--old DIR": one that is there)
	$(bin)/python -m tests.released.mixed $(ARGS)

.PHONY: check-deploy
check-deploy: $(installed) ## the chart by helm, compose by compose, alerts by promtool, the image by podman: what is installed of them
	$(bin)/python -m pytest -n 0 tests/clusters/rendered_*.py tests/clusters/composed.py tests/clusters/alerts_by_promtool.py tests/clusters/built_image.py $(ARGS)

.PHONY: test-openapi
test-openapi: $(installed) ## schemathesis over the whole API, with and without rights; installs it (ARGS="--examples 200")
	$(bin)/python -m tests.openapi_fuzz $(ARGS)

.PHONY: test-torch
test-torch: ## how PyTorch's tensors are stored: installs PyTorch, gigabytes, into .venv-torch
	@$(MAKE) --no-print-directory install VENV=.venv-torch
	.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check torch
	.venv-torch/bin/python -m pytest tests/unit/producer/test_values.py -k pytorch $(ARGS)

.PHONY: test-adapters
test-adapters: ## adapters with PyTorch, Lightning, Ray and the others: installs them, gigabytes, into .venv-adapters
	@$(MAKE) --no-print-directory install VENV=.venv-adapters
	.venv-adapters/bin/python -m pip install --quiet --disable-pip-version-check torch tensorflow-cpu transformers \
	  accelerate lightning pytorch-lightning stable-baselines3 pytorch-ignite 'ray[tune]' hydra-core trackio
	.venv-adapters/bin/python -m tests.adapters $(ARGS)

.PHONY: test-pythons
test-pythons: $(installed) ## the SDK's tests with other Pythons, in .venv-pythons (PYTHONS="3.12 /opt/python3.14/bin/python")
	$(bin)/python -m tests.pythons --pythons "$(PYTHONS)" $(ARGS)

lint: $(installed) $(libraries) ## ruff, which package may import which, and the dashboard's scripts
	$(bin)/ruff check $(ARGS)
	$(bin)/ruff format --check $(ARGS)
	$(bin)/lint-imports
	$(bin)/python -m tests.scripts units

types: $(installed) ## mypy, strict, and TypeScript over the dashboard's scripts
	$(bin)/mypy $(ARGS)
	$(bin)/python -m tests.scripts types
	MYPYPATH=examples $(bin)/mypy --strict examples/*.py

##@ Measure it

bench-sdk: $(installed) ## what log() costs beside the bare machine (a table, and benchmarks/results/sdk.json)
	$(bin)/python -m benchmarks.sdk $(ARGS)

bench-front: $(installed) ## what wandb.log through our front costs, beside wandb's own where it is installed
	$(bin)/python -m benchmarks.fronts $(ARGS)

bench-cost: $(installed) ## what logging costs the process that logs (ARGS="--before PYTHON --trackers PYTHON")
	$(bin)/python -m benchmarks.cost $(ARGS)

bench-gateway: $(installed) ## records over HTTP beside records straight to Kafka
	$(bin)/python -m benchmarks.gateway $(ARGS)

bench-ingest: $(installed) ## what one worker stores in a second, beside the bare servers; some minutes
	$(bin)/python -m benchmarks.ingest $(ARGS)

bench-end-to-end: $(installed) ## from log() to what readers get, all on this machine, for five minutes (ARGS="--seconds 60")
	$(bin)/python -m benchmarks.end_to_end $(ARGS)

bench-live: $(installed) ## from log() to listeners: how late, a thousand of them; memory over an hour (ARGS="--hour")
	$(bin)/python -m benchmarks.live $(ARGS)

bench-agents: $(installed) ## from log() to the answers of a hundred who wait at /mcp
	$(bin)/python -m benchmarks.agents $(ARGS)

bench-hurried: $(installed) ## how late a point comes with and without somebody who listens to its experiment
	$(bin)/python -m benchmarks.hurried $(ARGS)

bench-compaction: $(installed) ## what one compactor moves in a second, beside a bare write and put
	$(bin)/python -m benchmarks.compaction $(ARGS)

bench-read: $(installed) ## what reads cost over a hundred million points, beside bare reads of the same bytes
	$(bin)/python -m benchmarks.read $(ARGS)

bench-find: $(installed) ## what finding, sorting and grouping 100,000 runs costs over HTTP, and the memory of its index
	$(bin)/python -m benchmarks.find $(ARGS)

bench-find-grid: $(installed) ## 20 runs of a million points on one grid over HTTP, cold and warm
	$(bin)/python -m benchmarks.find_grid $(ARGS)

bench-find-trackers: $(installed) ## the same question of 10,000 runs with other trackers (ARGS="--trackers PYTHON")
	$(bin)/python -m benchmarks.find_trackers $(ARGS)

bench-size: $(installed) ## how far mldash size agrees with what goes to Kafka; two minutes
	$(bin)/python -m benchmarks.size $(ARGS)

bench-read-trackers: $(installed) ## the same reads of a million points with other trackers, where they are installed
	$(bin)/python -m benchmarks.read_trackers $(ARGS)

bench-import: $(installed) ## what mldash import stores in a second, beside bare readers (ARGS="--trackers PYTHON --points 10000000")
	$(bin)/python -m benchmarks.imports $(ARGS)

bench-dashboard: $(installed) ## what a person waits for at the dashboard, in a real browser (ARGS="--only table,live")
	$(bin)/python -m benchmarks.dashboard $(ARGS)

##@ Change it

install: $(installed) ## make the environment in .venv from requirements.lock
	-@$(bin)/python -m mldash_api.dashboard.libraries
	@touch $(libraries)

format: $(installed) ## let ruff lay the code out and mend what it can
	$(bin)/ruff check --fix $(ARGS)
	$(bin)/ruff format $(ARGS)

docs: $(installed) ## make docs/generated/ anew from the code, and what deploy/ has of it
	$(bin)/python -m tests.documentation.generate $(ARGS)
	$(bin)/python -m tests.clusters.generate

lock: ## make requirements.lock anew from pyproject.toml (needs uv)
	@command -v uv > /dev/null || { echo "uv makes the lock: pip install uv" >&2; exit 1; }
	uv pip compile pyproject.toml --all-extras --universal --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --python-version 3.11 -o requirements.lock $(ARGS)
	uv pip compile pyproject.toml --extra server --universal --generate-hashes --no-header --no-annotate \
	  --no-emit-index-url --python-version 3.11 -c requirements.lock -o deploy/image/requirements.lock

clean: ## remove .venv, caches and builds; data folders stay
	rm -rf $(VENV) .venv-adapters .venv-torch .venv-pythons dist build .mypy_cache .ruff_cache .import_linter_cache .grimp_cache .hypothesis .pytest_cache
	find . -path ./.git -prune -o -name __pycache__ -type d -print | xargs rm -rf

help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(installed): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this one is " + sys.version.split()[0] + ": make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing what requirements.lock pins into $(VENV): once, a minute or two"
	$(bin)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(bin)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@# On all cores, where pip takes one. Some packages bring templates that are no Python: pip passes over them too.
	@$(bin)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

$(libraries): query_api/mldash_api/dashboard/libraries.py | $(installed)
	-@$(bin)/python -m mldash_api.dashboard.libraries
	@touch $@

.PHONY: demo up down test test-unit lint types bench-sdk bench-cost bench-gateway bench-ingest bench-end-to-end bench-live bench-hurried bench-agents bench-compaction bench-read bench-read-trackers bench-find bench-find-grid bench-find-trackers bench-size bench-import bench-dashboard install format docs lock clean help
