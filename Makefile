# Linli. `make run` to see it, `make test` to trust it.
.PHONY: help run up down status demo test systems parts coverage fast check fuzz inventory bench setup setup-dev lock hooks containers images kubernetes clean

# Where nothing compiled is kept, each start of a service compiles all of it again: a third of the time that it takes.
unexport PYTHONDONTWRITEBYTECODE

LINLI = .venv/bin/linli
LINLI_IMAGES ?= $(shell sed -n 's/^LINLI_IMAGES=//p' .env 2>/dev/null)
VERSION = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
SERVICES = $(sort $(notdir $(patsubst %/record.py,%,$(wildcard services/*/record.py))))
PYTEST = .venv/bin/python -m pytest

help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: setup ## start everything, play the main job, stay until Ctrl-C
	@exec $(LINLI) run

up: setup ## start everything in the background
	@$(LINLI) up

down: setup ## stop everything
	@$(LINLI) down

status: setup ## what runs; exits 0 only if all is ready
	@$(LINLI) status

demo: setup ## play the main job against what is running
	@$(LINLI) demo

check: setup-dev ## ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

test: ## all tests; two systems side by side, each with its own broker and database, and beside them the parts alone
	@$(MAKE) --no-print-directory -j 2 --keep-going systems parts

systems: setup-dev
	$(PYTEST) tests/system -n 2 --dist loadfile --no-loadscope-reorder

parts: setup-dev ## what needs no system: unit, contracts, the store against a real database
	@said=$$(mktemp); $(PYTEST) tests/unit tests/contracts tests/store >$$said 2>&1; failed=$$?; \
	echo; echo 'what needs no system: tests/unit, tests/contracts, tests/store'; cat $$said; rm $$said; exit $$failed

coverage: setup-dev ## the same, and which lines it covers; what runs in the services of a system is not seen
	$(PYTEST) tests/unit tests/contracts tests/store --cov --cov-report=term:skip-covered

fast: setup-dev ## unit and contract tests, under a minute
	$(PYTEST) tests/unit tests/contracts -n 2

fuzz: setup-dev ## the thorough tries with bad input: every boundary of every field
	LINLI_FUZZ=thorough $(PYTEST) tests/system/test_bad_input.py

inventory: setup-dev ## play the rows of docs/inventory.md, and say which are true
	.venv/bin/python -m tests.system.inventory

containers: ## the compose file under a Docker engine of its own: root alone, a quarter of an hour; IMAGES=real under yours, with its images
	@ops/setup.sh containers
	IMAGES=$(IMAGES) $(PYTEST) tests/containers --timeout 1800

images: ## the images that k8s/ names, of this version; LINLI_IMAGES stands before their names
	$(foreach service,$(SERVICES),docker build --build-arg SERVICE=$(service) --tag $(LINLI_IMAGES)linli-$(service):$(VERSION) . &&) true
	docker build --file deploy/ops.Dockerfile --tag linli-ops:$(VERSION) --tag $(LINLI_IMAGES)linli-ops:$(VERSION) .
	docker build --file deploy/edge.Dockerfile --build-arg VERSION=$(VERSION) --tag $(LINLI_IMAGES)linli-edge:$(VERSION) .

kubernetes: setup-dev .venv-kubernetes/.ready ## what an operator applies: schemas, checkov, hadolint; CRDS=FOLDER for the operators' kinds
	.venv-kubernetes/bin/python -m tests.kubernetes.check

.venv-kubernetes/.ready: requirements/kubernetes.lock
	rm -rf .venv-kubernetes
	.venv/bin/python -m venv .venv-kubernetes
	.venv-kubernetes/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/kubernetes.lock
	touch $@

bench: setup-dev ## the figures of docs/benchmarks.md
	.venv/bin/python -m tests.bench

setup:
	@ops/setup.sh run

setup-dev:
	@ops/setup.sh dev

lock: setup ## resolve the dependencies again
	.venv/bin/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/setup.lock
	for kind in setup services run dev containers kubernetes; do (cd requirements && ../.venv/bin/uv pip compile -q $$kind.in -o $$kind.lock --upgrade \
		--no-emit-index-url --generate-hashes --no-header --python-version 3.11); done

hooks: setup-dev ## have git check each commit, and its message
	.venv/bin/pre-commit install --hook-type pre-commit --hook-type commit-msg

clean: ## forget the virtual environment and the local installation
	rm -rf .venv .venv-kubernetes .run
